"""When to retrain: every policy on streams whose cheapest schedule is known, by what it cost over that schedule."""

from evals.suites.streams.suite import run

__all__ = ["run"]
