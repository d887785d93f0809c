"""Earned autonomy over the API: a miss narrows it, verified successes widen it, a pin and a restart hold."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import httpx

from app.api import create_app
from aurora import Aurora
from aurora.domain import ModelSettings, Step, ToolResult

from .conftest import FAILING, ShiftedClock
from .hands import Hand, with_training

Open = Callable[..., Aurora]
BETTER, WORSE = 0.9, 0.55
HOURLY = {"verify_minutes": 60, "cooldown_minutes": 0}


class Told(Hand):
    """A training that is over at once, and whose new version is what a test says."""

    accuracy = BETTER
    done: ClassVar[set[str]] = set()

    def apply(self, step: Step, key: str) -> ToolResult:
        self.done.add(key)
        return ToolResult(status="ok", called="sandbox.training.apply", simulated=True)

    def undo(self, step: Step, key: str, before: dict[str, object]) -> ToolResult:
        self.done.add(f"{key}:undo")
        return ToolResult(status="ok", called="sandbox.training.undo", simulated=True)

    def look_up(self, key: str) -> ToolResult:
        if key not in self.done:
            return ToolResult(status="no_data", called="sandbox.training.look_up")
        metrics = {"accuracy": {"before": 0.72, "after": Told.accuracy, "samples": 500}}
        return ToolResult(status="ok", called="sandbox.training.look_up", answer={"state": "done", "metrics": metrics})


class Installation:
    """One AURORA behind its API, whose trainings turn out as a test wants."""

    def __init__(self, open_aurora: Open, clock: ShiftedClock) -> None:
        self._open, self._clock = open_aurora, clock
        self.start()
        self.aurora.put_settings("default", ModelSettings.model_validate(HOURLY), "ada")

    def start(self) -> None:
        """Open it, or open it again."""
        # Without an embedding model it decides without memory: what is earned rests on the ledger alone.
        self.aurora = self._open(with_training(Told), embedding_model="/no/model/here")

    @asynccontextmanager
    async def _api(self) -> AsyncIterator[httpx.AsyncClient]:
        transport = httpx.ASGITransport(create_app(self.aurora))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
            yield client

    async def right(self) -> dict[str, Any]:
        """Return what it may do by itself about retraining the default model; the list and the model agree."""
        async with self._api() as api:
            one = (await api.get("/api/models/default")).json()["autonomy"]
            (listed,) = (await api.get("/api/models", params={"name": "default"})).json()["items"]
        assert one == listed["autonomy"]
        assert set(one) == {"retrain", "fine_tune", "cache", "route", "scale"}
        found: dict[str, Any] = one["retrain"]
        return found

    async def pin(self, setting: str) -> None:
        async with self._api() as api:
            told = {**HOURLY, "autonomy": {"retrain": setting}}
            (await api.put("/api/models/default", json=told)).raise_for_status()

    async def retrain(self, accuracy: float) -> tuple[str, list[str]]:
        """Look at failing telemetry, approve what asks, and let the outcome be seen: first status, and rules."""
        async with self._api() as api:
            asked = (await api.post("/api/analyze", json=FAILING)).json()
            assert asked["planner_decision"]["decision_type"] == "retrain"
            if asked["approval_id"]:
                said = {"decision": "approve", "by": "ada"}
                (await api.post(f"/api/approvals/{asked['approval_id']}", json=said)).raise_for_status()
            Told.accuracy = accuracy
            self._clock.pass_hours(1.1)
            self.aurora.sweep()
            seen = (await api.get(f"/api/decisions/{asked['decision_id']}")).json()["outcome"]
        assert seen == ("better" if accuracy == BETTER else "undone")
        return asked["status"], [finding["rule"] for finding in asked["rules"]]


async def test_a_miss_narrows_and_verified_successes_widen(open_aurora: Open, clock: ShiftedClock) -> None:
    here = Installation(open_aurora, clock)
    fresh = await here.right()
    assert (fresh["setting"], fresh["pinned"], fresh["state"], fresh["undoable"]) == (
        "earned",
        False,
        "within_bands",
        True,
    )

    assert await here.retrain(BETTER) == ("executed", [])
    assert await here.retrain(WORSE) == ("executed", [])
    narrowed = await here.right()
    assert (narrowed["state"], narrowed["verified_successes"], narrowed["misses"]) == ("asks", 1, 1)
    assert "A miss took the right" in narrowed["reason"]

    here.start()
    assert await here.right() == narrowed
    for _ in range(narrowed["needed"]):
        status, rules = await here.retrain(BETTER)
        assert status == "awaiting_approval"
        assert "earned_autonomy" in rules
    widened = await here.right()
    assert (widened["state"], widened["in_a_row"]) == ("within_bands", narrowed["needed"])
    assert widened["lower_bound"] >= widened["bar"] > narrowed["lower_bound"]
    assert await here.retrain(BETTER) == ("executed", [])


async def test_a_pin_holds_whatever_the_record_says(open_aurora: Open, clock: ShiftedClock) -> None:
    here = Installation(open_aurora, clock)
    await here.pin("auto")
    await here.retrain(WORSE)
    missed = await here.right()
    assert (missed["state"], missed["pinned"], missed["misses"]) == ("within_bands", True, 1)
    assert "earned_autonomy" not in (await here.retrain(BETTER))[1]

    await here.pin("ask")
    here.start()
    assert ((await here.right())["state"], (await here.right())["pinned"]) == ("asks", True)
    status, rules = await here.retrain(BETTER)
    assert (status, rules) == ("awaiting_approval", ["autonomy"])

    await here.pin("never")
    assert (await here.right())["state"] == "never"
    await here.pin("earned")
    again = await here.right()
    assert (again["state"], again["pinned"], again["in_a_row"]) == ("asks", False, 2)
