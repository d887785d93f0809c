"""The library of best practices that ships."""

import pytest

from aurora.domain import Action, MemoryKind, Trust
from aurora.ledger import Ledger
from aurora.memory import Memory
from aurora.memory.practices import library, practices


def test_it_is_a_small_library_with_a_source_each() -> None:
    assert 20 <= len(library()) <= 30
    assert len({one.id for one in library()}) == len(library())
    assert all(one.link.startswith("https://") and one.source for one in library())
    assert {one.action for one in library()} == {*Action, None}


def test_each_says_where_it_comes_from_and_is_told_not_seen() -> None:
    for entry in practices():
        assert entry.kind is MemoryKind.BEST_PRACTICE
        assert (entry.source, entry.trust, entry.success, entry.simulated) == ("shipped", Trust.TOLD, None, False)
        assert "Source: " in entry.text
        assert "\n" not in entry.text
        assert len(entry.text) < 600


def test_adding_them_again_adds_nothing(ledger: Ledger) -> None:
    ledger.entries.add(practices())
    ledger.entries.add(practices())

    assert ledger.entries.count() == len(library())


@pytest.mark.parametrize(
    ("question", "practice"),
    [
        ("latency is high on traffic that repeats", "prediction-cache"),
        ("nulls and out-of-range values in the inputs", "validate-inputs"),
        ("one replica is hot while the others are idle", "hot-replica"),
        ("accuracy fell right after a deployment", "what-changed-last"),
        ("accuracy dropped and data drift was detected", "concept-drift-needs-learning"),
        ("should the number of replicas go down again", "scale-down-slowly"),
    ],
)
def test_the_right_one_is_found_for_the_question(memory: Memory, question: str, practice: str) -> None:
    assert f"mem_practice_{practice}" in [one.id for one in memory.search(question, top_k=2)]
