"""What decides about a service beside the engine: fixed answers, chance, the contract's table, and trees that learn.

The trees are shown the same telemetry as numbers, and learn what each move costs on published episodes; each then makes
the cheapest. The boosted ones, one for each move, stand for how much of the truth the telemetry can tell at all.
"""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import GroupKFold
from sklearn.tree import DecisionTreeRegressor
from threadpoolctl import threadpool_limits

from aurora.domain import Situation
from aurora.policy.moves import MOVES, Move
from aurora.policy.steps import previous_version
from aurora.policy.view import View, view
from evals.worlds.services.rollout import Episode

Decide = Callable[[Situation], Move]
Matrix = NDArray[np.float64]

SEED = 20261130
FOLDS = 5


# --- rules -----------------------------------------------------------------------------------------------------------


def always(move: Move) -> Decide:
    """Make the same move whatever is seen."""
    return lambda _: move


def by_chance() -> Decide:
    """Make any move, each as likely."""
    random = Random(SEED)
    return lambda _: random.choice(MOVES)


SLIPPING, WELL_UNDER = 0.02, 0.05
"""How far accuracy is under its baseline where the table says `slipping` and `well under`; it gives no numbers."""
BALANCED, HOT = 0.35, 0.7


def trigger_table(situation: Situation) -> Move:
    """Return what the contract's table of decision types says, taken literally, its lines from top to bottom."""
    seen = view(situation)
    return next(move for move, holds in TABLE if holds(seen, situation))


def _under(seen: View, by: float) -> bool:
    accuracy, baseline = seen.get("model_metrics.accuracy"), seen.get("baseline.accuracy")
    return accuracy is not None and baseline is not None and accuracy < baseline - by


def _drifted(seen: View, _: Situation) -> bool:
    detected = seen.get("data_drift.detected")
    return (
        bool(detected)
        if detected is not None
        else _over(seen, "data_drift.score", seen.settings.thresholds.drift_score)
    )


def _over(seen: View, path: str, limit: float) -> bool:
    value = seen.get(path)
    return value is not None and value > limit


def _retrained(seen: View, situation: Situation) -> bool:
    accuracy = seen.get("model_metrics.accuracy")
    low = (accuracy is not None and accuracy < seen.settings.accuracy_floor) or _under(seen, WELL_UNDER)
    return low and _drifted(seen, situation)


def _fine_tuned(seen: View, _: Situation) -> bool:
    late = _over(seen, "labels.delay_hours", seen.settings.thresholds.label_delay_hours)
    return _over(seen, "data_drift.score", seen.settings.thresholds.drift_score) and (_under(seen, SLIPPING) or late)


def _cached(seen: View, situation: Situation) -> bool:
    return _slow(seen, situation) and _over(seen, "traffic.repeat_ratio", seen.settings.thresholds.repeat_ratio)


def _routed_away(seen: View, _: Situation) -> bool:
    worst, others = seen.get("replicas.worst_load"), seen.get("replicas.other_load")
    if worst is None or others is None:
        return False
    return (worst - others > BALANCED and worst > HOT) or bool(seen.get("replicas.ill"))


def _routed_back(seen: View, situation: Situation) -> bool:
    minutes = seen.get("deployment.minutes_since_deploy")
    if (
        minutes is None
        or minutes > seen.settings.thresholds.recent_deploy_minutes
        or previous_version(situation) is None
    ):
        return False
    return _under(seen, WELL_UNDER) or _failing(seen, situation) or _slow(seen, situation)


def _failing(seen: View, _: Situation) -> bool:
    return _over(seen, "model_metrics.error_rate", seen.settings.thresholds.error_rate)


def _slow(seen: View, _: Situation) -> bool:
    return _over(seen, "model_metrics.latency_ms", seen.settings.latency_slo_ms)


def _usage(seen: View) -> float | None:
    known = [seen.get("system_load.cpu_usage"), seen.get("system_load.gpu_usage")]
    return max((value for value in known if value is not None), default=None)


def _scaled_up(seen: View, _: Situation) -> bool:
    used = _usage(seen)
    return used is not None and used > seen.settings.thresholds.usage_high


def _scaled_down(seen: View, _: Situation) -> bool:
    used = _usage(seen)
    return used is not None and used < seen.settings.thresholds.usage_idle


def _told(seen: View, situation: Situation) -> bool:
    limits = seen.settings.thresholds
    broken = _over(seen, "data_quality.null_rate", limits.null_rate) or _over(
        seen, "data_quality.invalid_rate", limits.invalid_rate
    )
    stale = _over(seen, "data_quality.freshness_minutes", limits.freshness_minutes)
    return broken or stale or _failing(seen, situation) or _slow(seen, situation) or _under(seen, WELL_UNDER)


TABLE: Sequence[tuple[Move, Callable[[View, Situation], bool]]] = (
    (Move.RETRAIN, _retrained),
    (Move.FINE_TUNE, _fine_tuned),
    (Move.CACHE, _cached),
    (Move.ROUTE_AWAY, _routed_away),
    (Move.ROUTE_BACK, _routed_back),
    (Move.SCALE_UP, _scaled_up),
    (Move.SCALE_DOWN, _scaled_down),
    (Move.ALERT, _told),
    (Move.LEAVE, lambda _, __: True),
)


# --- what learns -----------------------------------------------------------------------------------------------------

COSTS = ("retrain", "fine_tune", "alert", "slo_breach", "replica_hour")
PATHS = (
    "model_metrics.accuracy", "model_metrics.latency_ms", "model_metrics.error_rate", "model_metrics.throughput_rps",
    "baseline.accuracy", "baseline.latency_ms", "baseline.error_rate", "baseline.throughput_rps",
    "data_drift.score", "data_drift.detected", "system_load.cpu_usage", "system_load.gpu_usage",
    "system_load.memory_usage", "data_quality.null_rate", "data_quality.invalid_rate",
    "data_quality.freshness_minutes", "data_quality.suspect_features", "deployment.minutes_since_deploy",
    "deployment.previous_accuracy", "traffic.repeat_ratio", "labels.count", "labels.delay_hours",
    "replicas.worst_load", "replicas.worst_latency_ms", "replicas.other_load", "replicas.other_latency_ms",
    "replicas.ill", "replicas.told", "replicas.count", "history.points", "history.breaching_points",
    "history.memory_slope",
)  # fmt: skip


def numbers(situation: Situation) -> list[float]:
    """Return all that is seen as numbers, NaN where it is not known; the ratios that a person would look at beside."""
    seen = view(situation)

    def get(path: str) -> float:
        value = seen.get(path)
        return float("nan") if value is None else value

    slopes = [situation.history.accuracy_slope, situation.history.latency_slope]
    return [
        *(get(path) for path in PATHS),
        *(float("nan") if slope is None else slope for slope in slopes),
        get("baseline.accuracy") - get("model_metrics.accuracy"),
        get("deployment.previous_accuracy") - get("model_metrics.accuracy"),
        seen.settings.accuracy_floor - get("model_metrics.accuracy"),
        get("model_metrics.latency_ms") / seen.settings.latency_slo_ms,
        get("model_metrics.latency_ms") / get("baseline.latency_ms"),
        get("model_metrics.throughput_rps") / max(get("baseline.throughput_rps"), 1e-9),
        get("replicas.worst_load") - get("replicas.other_load"),
        float(previous_version(situation) is not None),
        seen.settings.latency_slo_ms,
        *(float(getattr(seen.settings.costs, name)) for name in COSTS),
    ]


def seen_of(episodes: Sequence[Episode]) -> Matrix:
    """Return what is seen of episodes, shape (episodes, numbers)."""
    return np.array([numbers(episode.situation) for episode in episodes])


def priced(episodes: Sequence[Episode]) -> Matrix:
    """Return what every move costs beyond leaving it, shape (episodes, moves); 0 for one that cannot be made."""
    return np.array([[one.cost(move) - one.cost(Move.LEAVE) for move in MOVES] for one in episodes])


class Learner(Protocol):
    """Learns what moves cost."""

    def fit(self, seen: Matrix, costs: Matrix) -> Any:
        """Learn from what was seen, and what every move cost beyond leaving it."""

    def predict(self, seen: Matrix) -> Matrix:
        """Return what every move should cost."""


class Boosted:
    """Gradient-boosted trees for each move."""

    def fit(self, seen: Matrix, costs: Matrix) -> "Boosted":
        """Learn; see `Learner`."""
        # Threads that wait for each other cost more than they bring where the machine is shared.
        with threadpool_limits(1):
            self._trees = [_boosted().fit(seen, cost) for cost in costs.T]
        return self

    def predict(self, seen: Matrix) -> Matrix:
        """Foretell; see `Learner`."""
        return np.array([tree.predict(seen) for tree in self._trees]).T


def _boosted() -> Any:
    return HistGradientBoostingRegressor(
        max_iter=100, learning_rate=0.1, max_leaf_nodes=15, min_samples_leaf=20, l2_regularization=1.0,
        random_state=SEED,
    )  # fmt: skip


def _tree(depth: int) -> Callable[[], Learner]:
    return lambda: DecisionTreeRegressor(max_depth=depth, min_samples_leaf=8, random_state=SEED)


LEARNERS: Mapping[str, Callable[[], Learner]] = {
    "tree of depth 3": _tree(3),
    "tree of depth 6": _tree(6),
    "boosted trees (the bound)": Boosted,
}


def learnt(make: Callable[[], Learner], training: Sequence[Episode], asked: Sequence[Episode]) -> list[Move]:
    """Return the moves that a learner makes on episodes that it has not learnt from."""
    learner = make()
    learner.fit(seen_of(training), priced(training))
    return _cheapest(learner.predict(seen_of(asked)))


def crossed(make: Callable[[], Learner], more: Sequence[Episode], asked: Sequence[Episode]) -> list[Move]:
    """Return the moves on `asked` by learners that have seen no episode of the same family, in `more` neither."""
    families = np.array([episode.entry.family for episode in asked])
    moves = [Move.LEAVE] * len(asked)
    for kept, left in GroupKFold(FOLDS).split(families, groups=families):
        unseen = set(families[left])
        training = [asked[place] for place in kept] + [one for one in more if one.entry.family not in unseen]
        for place, move in zip(left, learnt(make, training, [asked[place] for place in left]), strict=True):
            moves[place] = move
    return moves


def _cheapest(costs: Matrix) -> list[Move]:
    return [MOVES[place] for place in costs.argmin(axis=1)]
