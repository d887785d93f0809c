"""Trends of what is stored, as far as they are more than chance."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from aurora.domain import Baseline, MetricPoint, ModelSettings
from aurora.observe.history import LEAST, NEWEST, history

START = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


def slope(values: list[float], minutes: float = 1.0) -> float | None:
    points = [
        MetricPoint(model_name="m", timestamp=START + timedelta(minutes=minutes * n), memory_usage=value)
        for n, value in enumerate(values)
    ]
    return history(points, ModelSettings(), Baseline()).memory_slope


def test_memory_that_climbs_has_its_rise_by_the_hour() -> None:
    assert slope([0.5 + 0.01 * n for n in range(12)]) == pytest.approx(0.6)
    assert slope([0.5 + 0.01 * n for n in range(12)], minutes=30) == pytest.approx(0.02)
    assert slope([0.9 - 0.01 * n for n in range(12)]) == pytest.approx(-0.6)


def test_a_leak_is_seen_through_the_noise_and_from_a_level_start() -> None:
    random = Random(5)
    leak = [0.45 + 0.02 * max(n - 6, 0) + random.gauss(0, 0.005) for n in range(NEWEST)]
    assert (slope(leak) or 0.0) > 0.5


def test_memory_that_only_goes_up_and_down_has_no_trend() -> None:
    assert slope([0.7] * 12) == 0.0
    assert slope([0.6, 0.8] * 8) == 0.0
    random = Random(5)
    noise = [slope([0.7 + random.gauss(0, 0.01) for _ in range(NEWEST)]) for _ in range(200)]
    assert sum(value != 0 for value in noise) <= 2


def test_few_points_or_none_or_all_of_one_moment_have_no_trend() -> None:
    assert slope([0.5 + 0.01 * n for n in range(LEAST - 1)]) is None
    assert slope([]) is None
    assert slope([0.5 + 0.01 * n for n in range(12)], minutes=0) is None
