"""Points arrive, nobody asks anything, and AURORA notices, acts, and leaves alone what only looked bad."""

from typing import Any

import pytest

from aurora import Aurora
from aurora.domain import MetricPoint, Mode, ModelSettings

from .conftest import ShiftedClock

SETTINGS: dict[str, Any] = {
    "baseline": {"accuracy": 0.88, "latency_ms": 300},
    "cooldown_minutes": 0.25,
    "verify_minutes": 0.05,
}
FINE: dict[str, Any] = {"accuracy": 0.88, "labels": 500, "latency_ms": 300.0, "data_drift_score": 0.1, "cpu_usage": 0.4}
DRIFTED: dict[str, Any] = {**FINE, "accuracy": 0.7, "data_drift_score": 0.7}


@pytest.fixture
def feed(aurora: Aurora, clock: ShiftedClock) -> Any:
    """Lets points of the model arrive, one a second; after each AURORA makes a round."""
    aurora.put_settings("scorer", ModelSettings.model_validate(SETTINGS), "ada")
    assert aurora.memory.wait_ready(120)

    def fed(values: dict[str, Any], count: int) -> int:
        opened = 0
        for _ in range(count):
            clock.pass_hours(1 / 3600)
            aurora.add_metrics([MetricPoint(model_name="scorer", model_version="1", **values)])
            opened += aurora.watch()
        return opened

    assert fed(FINE, 40) == 0
    return fed


def test_a_model_that_drifts_is_retrained_without_anybody_asking(aurora: Aurora, feed: Any) -> None:
    assert feed(DRIFTED, 10) == 1

    (decision,) = aurora.ledger.decisions.list().items
    assert (decision.status, decision.decision_type) == ("executed", "retrain")
    situation = aurora.nouns(decision.id)["observe"][0]
    assert situation.history.breaching_points >= 3
    assert situation.telemetry.data_drift.score > 0.5
    assert aurora.drain(60)


def test_a_blip_is_left_alone(aurora: Aurora, feed: Any) -> None:
    assert feed({**FINE, "latency_ms": 9000.0}, 2) == 0
    assert feed(FINE, 10) == 0
    assert aurora.ledger.decisions.list().items == ()


def test_in_observe_mode_it_says_what_it_would_have_done(aurora: Aurora, feed: Any) -> None:
    aurora.ledger.installation.set_mode(Mode.OBSERVE, "", "ada")
    assert feed(DRIFTED, 10) == 1
    (decision,) = aurora.ledger.decisions.list().items
    assert (decision.status, decision.decision_type) == ("proposed", "retrain")
    assert aurora.ledger.intents.of_decision(decision.id) == []
    watch = aurora.ledger.watches.get("scorer")
    assert watch is not None
    assert (watch.word, watch.held_by) == ("held", "same_evidence")


def test_when_it_is_stopped_nothing_is_opened(aurora: Aurora, feed: Any) -> None:
    aurora.ledger.installation.set_mode(Mode.STOPPED, "", "ada")
    assert feed(DRIFTED, 10) == 0


def test_a_drift_that_is_answered_well_is_looked_at_and_left_alone(aurora: Aurora, feed: Any) -> None:
    assert feed({**FINE, "data_drift_score": 0.8}, 14) == 1
    (decision,) = aurora.ledger.decisions.list().items
    assert decision.status == "no_action"
