"""The few smooth functions that turn a number into a degree, and a Beta belief into its lower bound."""

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

LOGIT_LIMIT = 35.0


def sigmoid(x: float) -> float:
    """Return the logistic function of `x`, from 0 to 1."""
    x = min(max(x, -LOGIT_LIMIT), LOGIT_LIMIT)
    return 1 / (1 + math.exp(-x))


def logit(p: float) -> float:
    """Return the log odds of `p`, limited for 0 and 1."""
    p = min(max(p, 1e-12), 1 - 1e-12)
    return math.log(p / (1 - p))


def phi(z: float) -> float:
    """Return the chance that a standard normal number stays under `z`."""
    return 0.5 * (1 + math.erf(z / math.sqrt(2)))


def ramp(value: float, threshold: float, width: float) -> float:
    """Return the degree to which `value` is above `threshold`: 0.5 on it, 0.73 one `width` above."""
    return sigmoid((value - threshold) / width)


def log_ramp(value: float, threshold: float, width: float) -> float:
    """Return the same by ratio: 0.73 where the logarithm of `value` is one `width` above that of `threshold`."""
    if value <= 0:
        return 0.0
    return 1.0 if threshold <= 0 else sigmoid((math.log(value) - math.log(threshold)) / width)


def positive_part(mean: float, sd: float) -> float:
    """Return what a normal number is expected to be above nothing."""
    if sd <= 0:
        return max(mean, 0.0)
    z = mean / sd
    return max(0.0, sd * math.exp(-z * z / 2) / math.sqrt(2 * math.pi) + mean * phi(z))


def either(*degrees: float) -> float:
    """Return the degree to which at least one holds, each by itself."""
    none = 1.0
    for degree in degrees:
        none *= 1 - degree
    return 1 - none


def interpolated(curve: Sequence[tuple[float, float]], x: float) -> float:
    """Return y at `x` on a line through points in order of x; beyond its ends it stays level."""
    if x <= curve[0][0]:
        return curve[0][1]
    for (x0, y0), (x1, y1) in pairwise(curve):
        if x < x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return curve[-1][1]


@lru_cache(maxsize=4096)
def beta_lower(successes: float, failures: float, share: float = 0.05) -> float:
    """Return the value that a Beta(successes, failures) number exceeds with chance 1 - `share`.

    Exact (continued fraction and bisection) rather than a normal approximation: beliefs here are worth few cases and
    lie near 1, where the approximation is off by several points. It spares the import of scipy, which takes seconds.
    """
    if successes <= 0:
        return 0.0
    if failures <= 0:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(26):
        middle = (low + high) / 2
        if beta_cdf(middle, successes, failures) < share:
            low = middle
        else:
            high = middle
    return low


def beta_cdf(x: float, a: float, b: float) -> float:
    """Return the chance that a Beta(a, b) number is at most `x`; `a` and `b` above 0."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    if x > (a + 1) / (a + b + 2):
        return 1 - front * _continued_fraction(1 - x, b, a) / b
    return front * _continued_fraction(x, a, b) / a


def _continued_fraction(x: float, a: float, b: float) -> float:
    """Return the continued fraction of the incomplete beta function, by Lentz's method."""
    tiny = 1e-300
    c, d = 1.0, 1 / _away_from_zero(1 - (a + b) * x / (a + 1), tiny)
    total = d
    for m in range(1, 300):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / _away_from_zero(1 + term * d, tiny)
            c = _away_from_zero(1 + term / c, tiny)
            total *= d * c
        if abs(d * c - 1) < 1e-10:
            break
    return total


def _away_from_zero(value: float, tiny: float) -> float:
    return tiny if abs(value) < tiny else value
