"""From telemetry, history and settings to a `Situation`, to words, and to what needs a look. Pure."""

from aurora.observe.breaches import Verdict, judge
from aurora.observe.describe import describe
from aurora.observe.situation import baseline_of, observe
from aurora.observe.telemetry import telemetry_of

__all__ = ["Verdict", "baseline_of", "describe", "judge", "observe", "telemetry_of"]
