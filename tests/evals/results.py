"""Hand-made results of suites, for the tests of what is made of them."""

import math

from evals.suites.figures import Figure
from evals.suites.report import Finished, Report
from evals.suites.result import ENGINE, Column, Comparison, Plot, Result, Row, Table, Target

MET = Target("streams.ratio", "cost over oracle", Figure(1.12, 1.08, 1.16), must=1.15, aim=1.10)
REACHED = Target("streams.gap", "gap closed", Figure(0.62, 0.5, 0.7), 0.45, 0.6, at_most=False, format=".0%")
MISSED = Target("streams.left", "the same, <left> out", Figure(1.25, 1.2, 1.3), must=1.18, aim=1.12)
WATCHED = Target("streams.retrains", "retrains", Figure(2.0), must=None, format=".1f")
TIMED = Target("streams.ms", "update and advise, ms", Figure(0.2), must=1.0, aim=0.3, timed=True)
TARGETS = (MET, REACHED, MISSED, WATCHED, TIMED)

BETTER = Comparison("streams.table", "the rule table", Figure(0.2, 0.1, 0.3))
UNSURE = Comparison("streams.table", "the rule table", Figure(0.2, -0.1, 0.5))

TABLE = Table(
    "Published streams",
    "Cost | over that of the oracle.",
    (Column("cost over oracle"), Column("retrains in 100 steps", ".1f"), Column("wrong", ".1%")),
    (
        Row("never act & see", (Figure(1.7, 1.5, 1.9), Figure(0.0), None)),
        Row(ENGINE, (Figure(1.12, 1.08, 1.16), Figure(2.0, 1.5, 2.5), Figure(0.01, 0.0, 0.02))),
        Row("<b>other</b>", (Figure(math.nan), Figure(3.0, 2.5, 3.5), Figure(0.2, 0.1, 0.3))),
    ),
)
BARS = Plot(
    "cost",
    "Cost over oracle",
    "bars",
    "policy",
    "cost",
    {"cost": [("never", 1.7), (ENGINE, 1.12)]},
    {"cost": [(1.5, 1.9), (1.08, 1.16)]},
    line=1.15,
)
GROUPED = Plot("both", "By cost", "bars", "cost", "regret", {"a & b": [("0.1", 1.0)], "c": [("0.1", 2.0), ("3", 1.0)]})
POINTS = Plot(
    "calibration",
    "What $probability$ means",
    "points",
    "said",
    "was",
    {ENGINE: [(0.1, 0.12), (0.9, 0.88)]},
    {ENGINE: [(0.1, 0.2), (0.8, 0.9)]},
    diagonal=True,
)
LINES = Plot("load", "Load", "lines", "minute", "rps", {"load": [(0, 1.0), (1, 2.0)], ENGINE: [(0, 2.0), (1, 2.0)]})
PLOTS = (BARS, GROUPED, POINTS, LINES)

RESULT = Result("streams", (TABLE,), TARGETS, (BETTER,), PLOTS, ("Read <this> & that.",))


def report(result: Result = RESULT, **others: object) -> Report:
    """Return the report of one suite; `others` are fields of it."""
    values = {"version": "0.1.0", "created_at": "2026-11-30T12:00:00+00:00", "quick": False, **others}
    return Report(finished=(Finished(result, 3.2),), **values)  # type: ignore[arg-type]
