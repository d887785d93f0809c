"""How far a window of inputs moved: the index against its definition, and the score made of it."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from aurora.observe.drift import LARGE, Reference

Column = NDArray[np.float64]
Change = Callable[[Column], Column]


def normal(seed: int, rows: int = 4000, columns: int = 1) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(size=(rows, columns))


def by_definition(before: Column, after: Column) -> float:
    """The sum over ten bins of equal weight in `before` of (q - p) ln(q / p), half a row put into each."""
    borders = [-np.inf, *(np.quantile(before, tenth / 10) for tenth in range(1, 10)), np.inf]
    total = 0.0
    for low, high in pairwise(borders):
        p = (((before >= low) & (before < high)).sum() + 0.5) / (len(before) + 5)
        q = (((after >= low) & (after < high)).sum() + 0.5) / (len(after) + 5)
        total += float((q - p) * np.log(q / p))
    return total


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda x: x, id="nothing"),
        pytest.param(lambda x: x + 0.1, id="a small shift"),
        pytest.param(lambda x: x + 1.0, id="a large shift"),
        pytest.param(lambda x: x + 100.0, id="out of sight"),
        pytest.param(lambda x: 2 * x, id="twice as wide"),
        pytest.param(np.zeros_like, id="all the same"),
        pytest.param(lambda x: np.where(np.arange(len(x)) % 2 == 0, x, 3.0), id="half of it one value"),
        pytest.param(lambda x: x[:50], id="a small window"),
    ],
)
def test_the_index_is_what_its_definition_says(change: Change) -> None:
    before, after = normal(1)[:, 0], change(normal(2)[:, 0])
    found = Reference(before[:, None]).psi(after[:, None])
    assert found.tolist() == pytest.approx([by_definition(before, after)])


def test_the_same_window_has_not_moved_at_all_and_another_one_of_its_kind_only_by_noise() -> None:
    reference = Reference(normal(1, columns=5))
    assert reference.score(normal(1, columns=5)) == 0.0
    assert reference.psi(normal(2, columns=5)).max() < 0.02
    assert 0.0 < reference.score(normal(2, columns=5)) < 0.05


def test_each_column_is_measured_on_its_own() -> None:
    moved = normal(2, columns=3) + np.array([0.0, 1.0, 0.0])
    found = Reference(normal(1, columns=3)).psi(moved)
    assert found[1] > LARGE
    assert max(found[0], found[2]) < 0.02


@pytest.mark.parametrize("change", [0.0, 1.0, -1.0])
def test_a_column_that_was_constant_tells_nothing_whatever_it_is_later(change: float) -> None:
    constant = np.full((500, 1), 3.0)
    assert Reference(constant).psi(constant + change).tolist() == [0.0]


def test_a_column_of_two_values_tells_when_their_shares_change() -> None:
    flags = (np.arange(1000)[:, None] % 10 == 0).astype(np.float64)
    assert Reference(flags).psi(flags).tolist() == [0.0]
    assert Reference(flags).psi(1.0 - flags)[0] > LARGE


def test_the_score_grows_with_the_shift_from_none_to_nearly_one() -> None:
    reference = Reference(normal(1, columns=4))
    scores = [reference.score(normal(2, columns=4) + shift) for shift in (0.0, 0.1, 0.3, 0.6, 1.0, 2.0, 4.0)]
    assert scores == sorted(scores)
    assert scores[0] < 0.05
    assert 0.9 < scores[-1] < 1.0


def test_an_index_that_counts_as_a_large_shift_is_a_score_of_one_half() -> None:
    reference, base = Reference(normal(1)), normal(2)
    low, high = 0.0, 2.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if reference.psi(base + middle)[0] < LARGE else (low, middle)
    assert reference.score(base + high) == pytest.approx(0.5, abs=0.01)
