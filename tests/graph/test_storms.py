"""When many models begin to breach at once, with whole values and no ledger."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from aurora.graph.storms import HOLD, LEAST, Looks, rising, standing
from aurora.ledger.records import WatchRecord
from tests.graph.test_attention import NOW, watch


def begun(count: int, seconds_ago: float = 1.0, **more: Any) -> list[WatchRecord]:
    """Return so many models that began to breach then."""
    then = NOW - timedelta(seconds=seconds_ago)
    return [
        watch(**{"model_name": f"m{number:02d}", "word": "breaching", "breach_at": then, **more})
        for number in range(count)
    ]


def members(count: int, minutes_left: float = 5.0) -> list[WatchRecord]:
    return begun(count, 60, storm="storm:1", storm_until=NOW + timedelta(minutes=minutes_left))


def test_many_models_that_begin_at_once_are_a_storm_that_is_told_once() -> None:
    storm = rising(begun(12), 12, NOW)
    assert storm is not None
    assert (len(storm.joining), storm.until) == (12, NOW + HOLD)
    (notice,) = storm.notices
    assert notice.event_id == storm.id
    assert notice.severity == "critical"
    assert notice.message.startswith("12 of 12 models that report began to breach at once")
    assert "m09 and 2 more" in notice.message


def test_a_few_or_a_small_share_are_none() -> None:
    assert rising(begun(LEAST - 1), LEAST - 1, NOW) is None
    assert rising(begun(LEAST), 2 * LEAST, NOW) is not None
    assert rising(begun(LEAST), 2 * LEAST + 1, NOW) is None


def test_models_that_begin_one_after_the_other_are_none() -> None:
    slowly = [one for number in range(12) for one in begun(1, 9.0 * number)]
    assert rising(slowly, 12, NOW) is None


def test_models_that_report_every_five_minutes_have_longer_to_begin() -> None:
    assert rising(begun(6, 600, usual_seconds=300.0), 6, NOW) is not None
    assert rising(begun(6, 600), 6, NOW) is None


def test_who_begins_while_it_lasts_joins_it_without_another_word() -> None:
    late = watch(model_name="late", word="breaching", breach_at=NOW)
    storm = rising([*members(6), late], 50, NOW)
    assert storm is not None
    assert (storm.id, storm.joining, storm.notices) == ("storm:1", ("late",), ())
    assert storm.until == NOW + timedelta(minutes=5)


def test_nobody_of_it_is_looked_at_while_it_lasts() -> None:
    everybody = members(6)
    assert standing(everybody, NOW) == "storm:1"
    looks = Looks(everybody, (), NOW)
    assert not any(looks.allow(one.model_name) for one in everybody)
    assert looks.allow("another")


def test_it_is_over_when_most_have_recovered_or_its_time_has_passed() -> None:
    for rest in (members(LEAST - 1), members(6, minutes_left=0)):
        assert standing(rest, NOW) is None
        assert Looks(rest, (), NOW).allow("m00")


def test_afterwards_they_are_looked_at_one_at_a_time() -> None:
    rest = members(3)
    looks = Looks(rest, {"another"}, NOW)
    assert looks.allow("m00")
    looks.taken("m01")
    assert [looks.allow(one) for one in ("m00", "m01", "another")] == [False, True, True]


class Counted(list[WatchRecord]):
    """Counts how often all are gone through."""

    times = 0

    def __iter__(self) -> Iterator[WatchRecord]:
        self.times += 1
        return super().__iter__()


def test_however_many_belong_to_it_they_are_gone_through_once_a_round_and_not_once_for_each() -> None:
    many = Counted(members(2000))
    looks = Looks(many, (), NOW)
    assert not any(looks.allow(f"m{number:02d}") for number in range(2000))
    assert many.times <= 2
