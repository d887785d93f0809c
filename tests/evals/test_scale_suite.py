"""The scale suite on two short traces: who is measured against whom, and what is told of it."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from evals.baselines import scale as rules
from evals.suites import scale
from evals.suites.result import ENGINE, Options, Result
from evals.worlds import loads
from evals.worlds.loads import Policy, Sight


class AsTheRule:
    """A planner that does as the autoscaler does, and asks for one replica more where late work costs much."""

    name = "as the rule"

    def scale(self, boot_minutes: int, late_cost: float) -> Policy:
        rule, more = rules.hpa(), int(late_cost > 5)
        assert 2 <= boot_minutes <= 6
        return lambda seen: rule(seen) + more


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return quickly(pytest.MonkeyPatch(), tmp_path_factory.mktemp("worlds"), AsTheRule())


def quickly(patch: pytest.MonkeyPatch, folder: Path, planner: object = None) -> Result:
    """Run the suite on half a day of three families."""
    chosen = [e for e in loads.entries() if e.family.name in ("bursts", "noise", "crowds") and e.seed == 1]
    shown = replace(next(e for e in loads.entries() if (e.family.name, e.seed) == scale.SHOWN))
    with patch.context() as patched:
        patched.setattr(scale, "entries", lambda: iter([*chosen]))
        patched.setattr(scale, "_days", lambda _options: 1)
        patched.setattr(scale, "_shown", lambda: shown)
        return scale.run(Options(folder, quick=True, planner=planner), lambda _done, _of: None)


def test_the_oracle_is_never_beaten_and_nobody_is_missing(result: Result) -> None:
    assert len(result.tables) == 8
    for table in result.tables[:4]:
        over = {row.policy: figure for row in table.rows if (figure := row.figures[0]) is not None}
        assert {ENGINE, "as the rule", scale.BEST, scale.HINDSIGHT, scale.DEFAULT, scale.TABLE, scale.NEVER} <= set(
            over
        )
        assert all(figure.value >= 1 - 1e-9 for figure in over.values())
        assert over["oracle"].value == pytest.approx(1)
        assert over[scale.HINDSIGHT].value <= over[scale.BEST].value + 1e-9
        assert all(len(row.figures) == len(table.columns) for row in table.rows)


def test_the_targets_name_what_must_be_reached_by_group_and_weight(result: Result) -> None:
    groups = ("published.3", "held_out.3", "published.10", "held_out.10")
    assert [t.key for t in result.targets] == [f"scale.{g}.{what}" for g in groups for what in ("ratio", "closed")]
    assert [t.must for t in result.targets] == [1.27, 0.15] * 2 + [1.40, 0.15] * 2
    assert {c.key for c in result.comparisons} == {f"scale.{group}" for group in groups}
    missed = [note for note in result.notes if note.startswith("Missed")]
    assert len(missed) == sum(not target.met for target in result.targets)


def test_the_engine_is_cheaper_than_the_trigger_table(result: Result) -> None:
    assert all(comparison.figure.value > 0 for comparison in result.comparisons)


def test_the_plots_hold_values_that_can_be_drawn(result: Result) -> None:
    course, bars = result.plots
    assert set(course.series) == {"load", ENGINE, scale.DEFAULT}
    assert len({len(points) for points in course.series.values()}) == 1
    for title, points in bars.series.items():
        assert all(low <= y <= high for (_, y), (low, high) in zip(points, bars.errors[title], strict=True))
    assert json.dumps([dict(plot.series) for plot in result.plots])


def test_a_second_run_says_the_same(result: Result, tmp_path: Path) -> None:
    again = quickly(pytest.MonkeyPatch(), tmp_path, AsTheRule())
    assert again.tables == result.tables


def test_the_engine_is_shown_nothing_of_what_is_to_come() -> None:
    trace = loads.build(next(loads.entries()), days=1)
    half = len(trace.loads) // 2
    other = replace(trace, loads=trace.loads[:half] + tuple(0.1 for _ in trace.loads[half:]))

    def orders(of: loads.Trace) -> list[int]:
        decide, told = scale.engine(of, 10.0), []

        def watched(seen: Sight) -> int:
            told.append(decide(seen))
            return told[-1]

        loads.run(of, watched)
        return told[:half]

    assert orders(trace) == orders(other)


def test_work_is_done_in_children_too(monkeypatch: pytest.MonkeyPatch) -> None:
    measured: Callable[[scale.Job], list[scale.World]] = scale.measure
    entry = next(loads.entries())
    jobs = [scale.Job((entry,), 1), scale.Job((replace(entry, seed=2),), 1)]
    assert list(scale._all(jobs, 2)) == [measured(job) for job in jobs]
