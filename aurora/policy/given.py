"""What a program gives the advisors: checked here, so that what is no number is refused, and by its name."""

import math
from numbers import Real


def number(name: str, value: object) -> float:
    """Return `value` as a float, which may be NaN or infinite; ValueError, naming it, for what is no number."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ValueError(f"{name} must be a number, not {type(value).__name__}")
    try:
        return float(value)
    except OverflowError:
        # An integer or a fraction that is larger than any float.
        return math.copysign(math.inf, 1 if value == abs(value) else -1)


def checked(name: str, value: object, low: float = 0.0, high: float = math.inf) -> float:
    """Return `value` as a float; ValueError, naming it, for what is no finite number between `low` and `high`."""
    told = number(name, value)
    if not math.isfinite(told) or not low <= told <= high:
        limits = f"from {low:g} to {high:g}" if math.isfinite(high) else f"of at least {low:g}"
        raise ValueError(f"{name} must be a finite number {limits}, not {told}")
    return told


def whole(name: str, value: object) -> int:
    """Return `value` as an int, cut at its point; ValueError, naming it, for what is no finite number."""
    return int(checked(name, value, -math.inf))
