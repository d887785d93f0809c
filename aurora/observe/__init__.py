"""From telemetry, history and settings to a `Situation`, and from a situation to words. Pure."""

from aurora.observe.describe import describe
from aurora.observe.situation import observe

__all__ = ["describe", "observe"]
