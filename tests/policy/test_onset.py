"""When the error took its newest turn."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora.policy.onset import LOOKED_BACK, newest_turn


def drawn(levels: list[float], rows: int = 200, seed: int = 1) -> tuple[list[float], list[float]]:
    draw = random.Random(seed)
    wrong = [float(sum(draw.random() < level for _ in range(rows))) for level in levels]
    return wrong, [float(rows)] * len(levels)


@pytest.mark.parametrize("steps", [1, 3, 8, 20])
def test_a_jump_is_dated_and_measured(steps: int) -> None:
    turn = newest_turn(*drawn([0.1] * 20 + [0.4] * steps))
    assert turn is not None
    assert abs(turn.steps - steps) <= 1
    assert turn.rising
    assert turn.before == pytest.approx(0.1, abs=0.03)
    assert turn.after == pytest.approx(0.4, abs=0.07)
    assert turn.surety(3.5, 1.0) > 0.9


def test_a_fall_is_no_rise() -> None:
    turn = newest_turn(*drawn([0.4] * 10 + [0.1] * 5))
    assert turn is not None
    assert not turn.rising
    assert turn.steps == 5


def test_rows_that_vanish_beside_all_others_tell_of_no_turn() -> None:
    assert newest_turn([0.0, 1e5], [1e-12, 1e6]) is None


def test_noise_is_not_sure() -> None:
    sure = [
        turn.surety(3.5, 1.0) for seed in range(30) if (turn := newest_turn(*drawn([0.2] * 30, seed=seed))) is not None
    ]
    assert len(sure) == 30
    assert sum(one > 0.5 for one in sure) <= 3


def test_one_step_has_no_turn() -> None:
    assert newest_turn([3.0], [100.0]) is None
    assert newest_turn([], []) is None


def test_few_rows_tell_less_than_many() -> None:
    few, many = (newest_turn([0.1 * n] * 10 + [0.3 * n] * 2, [n] * 12) for n in (10.0, 2000.0))
    assert few is not None
    assert many is not None
    assert few.score < 3 < many.score


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(1, 1e6)), min_size=2, max_size=40))
def test_it_is_always_defined(steps: list[tuple[float, float]]) -> None:
    turn = newest_turn([error * rows for error, rows in steps], [rows for _, rows in steps])
    assert turn is not None
    assert 1 <= turn.steps <= min(len(steps) - 1, LOOKED_BACK)
    assert turn.score >= 0
    assert -1e-6 <= turn.after <= 1 + 1e-6
