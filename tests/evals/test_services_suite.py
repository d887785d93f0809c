"""The services suite: baselines that do what they say, and figures that mean what they say."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from aurora.domain import Action, Cause, Situation, Step
from aurora.policy.moves import MOVES, Move
from evals.baselines.services import LEARNERS, always, crossed, numbers, priced, seen_of, trigger_table
from evals.suites.figures import Figure
from evals.suites.result import ENGINE
from evals.suites.services import (
    NEVER,
    ORACLE,
    TABLE,
    Decided,
    Part,
    _asked,
    by_engine,
    calibration,
    deployable,
    is_control,
    right,
    succeeded,
)
from evals.suites.services import _result as result
from evals.worlds.services.catalogue import table
from evals.worlds.services.rollout import Episode, episode_of
from tests.policy.looking import look

ENTRIES = [one for one in table() if one.number == 0 and one.profile.name in ("fraud", "churn")][::3]


@pytest.fixture(scope="module")
def found() -> list[Episode]:
    return [episode_of(one) for one in ENTRIES]


def decided(found: list[Episode], moves: list[Move]) -> list[Decided]:
    return [Decided(move, one.cost(move)) for move, one in zip(moves, found, strict=True)]


def part(found: list[Episode]) -> Part:
    made = {
        NEVER: decided(found, [Move.LEAVE] * len(found)),
        TABLE: decided(found, [trigger_table(one.situation) for one in found]),
        "tree of depth 6": decided(found, [Move.ALERT] * len(found)),
        "boosted trees (the bound)": decided(found, [Move.ALERT] * len(found)),
        ENGINE: [by_engine(one) for one in found],
        ORACLE: decided(found, [min(one.costs, key=one.costs.__getitem__) for one in found]),
    }
    return Part("Published families", "published", found, made)


# --- baselines -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("telemetry", "move"),
    [
        ({"model_metrics": {"accuracy": 0.65}, "data_drift": {"detected": True, "score": 0.7}}, Move.RETRAIN),
        (
            {
                "model_metrics": {"accuracy": 0.85},
                "baseline": {"accuracy": 0.88},
                "data_drift": {"detected": True, "score": 0.6},
            },
            Move.FINE_TUNE,
        ),
        ({"model_metrics": {"latency_ms": 1200.0}, "traffic": {"repeat_ratio": 0.5}}, Move.CACHE),
        ({"model_metrics": {"accuracy": 0.9}, "system_load": {"cpu_usage": 0.95}}, Move.SCALE_UP),
        ({"model_metrics": {"accuracy": 0.9}, "system_load": {"cpu_usage": 0.05}}, Move.SCALE_DOWN),
        ({"model_metrics": {"error_rate": 0.2}}, Move.ALERT),
        ({"model_metrics": {"accuracy": 0.9}}, Move.LEAVE),
    ],
)
def test_the_trigger_table_does_what_the_contract_says(telemetry: dict[str, Any], move: Move) -> None:
    assert trigger_table(look(telemetry)) is move


def test_what_learns_sees_no_more_than_the_situation_and_its_gaps(found: list[Episode]) -> None:
    seen = seen_of(found)
    assert seen.shape == (len(found), len(numbers(found[0].situation)))
    assert np.isnan(seen).any()
    assert priced(found).shape == (len(found), len(MOVES))
    assert not priced(found)[:, MOVES.index(Move.LEAVE)].any()


def test_a_learner_never_learns_from_the_family_it_is_asked_about(found: list[Episode]) -> None:
    heard: list[tuple[int, int]] = []

    class Listening:
        def fit(self, seen: Any, costs: Any) -> None:
            self.size = len(costs)

        def predict(self, seen: Any) -> Any:
            heard.append((self.size, len(seen)))
            return np.zeros((len(seen), len(MOVES)))

    crossed(Listening, found, found)
    # Every family has one episode here, so that what is asked is missing from both sets.
    assert all(learnt == 2 * (len(found) - asked) for learnt, asked in heard)
    assert sum(asked for _, asked in heard) == len(found)


def test_a_tree_that_learns_is_better_than_never_acting(found: list[Episode]) -> None:
    more = [episode_of(one) for one in table() if one.number == 1 and one.profile.name in ("fraud", "churn")][::3]
    moves = crossed(LEARNERS["tree of depth 3"], more, found)
    cost = sum(one.cost(move) for one, move in zip(found, moves, strict=True))
    assert cost < sum(one.cost(Move.LEAVE) for one in found)


# --- figures ---------------------------------------------------------------------------------------------------------


def test_the_oracle_has_no_regret_and_never_acting_has_all_of_it(found: list[Episode]) -> None:
    told = {row.policy: row.figures for row in result([part(found)]).tables[0].rows}
    oracle, never = told[ORACLE][0], told[NEVER][0]
    assert oracle is not None
    assert never is not None
    assert (oracle.value, never.value) == (0, 1)
    assert told[NEVER][2] == Figure(0.0, 0.0, 0.0)


def test_the_bar_is_the_best_baseline_that_can_be_put_to_work(found: list[Episode]) -> None:
    assert deployable(part(found)) in (TABLE, "tree of depth 6")
    keys = [target.key for target in result([part(found)]).targets]
    assert keys == [f"services.published.{name}" for name in ("regret", "gap", "wrong", "ece", "skill")]


def test_another_planner_is_no_bar_however_good_it_is(found: list[Episode]) -> None:
    alone = part(found)
    beside = replace(alone, decided={**alone.decided, "wise": alone.decided[ORACLE]}, planner="wise")
    assert deployable(beside) == deployable(alone)
    assert result([beside]).targets == result([alone]).targets
    assert "wise" in {row.policy for row in result([beside]).tables[0].rows}


def test_a_control_is_healthy_and_best_left_alone(found: list[Episode]) -> None:
    controls = [one for one in found if is_control(one)]
    assert controls
    assert all(one.entry.shapes[0].cause is Cause.HEALTHY and one.regret(Move.LEAVE) <= 0.05 for one in controls)


def test_a_tie_is_right_and_a_miss_is_not(found: list[Episode]) -> None:
    one = max(found, key=lambda episode: episode.regret(Move.LEAVE))
    assert right(one, one.least)
    assert right(one, one.least + 0.04 * one.regret(Move.LEAVE))
    assert not right(one, one.least + 0.10 * one.regret(Move.LEAVE))


def test_a_decision_succeeds_by_what_came_of_it(found: list[Episode]) -> None:
    worst = max(found, key=lambda episode: episode.regret(Move.LEAVE))
    assert not succeeded(worst, Decided(Move.LEAVE, worst.cost(Move.LEAVE)))
    calm = next(one for one in found if is_control(one))
    assert succeeded(calm, Decided(Move.LEAVE, calm.cost(Move.LEAVE)))
    assert not succeeded(calm, Decided(Move.ALERT, calm.cost(Move.ALERT)))
    assert not succeeded(calm, Decided(Move.RETRAIN, calm.cost(Move.RETRAIN), goal=None))


def test_calibration_of_what_is_known() -> None:
    random = np.random.default_rng(7)
    chances = random.uniform(0.05, 0.95, 4000)
    happened = (random.random(4000) < chances).tolist()
    honest, boastful = calibration(chances.tolist(), happened), calibration([0.99] * 4000, happened)
    assert honest.ece < 0.03
    assert honest.skill > 0.2
    assert boastful.ece > 0.4
    assert boastful.skill < 0


def test_another_planner_is_priced_by_its_own_parameters(found: list[Episode]) -> None:
    class Bold:
        name = "bold"

        def decide(self, situation: Situation) -> Step:
            return Step(action=Action.SCALE, target=situation.telemetry.model_name, parameters={"replicas": 20})

    one = next(one for one in found if Move.SCALE_UP in one.costs)
    told = _asked(Bold(), one)
    assert told.move is Move.SCALE_UP
    assert told.cost > one.costs[Move.SCALE_UP]
    assert always(Move.ALERT)(one.situation) is Move.ALERT


def test_what_another_planner_changes_in_what_it_is_shown_is_seen_by_nobody_else(found: list[Episode]) -> None:
    class Spoiler:
        name = "spoiler"

        def decide(self, situation: Situation) -> Step:
            situation.baseline_sources["accuracy"] = "settings"
            situation.__dict__["telemetry"] = None
            return Step(action=Action.NO_ACTION, target=model)

    one = found[0]
    model = one.situation.telemetry.model_name
    before = one.situation.model_dump()
    _asked(Spoiler(), one)
    assert one.situation.model_dump() == before
