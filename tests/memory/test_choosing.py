"""Which of the found entries are shown."""

from aurora.domain import MemoryKind, Recalled
from aurora.memory.choosing import SUMMARY_CHARS, distinct, nearest, shared, shortened


def found(id: str, similarity: float, text: str = "", decision_id: str | None = None) -> Recalled:
    return Recalled(id=id, kind=MemoryKind.INCIDENT, summary=text or id, similarity=similarity, decision_id=decision_id)


def ids(chosen: list[Recalled]) -> list[str]:
    return [one.id for one in chosen]


def test_the_nearest_comes_first_and_equals_keep_one_order() -> None:
    assert ids(nearest([found("b", 0.5), found("c", 0.9), found("a", 0.5)])) == ["c", "a", "b"]


def test_the_same_text_is_shown_once_whatever_its_case_and_spaces() -> None:
    assert ids(distinct([found("a", 0.9, "Drift  again"), found("b", 0.8, "drift again\n"), found("c", 0.7)])) == [
        "a",
        "c",
    ]


def test_one_decision_is_shown_once_and_two_with_the_same_text_are_two() -> None:
    same = "Accuracy fell."
    cases = [found("a", 0.9, same, "dec_1"), found("b", 0.8, "other", "dec_1"), found("c", 0.7, same, "dec_2")]

    assert ids(distinct(cases)) == ["a", "c"]


def test_half_of_the_places_are_the_first_groups_however_near_the_second_is() -> None:
    first = [found(f"first{n}", 0.3 - n / 100) for n in range(5)]
    second = [found(f"second{n}", 0.9 - n / 100) for n in range(5)]

    assert ids(shared(first, second, 5)) == ["first0", "first1", "first2", "second0", "second1"]
    assert ids(shared(first, second, 1)) == ["first0"]


def test_the_first_group_gets_more_places_where_it_is_nearer() -> None:
    first = [found(f"first{n}", 0.9) for n in range(5)]

    assert ids(shared(first, [found("second", 0.2)], 5)) == [f"first{n}" for n in range(5)]


def test_what_one_group_lacks_the_other_fills() -> None:
    many = [found(f"x{n}", 0.5 - n / 100) for n in range(5)]

    assert ids(shared(many[:1], many[1:], 4)) == ["x0", "x1", "x2", "x3"]
    assert ids(shared(many, [], 4)) == ["x0", "x1", "x2", "x3"]
    assert shared([], [], 4) == []


def test_a_long_text_is_cut_for_the_record() -> None:
    short, long = shortened([found("a", 0.5, "short"), found("b", 0.5, "x" * 4000)])

    assert short.summary == "short"
    assert long.summary == "x" * SUMMARY_CHARS + "…"
