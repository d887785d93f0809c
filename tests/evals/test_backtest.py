"""The back-test on a ledger that a real AURORA wrote: what it replays, what would flip, and that it writes nothing."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from aurora import Aurora
from aurora.domain import (
    CHANGING,
    Action,
    Baseline,
    Execution,
    Mode,
    ModelSettings,
    Outcome,
    Report,
    Situation,
    Standing,
    Status,
    Step,
    Telemetry,
    ToolResult,
    Undo,
    Verification,
)
from aurora.ledger.records import DecisionRecord
from aurora.policy.critic import judge
from aurora.policy.engine import propose
from aurora.settings import Settings
from evals.backtest.change import NotAChange, change, names
from evals.backtest.past import Written, facts_at, past
from evals.backtest.record import Wanted
from evals.backtest.replay import Replay
from evals.backtest.run import Request, backtest, run
from tests.policy.looking import look

FAILING: dict[str, Any] = {
    "model_metrics": {"accuracy": 0.72, "latency_ms": 650},
    "data_drift": {"detected": True, "score": 0.65},
}
SLOW: dict[str, Any] = {
    "model_metrics": {"accuracy": 0.9, "latency_ms": 1500},
    "baseline": {"accuracy": 0.9, "latency_ms": 300},
    "traffic": {"repeat_ratio": 0.6},
}
HEALTHY: dict[str, Any] = {"model_metrics": {"accuracy": 0.9, "latency_ms": 200}, "baseline": {"accuracy": 0.9}}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A ledger with four decisions: a retrain and a quiet look, both dry, and two changes of one cache."""
    home = tmp_path_factory.mktemp("home")
    # Without an embedding model it decides without memory: nothing is recalled of an empty ledger anyway.
    made = Settings(home=home, embedding_model=str(home / "none"), _env_file=None)
    with Aurora.open(made) as aurora:
        aurora.put_settings("slow", ModelSettings(cooldown_minutes=60.0, verify_minutes=120.0), "ada")
        aurora.analyze({"model_name": "drifted", **FAILING}, dry_run=True)
        aurora.analyze({"model_name": "quiet", **HEALTHY}, dry_run=True)
        first = aurora.analyze({"model_name": "slow", **SLOW})
        assert (first.status, first.planner_decision and first.planner_decision.decision_type) == ("executed", "cache")
        seen = Verification(outcome="better", reasoning="", source="tool", verified=True)
        better = Standing(status=Status.EXECUTED, outcome=Outcome.BETTER)
        aurora.ledger.decisions.record(first.decision_id, 0, "verify", seen, better)
        second = aurora.analyze({"model_name": "slow", **SLOW}, dry_run=True)
        assert [finding.rule for finding in second.rules] == ["cooldown"]
    return made


def replayed(settings: Settings, *asked: str, **more: Any) -> dict[str, Replay]:
    """Replay everything, and return it by model; of the two on the cache the newer as `again`."""
    found = backtest(settings, change(asked, **more), Wanted(100)).replays
    slow = [one for one in found if one.decision.model_name == "slow"]
    return {one.decision.model_name: one for one in found} | {"slow": slow[1], "again": slow[0]}


def test_with_nothing_changed_every_decision_comes_out_as_it_did(settings: Settings) -> None:
    found = replayed(settings)
    assert set(found) == {"drifted", "quiet", "slow", "again"}
    for one in found.values():
        assert not one.flips
        assert not one.engine_alone
        assert (one.was.confidence, one.was.rules) == (one.would.confidence, one.would.rules)
        assert (one.regret, one.saving) == (0, 0)
    assert (found["slow"].outcome, found["slow"].verified) == (Outcome.BETTER, True)


def test_a_dearer_action_flips_at_a_regret_and_a_saving(settings: Settings) -> None:
    one = replayed(settings, "costs.retrain=9")["drifted"]
    assert one.flips
    assert not one.engine_alone
    assert one.was.action is Action.RETRAIN
    assert one.would.action is not Action.RETRAIN
    assert one.regret is not None
    assert one.saving is not None
    assert one.regret > 0
    assert one.saving > 0


def test_a_higher_band_asks_where_it_ran(settings: Settings) -> None:
    one = replayed(settings, "confidence_band=1")["slow"]
    assert (one.was.ruling, one.would.ruling, one.would.rules) == ("allow", "needs_approval", ("confidence_band",))
    assert one.regret == pytest.approx(ModelSettings().costs.alert)


def test_a_pin_and_a_cooldown_rule_on_the_past_as_it_was_then(settings: Settings) -> None:
    assert replayed(settings, "autonomy.cache=never")["slow"].would.ruling == "deny"
    again = replayed(settings, "cooldown_minutes=0")["again"]
    assert (again.was.ruling, again.would.ruling, again.would.rules) == ("needs_approval", "allow", ())
    most = replayed(settings, "limits.actions_per_day=1")
    assert (most["slow"].would.rules, most["again"].would.rules) == ((), ("actions_per_day", "cooldown"))


def test_a_baseline_that_the_request_told_stays(settings: Settings) -> None:
    changed = change(["baseline.accuracy=0.99", "baseline.latency_ms=40"])
    told = Telemetry.model_validate({**HEALTHY, "model_name": "m"})
    seen = Situation(
        decision_id="d",
        observed_at=datetime.now(UTC),
        telemetry=told,
        settings=ModelSettings(),
        baseline=Baseline(accuracy=0.9),
        baseline_sources={"accuracy": "telemetry"},
    )
    then = changed.situation(seen)
    assert (then.baseline.accuracy, then.baseline.latency_ms) == (0.9, 40)
    assert then.settings.baseline is not None


class Alerts:
    """Tells people, whatever there is."""

    name = "alerts"

    def decide(self, situation: Situation) -> Step:
        return Step(action=Action.ALERT, target=situation.telemetry.model_name, parameters={"severity": "info"})


class Mumbles:
    """Gives no answer that can be used."""

    def decide(self, situation: Situation) -> str:
        return "retrain"


class Elsewhere:
    """Aims at another model."""

    def decide(self, situation: Situation) -> Step:
        return Step(action=Action.RETRAIN, target="another", parameters={})


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Name a planner of this file as the command line would."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    return lambda name: f"{Path(__file__).stem}:{name}"


def test_another_policy_is_priced_and_trusted_by_the_engine(settings: Settings, here: Callable[[str], str]) -> None:
    found = replayed(settings, planner=here("Alerts"))
    assert {one.would.action for one in found.values()} == {Action.ALERT}
    assert {one.would.by for one in found.values()} == {"alerts (--planner)"}
    assert found["drifted"].regret is not None
    assert found["drifted"].regret > 0
    assert 0 < found["drifted"].would.confidence < 1
    assert found["quiet"].would.confidence < found["drifted"].would.confidence
    rejected = replayed(settings, planner=here("Elsewhere"))["quiet"]
    assert (rejected.would.ruling, rejected.would.confidence) == ("critic_rejected", 0)


def test_an_answer_that_is_no_step_is_told(
    settings: Settings, here: Callable[[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(Request(planner=here("Mumbles")), settings) == 1
    assert "answered with str, neither a Plan nor a Step" in capsys.readouterr().err


def test_other_numbers_are_another_engine(settings: Settings, tmp_path: Path) -> None:
    document = json.loads(files("aurora.policy").joinpath("priors.json").read_text(encoding="utf-8"))
    same, other = tmp_path / "same.json", tmp_path / "other.json"
    same.write_text(json.dumps(document))
    document["judgement"]["cure"]["value"]["quality"]["retrain"] = {}
    other.write_text(json.dumps(document))

    assert not any(one.flips for one in replayed(settings, priors=same).values())
    found = replayed(settings, priors=other)["drifted"]
    assert (found.was.action, found.flips, found.engine_alone) == (Action.RETRAIN, True, False)
    assert "other.json" in change([], other).words["priors"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("drift_score=0.3",), "Near it: thresholds.drift_score"),
        (("acuracy_floor=0.75",), "Near it: accuracy_floor"),
        (("zzz=1",), "There are: "),
        (("accuracy_floor",), "takes KEY=VALUE"),
        (("accuracy_floor=7",), "accuracy_floor=7: "),
        (("autonomy.retrain=perhaps",), "autonomy.retrain=perhaps: "),
        (("confidence_band=high",), "from 0 to 1"),
        (("costs=3",), "costs.retrain"),
    ],
)
def test_a_wrong_change_is_told_with_what_is_near(asked: tuple[str, ...], said: str) -> None:
    with pytest.raises(NotAChange) as wrong:
        change(asked)
    assert said in str(wrong.value)


@pytest.mark.parametrize("content", [None, "not json", "[]", "{}"])
def test_a_file_that_holds_no_engine_is_told(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "numbers.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(NotAChange, match=r"numbers\.json"):
        change([], file)


def test_every_setting_of_a_model_can_be_changed() -> None:
    known = names()
    assert {"confidence_band", "accuracy_floor", "mode", "thresholds.drift_score", "autonomy.scale"} <= set(known)
    assert {"baseline.accuracy", "freeze", "costs.slo_breach", "limits.max_replicas"} <= set(known)


def test_nothing_is_written(settings: Settings) -> None:
    file = settings.home / "aurora.db"
    before = file.read_bytes(), file.stat().st_mtime_ns
    assert run(Request(settings=("confidence_band=1",), json=True), settings) == 0
    assert (file.read_bytes(), file.stat().st_mtime_ns) == before


def test_an_empty_ledger_says_so_and_none_is_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(Request(), Settings(home=tmp_path / "nowhere", _env_file=None)) == 0
    assert capsys.readouterr().out == "The ledger holds no decision to replay.\n"
    assert not (tmp_path / "nowhere").exists()


def test_a_decision_whose_plan_was_just_sent_back_is_left_out(tmp_path: Path) -> None:
    made = Settings(home=tmp_path, embedding_model=str(tmp_path / "none"), _env_file=None)
    telemetry = Telemetry.model_validate({"model_name": "drifted", **FAILING})
    seen, running = look(FAILING), Standing(status=Status.RUNNING)
    plan = propose(seen, (), reversible=CHANGING)
    critique = judge(plan, seen, (), reversible=CHANGING).evolve(verdict="revise")
    with Aurora.open(made) as aurora:
        decisions = aurora.ledger.decisions
        id = decisions.open(telemetry, dry_run=True, mode=Mode.AUTONOMOUS, simulated=True, held=True)
        for node, noun in (("observe", seen), ("plan", plan), ("critique", critique)):
            decisions.record(id, 0, node, noun, running)
    found = backtest(made, change([]), Wanted(100))
    assert found.replays == ()
    assert found.left_out == {"still being worked out": 1}


def test_what_is_no_ledger_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "aurora.db").write_text("this is no database, whatever its name says" * 50)
    assert run(Request(), Settings(home=tmp_path, _env_file=None)) == 1
    assert "no ledger" in capsys.readouterr().err


def test_model_time_and_number_choose_what_is_replayed(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    def count(**asked: Any) -> int:
        assert run(Request(json=True, **asked), settings) == 0
        return int(json.loads(capsys.readouterr().out)["replayed"])

    assert [count(), count(model="slow"), count(limit=3), count(since="2999-01-01")] == [4, 2, 3, 0]
    assert count(since=(datetime.now(UTC) - timedelta(hours=1)).isoformat()) == 4
    assert run(Request(since="yesterday"), settings) == 2


def test_the_document_and_the_table_say_what_would_flip(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    asked = Request(settings=("costs.retrain=9", "confidence_band=1"), json=True)
    assert run(asked, settings) == 0
    told = json.loads(capsys.readouterr().out)
    flips = [one for one in told["decisions"] if one["flips"]]
    assert told["flips"] == len(flips) == sum(told["pairs"].values())
    assert told["pairs"]["cache: runs → asks"] == 1
    assert told["regret"] == pytest.approx(sum(one["regret"] for one in flips))
    assert told["recorded_policy_versions"] == {told["policy_version"]: 4}
    assert all(one["was"]["policy_version"] and one["would_be"]["policy_version"] for one in told["decisions"])

    assert run(Request(settings=asked.settings), settings) == 0
    shown = capsys.readouterr().out
    assert f"Replayed 4 decisions with costs.retrain=9, confidence_band=1.0: {len(flips)} would flip." in shown
    assert "runs → asks" in shown
    assert "better, verified" in shown


# --- what was known then ---------------------------------------------------------------------------------------------

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def at(hours: float) -> datetime:
    return NOON + timedelta(hours=hours)


def decided(id: str, hours: float) -> DecisionRecord:
    return DecisionRecord.model_validate(
        {
            "id": id,
            "model_name": "m",
            "created_at": at(hours),
            "updated_at": at(hours),
            "status": "executed",
            "mode": "autonomous",
            "dry_run": False,
            "simulated": True,
            "telemetry": HEALTHY,
        }
    )


def test_an_outcome_counts_from_when_it_was_known() -> None:
    step = Step(action=Action.CACHE, target="m", parameters={"enabled": True})
    done = ToolResult(status="ok", called="c")
    execution = Execution(status="done", intent_key="k", step=step, reasoning="", result=done, executed_at=at(0))
    worse = Verification(outcome="not_better", reasoning="", source="tool", verified=True)
    seen = look({**HEALTHY})
    seen = seen.evolve(settings=seen.settings.evolve(costs=seen.settings.costs.evolve(cache=0.35)))
    nouns: dict[str, list[Written]] = {
        "observe": [(at(0), seen)],
        "execute": [(at(0), execution)],
        "verify": [(at(2), worse)],
        "undo": [(at(3), Undo(status="undone", reasoning=""))],
        "report": [(at(3), Report(headline="", text=""))],
    }
    change_made = past(decided("old", 0), nouns)
    assert change_made is not None
    assert change_made.price == 0.35

    def known(hours: float) -> tuple[list[Outcome], bool, tuple[bool, ...]]:
        facts = facts_at(at(hours), decided("new", hours), [change_made], None)
        track = facts.track.get(Action.CACHE)
        return [deed.outcome for deed in facts.deeds], bool(facts.in_flight), track.outcomes if track else ()

    assert known(-1) == ([], False, ())
    assert known(1) == ([Outcome.PENDING], True, ())
    assert known(2.5) == ([Outcome.NOT_BETTER], True, (False,))
    assert known(4) == ([Outcome.UNDONE], False, (False,))
    assert known(25) == ([], False, (False,))
