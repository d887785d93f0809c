"""The loop suite in small: who does what about which incident, what it is priced at, and one life under each arm."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aurora.domain import Action, Baseline, ModelSettings, Serving
from aurora.sandbox.effects import Effect
from aurora.sandbox.fleet.catalogue import CATALOGUE, entry_for, made
from aurora.sandbox.service import Drift, Incident, IncidentKind, Service, Version
from evals.baselines.loop import TriggerTable
from evals.suites import loop
from evals.suites.figures import Figure
from evals.suites.loop.accounts import Account, account
from evals.suites.loop.lives import ARMS, Arm, Life, Plan, live
from evals.suites.loop.people import cures, delay, has_bug
from evals.suites.loop.stage import HOURS, Scene, Sight
from evals.suites.loop.tables import AURORA, comparison, decisions, false_positives, hours_to_recovery, tied
from evals.suites.result import ENGINE, Options, Result

SETTINGS = ModelSettings(
    accuracy_floor=0.75, latency_slo_ms=400.0, baseline=Baseline(accuracy=0.9), cooldown_minutes=90.0
)
FINE = Sight(rightly=0.9, latency_ms=100.0, traffic=1.0, error_rate=0.0, replicas=3)
BAD = replace(FINE, rightly=0.5)
POINT: dict[str, Any] = {
    "model_name": "scorer",
    "accuracy": 0.9,
    "latency_ms": 100.0,
    "error_rate": 0.0,
    "data_drift_score": 0.1,
    "null_rate": 0.0,
    "repeat_ratio": 0.08,
    "cpu_usage": 0.4,
    "memory_usage": 0.45,
    "replicas": [{"name": "r1", "load": 0.4}, {"name": "r2", "load": 0.42}],
}
UNEVEN = [{"name": "r1", "load": 0.9}, {"name": "r2", "load": 0.4}]
SERVING = Serving(version="1.1", previous_version="1.0", replicas=2, weights={"r1": 50.0, "r2": 50.0})


# --- the trigger table -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "action", "parameters"),
    [
        ({}, None, {}),
        ({"accuracy": 0.7, "data_drift_score": 0.6}, "retrain", {"window": "newest"}),
        ({"accuracy": 0.8, "data_drift_score": 0.6}, "fine_tune", {"window": "newest"}),
        ({"accuracy": 0.89, "data_drift_score": 0.6}, None, {}),
        ({"latency_ms": 500.0, "repeat_ratio": 0.7}, "cache", {"enabled": True, "ttl_seconds": 300.0}),
        ({"replicas": UNEVEN}, "route", {"weights": {"r1": 0.0, "r2": 100.0}}),
        ({"cpu_usage": 0.9}, "scale", {"replicas": 3, "from": 2}),
        ({"cpu_usage": 0.1}, None, {}),
        ({"memory_usage": 0.95}, None, {}),
        ({"accuracy": 0.7}, "alert", None),
        ({"null_rate": 0.2}, "alert", None),
    ],
)  # fmt: skip
def test_the_table_is_taken_literally(
    changes: dict[str, Any], action: str | None, parameters: dict[str, Any] | None
) -> None:
    step = TriggerTable(SETTINGS, HOURS).decide({**POINT, **changes}, SERVING, 1)
    assert (step and step.action) == action
    if step is not None and parameters is not None:
        assert step.parameters == parameters


def test_a_replica_is_given_back_only_after_a_long_idle_time() -> None:
    table, idle = TriggerTable(SETTINGS, HOURS), {**POINT, "cpu_usage": 0.1}
    assert [table.decide(idle, SERVING, tick) for tick in range(20)] == [None] * 20
    assert table.decide(POINT, SERVING, 20) is None
    steps = [table.decide(idle, SERVING, tick) for tick in range(21, 42)]
    assert steps[:-1] == [None] * 20
    assert steps[-1] is not None
    assert steps[-1].parameters == {"replicas": 1, "from": 2}


def test_a_new_version_that_fails_is_taken_back_but_not_one_of_the_tables_own() -> None:
    failing, table = {**POINT, "accuracy": 0.6}, TriggerTable(SETTINGS, HOURS)
    assert table.decide(POINT, SERVING, 1) is None
    newer = SERVING.evolve(version="1.2", previous_version="1.1")
    step = table.decide(failing, newer, 2)
    assert step is not None
    assert step.parameters == {"to_version": "1.1"}
    table.did({"version": "1.2"}, 2)
    assert table.decide(failing, newer, 3) is None
    rested = table.decide(failing, newer, 17)
    assert rested is not None
    assert rested.action is Action.ALERT


# --- the person ------------------------------------------------------------------------------------------------------


def _service(kind: IncidentKind, now: int = 30, lasts: int = 60) -> Service:
    service = made(entry_for(kind), 3, (Incident(kind=kind, begins=20, lasts=lasts, begun=True),))
    assert service.live is not None
    return service.evolve(live=service.live.evolve(now=now))


def _scene(service: Service, rightly: float = 0.9) -> Scene:
    return Scene(service, SETTINGS, [replace(FINE, rightly=rightly)] * 5)


def _actions(service: Service, rightly: float = 0.9) -> list[str]:
    return [step.action.value for step in cures(service, _scene(service, rightly))]


@pytest.mark.parametrize(
    ("kind", "actions"),
    [
        ("surge", ["scale"]),
        ("repeating_burst", ["cache"]),
        ("hot_replica", ["route"]),
        ("covariate_drift", []),
        ("blip", []),
        ("healthy", []),
        ("data_bug", []),
    ],
)
def test_a_person_does_what_is_right_and_only_while_it_is(kind: IncidentKind, actions: list[str]) -> None:
    assert _actions(_service(kind)) == actions
    assert _actions(_service(kind, now=90)) == []
    assert has_bug(_service(kind)) is (kind == "data_bug")


def test_a_version_that_a_team_broke_is_taken_back_and_never_to_another_broken_one() -> None:
    service = _service("bad_deployment")
    broken = Version(origin="deployed", concept=0, trained_at=20, target=0.6)
    service = (
        service.with_version("1.2", broken).with_version("1.3", broken).evolve(version="1.3", previous_version="1.2")
    )
    (step,) = cures(service, _scene(service))
    assert step.parameters == {"to_version": "1.1"}


def test_a_model_is_trained_once_for_each_concept_that_it_has_not_seen_and_only_if_it_is_wrong() -> None:
    service = _service("abrupt_drift").evolve(drifts=(Drift(target=0.6, against="1.1", begins=20),))
    assert _actions(service, rightly=0.6) == ["retrain"]
    assert _actions(service, rightly=0.88) == []
    assert service.live is not None
    assert _actions(service.evolve(live=service.live.evolve(now=26)), rightly=0.6) == []
    seen = Version(origin="retrain", concept=1, trained_at=27)
    assert _actions(service.with_version("1.2", seen).evolve(version="1.2"), rightly=0.6) == []


def test_what_an_incident_took_is_given_back_when_it_is_over() -> None:
    over = _service("surge", now=90)
    more = tuple(over.replicas[0].evolve(name=f"r{number}", weight=20.0) for number in range(1, 6))
    (step,) = cures(over.evolve(replicas=more), Scene(over, SETTINGS))
    assert step.parameters == {"replicas": 3, "from": 5}
    assert cures(over.evolve(replicas=more), Scene(over, SETTINGS), lent=False) == []
    away = tuple(one.evolve(weight=0.0 if one.name == "r1" else 50.0) for one in over.replicas)
    (step,) = cures(over.evolve(replicas=away), Scene(over, SETTINGS))
    assert set(step.parameters["weights"].values()) == {100 / 3}


def test_people_are_slower_at_night_and_at_the_weekend() -> None:
    by_day, at_night, on_saturday = delay(10), delay(120), delay(5 * 240 + 30)
    assert (by_day * HOURS, at_night * HOURS, on_saturday * HOURS) == pytest.approx((1.0, 3.0, 3.0))


# --- accounts --------------------------------------------------------------------------------------------------------


def _effect(action: Action, number: int, **more: Any) -> Effect:
    return Effect(
        key=f"{action}{number}", target="scorer", action=action, parameters=more.pop("parameters", {}),
        state="done", done_at="2026-01-05T08:00:00+00:00", **more,
    )  # fmt: skip


def _life(
    kind: IncidentKind,
    bad: range,
    effects: tuple[tuple[int, Effect], ...] = (),
    *,
    arm: Arm = "AURORA",
    seed: int = 1,
    bad_sight: Sight = BAD,
    calls: tuple[int, ...] = (),
) -> Life:
    service = _service(kind, lasts=60)
    sights = tuple(bad_sight if tick in bad else FINE for tick in range(1, 121))
    incidents = service.live.incidents if service.live else ()
    return Life(arm, seed, "scorer", service, SETTINGS, sights, incidents, effects, calls)


def test_every_part_of_a_price_is_what_the_contract_says() -> None:
    late = replace(FINE, rightly=0.8, latency_ms=500.0, traffic=2.0, replicas=4)
    effects = ((20, _effect(Action.RETRAIN, 1)), (21, _effect(Action.ALERT, 2)))
    price = account(_life("surge", range(30, 40), effects, bad_sight=late, calls=(50,))).price
    assert price.wrong == pytest.approx(HOURS * (110 * 0.1 + 10 * 2 * 0.2))
    assert price.late == pytest.approx(HOURS * 10 * 0.25)
    assert price.replicas == pytest.approx(HOURS * 0.025 * (110 * 3 + 10 * 4))
    assert price.actions == pytest.approx(0.5)
    assert price.people == pytest.approx(2 * 0.2)
    assert price.total == pytest.approx(price.wrong + price.late + price.replicas + price.actions + price.people)


def test_recovery_counts_from_the_beginning_of_an_incident_and_must_last() -> None:
    (soon,) = account(_life("abrupt_drift", range(20, 40))).episodes
    (late,) = account(_life("abrupt_drift", range(20, 85))).episodes
    (never,) = account(_life("abrupt_drift", range(20, 121))).episodes
    (flaw,) = account(_life("abrupt_drift", range(0))).episodes
    assert soon.hours / HOURS == pytest.approx(24)  # 20 ticks, and 4 until the accuracy over five is near again
    assert (soon.recovered, late.recovered, never.recovered) == (True, False, False)
    assert never.hours / HOURS == pytest.approx(101)
    assert (flaw.hurt, flaw.hours, flaw.recovered) == (False, 0.0, True)


def test_an_incident_that_is_cut_off_by_the_end_is_left_out() -> None:
    life = _life("abrupt_drift", range(20, 40))
    assert account(replace(life, sights=life.sights[:75])).episodes == ()


def test_changes_are_held_against_what_was_the_matter() -> None:
    effects = (
        (22, _effect(Action.SCALE, 1, parameters={"replicas": 5}, before={"replicas": [1, 2, 3]})),
        (40, _effect(Action.SCALE, 2, parameters={"replicas": 9}, before={"replicas": [1, 2, 3, 4, 5]})),
        (50, _effect(Action.SCALE, 3, parameters={"replicas": 3}, before={"replicas": [1] * 9})),
        (60, _effect(Action.RETRAIN, 4, phase="promoted")),
        (70, _effect(Action.RETRAIN, 5, phase="withdrawn")),
    )
    one = account(_life("abrupt_drift", range(20, 60), effects))
    assert [(deed.action, deed.wrong, deed.idle) for deed in one.deeds] == [
        (Action.SCALE, True, False),
        (Action.SCALE, True, False),
        (Action.RETRAIN, False, False),
        (Action.RETRAIN, True, False),
    ]
    assert one.repeated == 1
    assert (one.trainings, one.better) == (2, 1)


def test_a_change_of_a_healthy_service_is_a_false_positive() -> None:
    changed = account(_life("healthy", range(0), ((30, _effect(Action.FINE_TUNE, 1)),)))
    told = account(_life("healthy", range(0), ((30, _effect(Action.ALERT, 1)),)))
    assert [false_positives([one]).value for one in (changed, told)] == [1.0, 0.0]


# --- tables ----------------------------------------------------------------------------------------------------------


def _accounts() -> dict[Arm, list[Account]]:
    lasts: dict[Arm, int] = {
        "nobody": 100,
        "a person": 40,
        "rules": 30,
        "AURORA": 20,
        "right cure at once": 10,
    }
    return {
        arm: [account(_life("abrupt_drift", range(20, 20 + ticks + seed), arm=arm, seed=seed)) for seed in range(4)]
        for arm, ticks in lasts.items()
    }


def test_the_tables_tell_the_arms_apart() -> None:
    accounts = _accounts()
    times = [hours_to_recovery(accounts, arm) for arm in ARMS]
    assert all(isinstance(one, Figure) for one in times)
    values = [one.value for one in times if one]
    assert sorted(values, reverse=True) == values
    assert comparison(accounts).better
    assert not comparison({**accounts, "AURORA": accounts["nobody"]}).better
    assert [tied(accounts, arm).value for arm in ("right cure at once", "nobody")] == [1.0, 0.0]
    for row in decisions(accounts).rows:
        assert row.figures[-1] is None


def test_the_arm_of_the_engine_has_the_name_that_all_suites_give_it() -> None:
    assert AURORA == ENGINE


# --- whole lives -----------------------------------------------------------------------------------------------------


def test_a_life_is_the_same_each_time_until_somebody_acts() -> None:
    plan = Plan(7, ("search-ranker",), 40)
    once, again = (live(plan, "nobody")[0] for _ in range(2))
    assert once == again
    assert len(once.sights) == 40
    assert once.effects == ()
    assert once.sights[:20] == live(plan, "a person")[0].sights[:20]


def test_every_service_of_a_plan_lives_through_incidents_of_its_own() -> None:
    names = tuple(entry.name for entry in CATALOGUE)
    services = Plan(7, names, 7 * 240).services()
    assert [one.name for one in services] == list(names)
    met = {incident.kind for one in services if one.live for incident in one.live.incidents}
    assert met >= {"abrupt_drift", "gradual_drift", "data_bug", "bad_deployment", "surge", "hot_replica", "memory_leak"}


@pytest.mark.slow
def test_a_person_cures_a_surge_and_gives_back_what_it_took(tmp_path: Path) -> None:
    (cured,) = live(Plan(2, ("risk-ranker",), 240), "a person")
    (left,) = live(Plan(2, ("risk-ranker",), 240), "nobody")
    assert account(cured).price.late < account(left).price.late
    assert cured.sights[-1].replicas == len(cured.born.replicas)


@pytest.mark.slow
def test_the_quick_suite_tells_what_each_arm_costs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "plan", lambda _: [Plan(7, ("search-ranker", "menu-tagger"), 240)])
    told: list[tuple[int, int]] = []
    result: Result = loop.run(Options(tmp_path, quick=True), lambda done, of: told.append((done, of)))
    assert told[-1] == (len(ARMS), len(ARMS))
    assert [row.policy for row in result.tables[0].rows] == list(ARMS)
    assert next(target for target in result.targets if target.key == "loop.false_positives").met
