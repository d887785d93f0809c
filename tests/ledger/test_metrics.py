"""The history of a model: kept in bulk, read back exactly, averaged over steps."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from aurora.domain import METRICS, MetricPoint, Replica
from aurora.errors import Invalid
from aurora.ledger import Ledger
from tests.ledger.story import NAME, Watch

START = datetime(2026, 11, 22, 8, tzinfo=UTC)


def at(minutes: float, accuracy: float, name: str = NAME) -> MetricPoint:
    return MetricPoint(model_name=name, accuracy=accuracy, timestamp=START + timedelta(minutes=minutes))


def test_a_point_comes_back_with_every_value_it_had(ledger: Ledger) -> None:
    values = {name: 10**12 if name == "labels" else 1 / 3 for name in METRICS}
    replicas = (Replica(name="r1", load=0.9, latency_ms=1 / 3, healthy=True), Replica(name="zwei β"))
    point = MetricPoint(model_name=NAME, model_version="1.4 β", timestamp=START, replicas=replicas, **values)

    ledger.metrics.add([point], START)

    assert ledger.metrics.latest(NAME) == point


def test_points_of_one_list_come_back_each_as_it_was(ledger: Ledger) -> None:
    plain = at(0, 0.1)
    versioned = plain.evolve(accuracy=None, error_rate=0.5, model_version="2", timestamp=START + timedelta(hours=1))
    copied = versioned.evolve(labels=7, replicas=(Replica(name="r1"),), timestamp=START + timedelta(hours=2))

    ledger.metrics.add([copied, plain, versioned, at(0, 0.2, "other")], START)

    assert ledger.metrics.recent(NAME) == [plain, versioned, copied]
    assert ledger.metrics.recent("other") == [at(0, 0.2, "other")]


def test_a_list_with_a_name_that_cannot_be_stored_is_refused_as_a_whole(ledger: Ledger) -> None:
    with pytest.raises(Invalid, match="NUL"):
        ledger.metrics.add([at(0, 0.1), MetricPoint.model_construct(model_name="a\x00b", accuracy=0.1)], START)
    assert ledger.metrics.recent(NAME) == []


def test_replicas_alone_are_no_point() -> None:
    with pytest.raises(ValidationError, match="at least one metric"):
        MetricPoint(model_name=NAME, replicas=(Replica(name="r1", load=0.9),))
    assert "replicas" not in METRICS


def test_a_point_without_a_time_gets_when_it_was_received(ledger: Ledger) -> None:
    ledger.metrics.add([MetricPoint(model_name=NAME, accuracy=0.8)], START)

    assert [point.timestamp for point in ledger.metrics.recent(NAME)] == [START]


def test_recent_points_come_oldest_first_whenever_they_arrived(ledger: Ledger) -> None:
    ledger.metrics.add([at(3, 0.3), at(1, 0.1)], START)
    ledger.metrics.add([at(2, 0.2), at(2, 0.25), at(9, 0.9, "other")], START)

    assert [point.accuracy for point in ledger.metrics.recent(NAME)] == [0.1, 0.2, 0.25, 0.3]
    assert [point.accuracy for point in ledger.metrics.recent(NAME, limit=2)] == [0.25, 0.3]


def test_the_past_is_read_as_it_was_known_then(ledger: Ledger) -> None:
    for minute in range(5):
        ledger.metrics.add([at(minute, minute / 10)], START + timedelta(minutes=minute))
    until = START + timedelta(minutes=2)
    assert [point.accuracy for point in ledger.metrics.recent(NAME, limit=2, until=until)] == [0.1, 0.2]
    assert ledger.metrics.recent_of([NAME, "nobody"], 9, until)["nobody"] == ([], timedelta())


def test_no_point_was_measured_later_than_it_arrived(ledger: Ledger) -> None:
    ledger.metrics.add([at(0, 0.1)], START)
    ledger.metrics.add([at(121, 0.2)], START + timedelta(minutes=1))
    ledger.metrics.add([at(2, 0.3)], START + timedelta(minutes=2))
    ledger.metrics.add([at(123, 0.4)], START + timedelta(minutes=3))
    now = START + timedelta(minutes=3)

    known = ledger.metrics.recent_of([NAME], 3, now)[NAME]
    assert [(point.timestamp, point.accuracy) for point in known.points] == [
        (START + timedelta(minutes=minute), accuracy) for minute, accuracy in [(1, 0.2), (2, 0.3), (3, 0.4)]
    ]
    assert known.ahead == timedelta(hours=2)
    assert ledger.metrics.recent(NAME, until=START + timedelta(minutes=1)) == [at(0, 0.1), at(1, 0.2)]


def test_what_is_delivered_again_was_measured_once(ledger: Ledger) -> None:
    other = at(0, 0.5).evolve(replicas=(Replica(name="r2", load=0.5),))
    for minute in range(1, 4):
        ledger.metrics.add([at(0, 0.5), other, at(0, 0.6)], START + timedelta(minutes=minute))
    found = ledger.metrics.recent(NAME, until=START + timedelta(hours=1))
    assert found == [at(0, 0.5), other, at(0, 0.6)]


def test_equal_points_that_tell_no_time_are_measurements_of_their_own(ledger: Ledger) -> None:
    ledger.metrics.add([MetricPoint(model_name=NAME, accuracy=0.5)] * 3, START)
    assert len(ledger.metrics.recent(NAME, until=START)) == 3


def test_the_lines_of_several_models_come_oldest_first(ledger: Ledger) -> None:
    ledger.metrics.add([at(3, 0.3), at(1, 0.1), at(2, 0.2), at(2, 0.9, "other")], START)

    assert ledger.metrics.lines_of([NAME, "other", "nobody"], limit=2) == {
        NAME: [(START + timedelta(minutes=2), 0.2, None), (START + timedelta(minutes=3), 0.3, None)],
        "other": [(START + timedelta(minutes=2), 0.9, None)],
        "nobody": [],
    }
    assert ledger.metrics.lines_of([]) == {}


def test_a_model_without_points_has_none(ledger: Ledger) -> None:
    ledger.metrics.add([], START)

    assert ledger.metrics.recent(NAME) == []
    assert ledger.metrics.latest(NAME) is None
    assert ledger.metrics.series(NAME, START, START + timedelta(days=1), 60) == []


def test_points_make_their_models_known(ledger: Ledger) -> None:
    ledger.metrics.add([at(0, 0.5, "b"), at(0, 0.5, "a"), at(1, 0.5, "a")], START)
    ledger.metrics.add([at(2, 0.5, "a")], START + timedelta(hours=1))

    assert [(model.name, model.first_seen) for model in ledger.models.list().items] == [("a", START), ("b", START)]
    assert ledger.models.get("a").last_seen == START + timedelta(hours=1)


def test_a_series_averages_over_steps_and_leaves_out_the_empty_ones(ledger: Ledger) -> None:
    loaded = at(1.5, 0.5).evolve(labels=3, latency_ms=100.0, replicas=(Replica(name="r1", load=0.9),))
    ledger.metrics.add([at(0, 0.2), loaded, loaded.evolve(labels=4), at(7, 0.8), at(10, 0.1)], START)

    series = ledger.metrics.series(NAME, START, START + timedelta(minutes=10), 300)

    assert [step["timestamp"] for step in series] == [START, START + timedelta(minutes=5)]
    assert [step["points"] for step in series] == [3, 1]
    assert series[0]["accuracy"] == pytest.approx(0.4)
    assert (series[0]["labels"], series[0]["latency_ms"], series[0]["error_rate"]) == (3.5, 100.0, None)
    assert set(series[0]) == {"timestamp", "points", *METRICS}


def test_a_series_keeps_points_between_two_seconds_in_their_step(ledger: Ledger) -> None:
    ledger.metrics.add([at(0.999 / 60, 0.2), at(59.999 / 60, 0.4), at(1, 0.9)], START)

    series = ledger.metrics.series(NAME, START, START + timedelta(minutes=2), 60)

    assert [(step["timestamp"].minute, step["points"]) for step in series] == [(0, 2), (1, 1)]


def test_a_step_shorter_than_a_second_is_refused(ledger: Ledger) -> None:
    with pytest.raises(Invalid, match="one second"):
        ledger.metrics.series(NAME, START, START, 0)


def test_ten_thousand_points_are_kept_in_one_go(ledger: Ledger, clock: Watch) -> None:
    ledger.metrics.add([at(minute, 0.5, f"model-{minute % 100}") for minute in range(10_000)], clock.now)

    assert len(ledger.metrics.recent("model-7", limit=1000)) == 100
    assert ledger.audit.verify() == []
