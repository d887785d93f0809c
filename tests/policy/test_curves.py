"""The curves against known values, and the Beta quantile against scipy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora.policy import curves


@given(st.floats(0.05, 60), st.floats(0.05, 60))
def test_the_lower_bound_is_the_beta_quantile(successes: float, failures: float) -> None:
    from scipy.stats import beta

    expected = float(beta.ppf(0.05, successes, failures))
    assert curves.beta_lower(successes, failures) == pytest.approx(expected, abs=2e-6)


@given(st.floats(0, 1), st.floats(0.1, 80), st.floats(0.1, 80))
def test_the_beta_distribution_function_is_scipys(x: float, a: float, b: float) -> None:
    from scipy.special import betainc

    assert curves.beta_cdf(x, a, b) == pytest.approx(float(betainc(a, b, x)), abs=1e-8)


def test_a_belief_without_successes_or_without_failures_has_a_bound_too() -> None:
    assert curves.beta_lower(0.0, 3.0) == 0
    assert curves.beta_lower(3.0, 0.0) == 1


@given(st.floats(-1e6, 1e6))
def test_a_degree_is_from_0_to_1_and_half_on_the_threshold(x: float) -> None:
    assert 0 <= curves.sigmoid(x) <= 1
    assert 0 <= curves.phi(x) <= 1
    assert curves.ramp(x, x, 0.1) == 0.5
    assert 0 <= curves.log_ramp(x, 3.0, 0.1) <= 1


def test_a_ratio_of_nothing_is_absent_and_one_over_no_limit_present() -> None:
    assert curves.log_ramp(0.0, 5.0, 0.1) == 0
    assert curves.log_ramp(1.0, 0.0, 0.1) == 1


def test_the_positive_part_of_a_normal_number() -> None:
    assert curves.positive_part(3.0, 1e-3) == pytest.approx(3.0)
    assert curves.positive_part(0.0, 1.0) == pytest.approx(0.3989423)
    assert curves.positive_part(-9.0, 1.0) == pytest.approx(0.0, abs=1e-9)
    assert curves.positive_part(2.0, 0.0) == 2.0


def test_either_is_certain_where_one_is_and_nothing_where_none_is() -> None:
    assert curves.either(0.2, 1.0) == 1
    assert curves.either(0.0, 0.0) == 0
    assert curves.either(0.5, 0.5) == 0.75


@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_log_odds_and_back(p: float) -> None:
    assert curves.sigmoid(curves.logit(p)) == pytest.approx(p, abs=1e-9)
