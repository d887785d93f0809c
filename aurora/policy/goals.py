"""What a move is to reach, in a number that can be measured afterwards."""

from collections.abc import Callable, Mapping
from typing import Literal

from aurora.domain import Goal
from aurora.policy.moves import Move, Side
from aurora.policy.signs import error_limit, healthy_accuracy, latency_limit, memory_high
from aurora.policy.view import View, memory_pressure, usage


def goal_for(move: Move, side: Side, seen: View) -> Goal | None:
    """Return the goal of `move`; None for leaving it, which is to reach nothing."""
    if move is Move.LEAVE:
        return None
    within = seen.settings.verify_minutes
    if move is Move.ALERT:
        summary = "people know of it"
        return Goal(metric="none", direction="at_least", threshold=0.0, within_minutes=within, summary=summary)
    if move in (Move.RETRAIN, Move.FINE_TUNE) or (move is Move.ROUTE_BACK and side is Side.QUALITY):
        return _accuracy(move, seen)
    return GOALS[move](seen)


def _accuracy(move: Move, seen: View) -> Goal:
    """Make good at least half of what was lost; where accuracy is not seen, be near the healthy level."""
    before = seen.get("model_metrics.accuracy")
    healthy = healthy_accuracy(seen)[0]
    previous = seen.get("deployment.previous_accuracy")
    if move is Move.ROUTE_BACK and previous is not None:
        healthy = previous
    if before is None:
        threshold = max(healthy - 2 * seen.priors.numbers["tolerated_drop"], 0.0)
    else:
        threshold = before + max(healthy - before, 0.0) / 2
    return Goal(
        metric="accuracy",
        direction="at_least",
        threshold=round(threshold, 4),
        before=before,
        within_minutes=seen.settings.verify_minutes,
        summary=f"accuracy of at least {threshold:.3f}{_from(before, '.3f')}",
    )


def _from(before: float | None, form: str) -> str:
    return "" if before is None else f", from {before:{form}}"


def _latency(seen: View) -> Goal:
    """Bring latency under its target, or usage under its limit where latency is no complaint."""
    before = seen.get("model_metrics.latency_ms")
    limit = latency_limit(seen)
    if before is None or before <= limit:
        return _at_most(seen, "usage", seen.settings.thresholds.usage_high, _load(seen))
    return Goal(
        metric="latency_ms",
        direction="at_most",
        threshold=round(limit, 1),
        before=before,
        within_minutes=seen.settings.verify_minutes,
        summary=f"latency of at most {limit:.0f} ms{_from(before, '.0f')}",
    )


def _with_more_room(seen: View) -> Goal:
    """Where nothing is late and nothing fails, go for what is full: memory, unless the load is as well."""
    goal = _latency_or_errors(seen)
    return _memory(seen) if goal.metric == "usage" and _is_memory_alone(seen) else goal


def _as_before(seen: View) -> Goal:
    """Go for memory where that runs out: whatever else is ill is so because of it."""
    runs_out = (memory_high(seen) or 0.0) >= 0.5
    return _memory(seen) if runs_out and _is_memory_alone(seen) else _latency_or_errors(seen)


def _is_memory_alone(seen: View) -> bool:
    """Whether memory is over the limit for usage, and the load is not."""
    limit = seen.settings.thresholds.usage_high
    return (memory_pressure(seen) or 0.0) > limit >= (usage(seen) or 0.0)


def _memory(seen: View) -> Goal:
    return _at_most(seen, "memory_usage", seen.settings.thresholds.usage_high, memory_pressure(seen))


def _room(seen: View) -> Goal:
    """Give back what is idle, and stay under the limit with what is left."""
    return _at_most(seen, "usage", seen.settings.thresholds.usage_high, _load(seen)).evolve(keep=True)


def _load(seen: View) -> float | None:
    known = [load for load in (usage(seen), seen.get("replicas.busiest_load")) if load is not None]
    return max(known, default=None)


def _at_most(seen: View, metric: Literal["usage", "memory_usage"], limit: float, before: float | None) -> Goal:
    return Goal(
        metric=metric,
        direction="at_most",
        threshold=limit,
        before=before,
        within_minutes=seen.settings.verify_minutes,
        summary=f"{metric.replace('_', ' ')} of at most {limit:.2f}{_from(before, '.2f')}",
    )


def _latency_or_errors(seen: View) -> Goal:
    """Go for the error rate where requests fail and are not late."""
    rate, limit = seen.get("model_metrics.error_rate"), error_limit(seen)
    latency = seen.get("model_metrics.latency_ms")
    if rate is None or rate <= limit or (latency is not None and latency > latency_limit(seen)):
        return _latency(seen)
    return Goal(
        metric="error_rate",
        direction="at_most",
        threshold=round(limit, 4),
        before=rate,
        within_minutes=seen.settings.verify_minutes,
        summary=f"error rate of at most {limit:.3f}{_from(rate, '.3f')}",
    )


GOALS: Mapping[Move, Callable[[View], Goal]] = {
    Move.CACHE: _latency,
    Move.ROUTE_AWAY: _latency_or_errors,
    Move.ROUTE_BACK: _as_before,
    Move.SCALE_UP: _with_more_room,
    Move.SCALE_DOWN: _room,
}
