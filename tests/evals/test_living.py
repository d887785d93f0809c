"""The living evals in small: what they measure holds, and they would say so if it did not."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aurora.bootstrap import Tools
from aurora.domain import Step, ToolResult
from aurora.sandbox.service import IncidentKind
from aurora.settings import Settings
from evals import incidents, soak, worse_retrains
from evals.incidents import KINDS, Run
from evals.living import Living
from tests.journeys.hands import Hand

RUN = Run(
    kind="surge",
    seed=1,
    actions=("scale better @6",),
    right=True,
    by_asking=False,
    harmful=False,
    recovered=True,
    changes=1,
    alerts=0,
    asked=0,
    first_tick=6,
)
IDLE = replace(RUN, kind="blip", actions=(), changes=0, first_tick=None)


def test_a_run_uses_nothing_that_the_environment_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    defaults, mine = Settings(home=tmp_path / "home", _env_file=None), tmp_path / "mine.db"
    monkeypatch.setenv("AURORA_DATABASE_URL", f"sqlite:///{mine}")
    monkeypatch.setenv("AURORA_TRAINER", "nonsense")
    with Living(tmp_path / "home", []) as living:
        assert living.aurora.settings == defaults
    assert (tmp_path / "home" / "aurora.db").exists()
    assert not mine.exists()


# --- incidents -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_incidents_are_met_rightly_and_nobody_is_harmed() -> None:
    kinds: tuple[IncidentKind, ...] = ("abrupt_drift", "bad_deployment", "repeating_burst", "blip")
    runs = incidents.run(1, kinds)
    assert [run.kind for run in runs] == list(kinds)
    assert [(run.right, run.harmful, run.recovered) for run in runs] == [(True, False, True)] * 4, runs
    assert [run.actions[0].split()[0] if run.actions else "" for run in runs[1:]] == ["route", "cache", ""]
    assert all(run.first_tick is not None and run.first_tick > 0 for run in runs[:3])
    assert incidents.reached(incidents.summed(runs))


def test_every_incident_that_has_a_host_is_judged() -> None:
    assert [kind for kind, _ in incidents.life(1)] == list(KINDS)
    names = [service.name for _, service in incidents.life(1)]
    assert len(set(names)) == len(names)
    assert incidents.life(1) == incidents.life(1)
    assert incidents.life(1) != incidents.life(2)


def test_the_summary_counts_each_kind_by_itself_and_names_every_miss() -> None:
    missed = replace(RUN, seed=2, right=False, recovered=False, actions=("route not_better @4",), first_tick=4)
    asked = replace(RUN, seed=3, by_asking=True, changes=0, asked=1, actions=("scale asked @6",), first_tick=None)
    summary = incidents.summed([RUN, missed, asked, replace(IDLE, alerts=1)])
    surge, blip = summary["rows"]
    assert surge == {
        "kind": "surge",
        "runs": 3,
        "right": 2,
        "right_done": 1,
        "right_asked": 1,
        "harmful": 0,
        "recovered": 2,
        "changes": 2,
        "alerts": 0,
        "asked": 1,
        "first_after_ticks": 5.0,
        "misses": ["seed 2: route not_better @4"],
    }
    assert (blip["runs"], blip["changes"], blip["first_after_ticks"], blip["misses"]) == (1, 0, None, [])
    assert (summary["actions"], summary["runs_on_healthy_services"]) == (3, 1)
    assert (summary["changes_on_healthy_services"], summary["alerts_on_healthy_services"]) == (0, 1)
    told = incidents.table(summary)
    assert "| surge | 3 | 1 | 1 | 0 | 2 | 2 | 0 | 1 | 5.0 ticks |" in told
    assert "- surge, seed 2: route not_better @4" in told


@pytest.mark.parametrize(
    ("runs", "holds"),
    [
        pytest.param([RUN] * 5 + [IDLE] * 5, True, id="all is right"),
        pytest.param([RUN] * 4 + [replace(RUN, right=False)], True, id="four of five"),
        pytest.param([RUN] * 3 + [replace(RUN, right=False)], False, id="three of four"),
        pytest.param([RUN] * 20 + [replace(RUN, harmful=True)], False, id="one harmful run of many"),
        pytest.param([RUN] * 19 + [replace(IDLE, changes=1)], True, id="one idle change of twenty"),
        pytest.param([RUN] * 10 + [replace(IDLE, changes=1)], False, id="one idle change of eleven"),
        pytest.param([RUN] * 10 + [replace(IDLE, alerts=1)], False, id="one idle alert of eleven actions"),
        pytest.param([RUN] * 20 + [IDLE] * 3 + [replace(IDLE, right=False)], False, id="a kind of its own missed"),
    ],
)
def test_the_targets_are_reached_or_not(runs: list[Run], holds: bool) -> None:
    assert incidents.reached(incidents.summed(runs)) is holds


STEADY: list[incidents.Point] = [{"accuracy": 0.9, "latency_ms": 40.0}] * 100
BAD: list[incidents.Point] = [{"accuracy": 0.8, "latency_ms": 200.0}] * 30


def test_harm_is_seen_in_any_stretch_and_only_beside_the_twin() -> None:
    passing = STEADY[:35] + BAD + STEADY[:35]
    assert incidents.worse(passing, STEADY, slo_ms=100.0)
    assert incidents.worse([*STEADY[:88], *BAD[:12]], STEADY, slo_ms=100.0)
    assert incidents.worse([{"accuracy": 0.8}] * 100, STEADY, slo_ms=100.0)
    assert incidents.worse([{"latency_ms": 200.0}] * 100, STEADY, slo_ms=100.0)
    assert not incidents.worse(passing, passing, slo_ms=100.0)
    assert not incidents.worse(STEADY, passing, slo_ms=100.0)
    assert not incidents.worse([{}] * 100, STEADY, slo_ms=100.0)


# --- retrains that make things worse ---------------------------------------------------------------------------------


class WithoutUndo(Hand):
    """A tool that says it took back what it did, and did nothing."""

    def undo(self, step: Step, key: str, before: dict[str, object]) -> ToolResult:
        return ToolResult(status="ok", called=f"{self._tool.name}.undo", answer={"state": "done"}, simulated=True)


def without_undo(tools: Tools) -> Tools:
    return {action: WithoutUndo(tool) for action, tool in tools.items()}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seed", "trap", "serves"),
    [(1, "returning_concept", True), (2, "corrupt_labels", True), (1, "corrupt_labels_with_gate", False)],
)
def test_a_retrain_that_makes_things_worse_is_undone_and_the_service_ends_no_worse(
    seed: int, trap: worse_retrains.Trap, serves: bool
) -> None:
    life = worse_retrains.live(seed, trap)
    assert life.held, life
    assert (life.undone, life.served > 0, life.version) == (life.worse, serves, "1.1")


@pytest.mark.slow
def test_where_nothing_is_taken_back_the_same_life_does_not_hold() -> None:
    life = worse_retrains.live(1, "returning_concept", without_undo)
    assert not life.held, life
    assert (life.worse, life.undone) == (1, 0)
    assert life.ended < life.began - worse_retrains.NOISE


HELD = worse_retrains.Life(
    seed=1,
    trap="corrupt_labels",
    retrains=1,
    undone=1,
    worse=1,
    served=9,
    began=0.6,
    without=0.6,
    ended=0.6,
    version="1.1",
)


@pytest.mark.parametrize(
    ("life", "held"),
    [
        (HELD, True),
        (replace(HELD, ended=0.56), True),
        (replace(HELD, ended=0.54), False),
        (replace(HELD, began=0.9), True),
        (replace(HELD, without=0.66), False),
        (replace(HELD, undone=0), False),
        (replace(HELD, worse=2), False),
        (replace(HELD, worse=0, undone=0), False),
        (replace(HELD, served=0), False),
        (replace(HELD, trap="corrupt_labels_with_gate", served=0), True),
        (replace(HELD, trap="corrupt_labels_with_gate", served=9), False),
    ],
)
def test_a_life_holds_if_a_bad_version_came_to_serve_unless_gated_and_every_one_was_undone(
    life: worse_retrains.Life, held: bool
) -> None:
    assert life.held is held
    assert ("- none" in worse_retrains.table([life])) is held


@pytest.mark.parametrize(
    ("outcome", "undos", "undone"),
    [
        ("undone", [{"restored": True}], True),
        ("undone", [{"restored": False}], False),
        ("undone", [{"restored": None}], False),
        ("undone", [{"restored": True}, {"restored": False}], False),
        ("undone", [], False),
        ("not_better", [{"restored": True}], False),
    ],
)
def test_undone_is_what_was_seen_to_be_as_before(outcome: str, undos: list[dict[str, Any]], undone: bool) -> None:
    assert worse_retrains.is_undone({"outcome": outcome, "steps": {"undo": undos}}) is undone


def test_there_is_a_life_with_a_gate_for_five_without() -> None:
    planned = worse_retrains.lives(50)
    traps = [trap for _, trap in planned]
    assert {trap: traps.count(trap) for trap in traps} == {
        "returning_concept": 25,
        "corrupt_labels": 25,
        "corrupt_labels_with_gate": 10,
    }
    assert len(set(planned)) == 60


# --- the soak --------------------------------------------------------------------------------------------------------


def seen(**changes: Any) -> dict[str, Any]:
    """What a soak saw in which all was well, but for `changes`."""
    level = {"after_warm_up": 1000.0, "at_the_end": 1000.0}
    growth = {"memory_mb": level, "files": level, "threads": level} | changes.pop("growth", {})
    return {
        "growth": growth,
        "decisions": {"better": 3},
        "missing": {"app.ui": 0, "aurora.sandbox.fleet": 0},
        "open_at_the_end": [],
        "unanswered": 0,
        "trouble": [],
        "looks": [{}] * 8,
        **changes,
    }


@pytest.mark.parametrize(
    ("looks", "said"),
    [
        (seen(), []),
        (seen(growth={"memory_mb": {"after_warm_up": 1000.0, "at_the_end": 1090.0}}), []),
        (
            seen(growth={"memory_mb": {"after_warm_up": 1000.0, "at_the_end": 1110.0}}),
            ["memory_mb grew from 1000 to 1110."],
        ),
        (seen(growth={"files": {"after_warm_up": 80.0, "at_the_end": 91.0}}), ["files grew from 80 to 91."]),
        (seen(growth={"threads": {"after_warm_up": 30.0, "at_the_end": 39.0}}), []),
        (seen(growth={"processes": {"after_warm_up": 3.0, "at_the_end": 4.0}}), []),
        (seen(growth={"processes": {"after_warm_up": 4.0, "at_the_end": 6.0}}), ["processes grew from 4 to 6."]),
        (
            seen(missing={"app.ui": 0, "aurora.sandbox.fleet": 2}),
            ["aurora.sandbox.fleet did not run at 2 of 8 looks."],
        ),
        (seen(decisions={}), ["There was not one decision."]),
        (seen(open_at_the_end=["dec_1", "dec_2"]), ["2 decisions never ended: dec_1, dec_2."]),
        (seen(unanswered=3), ["/health was not healthy at 3 of 8 looks."]),
        (seen(trouble=["x ERROR y"] * 9), ["The log says: x ERROR y"] * 5),
    ],
)
def test_a_soak_says_what_was_not_well(looks: dict[str, Any], said: list[str]) -> None:
    assert soak.well(looks) == said


def test_growth_is_measured_from_after_the_warm_up_to_the_end() -> None:
    looks = [soak.Look(float(number), 10.0 * number, 10, 5, 3, (), True) for number in range(20)]
    growth = soak._growth(looks)
    assert growth["memory_mb"] == {"after_warm_up": 55.0, "at_the_end": 185.0}
    assert growth["files"] == {"after_warm_up": 10.0, "at_the_end": 10.0}
    warm = [replace(look, memory_mb=1.0 if number < 5 else 100.0) for number, look in enumerate(looks)]
    assert soak._growth(warm)["memory_mb"] == {"after_warm_up": 100.0, "at_the_end": 100.0}


def test_a_traceback_of_the_training_process_is_trouble_and_a_log_that_nobody_wrote_is_none(tmp_path: Path) -> None:
    log = tmp_path / "training.log"
    assert soak.troubles(log) == []
    log.write_text("fine\nTraceback (most recent call last):\n  File x\nValueError: y\n")
    assert soak.troubles(log) == ["Traceback (most recent call last):"]
    log.write_text(
        "1 WARNING app.children: The fleet ended by itself (exit code -9) and is started again.\n2 ERROR x\n"
    )
    assert len(soak.troubles(log)) == 2


def test_a_look_notices_a_fleet_that_is_gone_and_no_proxy_comes_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with soak.serving(tmp_path, 0.25) as (process, url), soak._client(url) as http:
        assert http.get("/health").is_success
        assert soak.look(process, http, 0.0).missing == ()
        fleet = next(one for one in process.children() if "aurora.sandbox.fleet" in one.cmdline())
        fleet.kill()
        fleet.wait(5)
        assert soak.look(process, http, 0.0).missing == ("aurora.sandbox.fleet",)
