"""Decisions go on by their wake-ups alone: no sweep comes in these tests but the first, before there is anything."""

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from app.worker import Worker
from aurora import Aurora
from aurora.domain import MetricPoint, ModelSettings
from aurora.settings import Settings
from tests.app.running import running, started

from .conftest import FAILING

NEVER = 3600.0
"""Seconds between two sweeps."""
ASKS = {"autonomy": {"retrain": "ask"}}

Serve = Callable[..., Aurora]


def eventually(true: Callable[[], Any], seconds: float = 120) -> Any:
    end = time.monotonic() + seconds
    while not (found := true()) and time.monotonic() < end:
        time.sleep(0.05)
    return found


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Opens AURORA with its worker, as `aurora serve` does; again is a restart."""
    opened: list[tuple[Aurora, Worker]] = []

    def end() -> None:
        while opened:
            aurora, worker = opened.pop()
            assert worker.stop(10)
            aurora.close()

    def open_(database_url: str = "") -> Aurora:
        end()
        worker = Worker(NEVER)
        settings = Settings(home=tmp_path / "home", database_url=database_url, _env_file=None)
        aurora = Aurora.open(settings, wakeups=worker.wakeups)
        opened.append((aurora, worker))
        worker.start(aurora)
        assert eventually(lambda: worker.wakeups.taken)
        return aurora

    yield open_
    end()


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def test_an_approval_is_heard_and_its_outcome_verified_without_a_sweep(
    serve: Serve, database: str, request: pytest.FixtureRequest
) -> None:
    aurora = serve("" if database == "sqlite" else request.getfixturevalue("fresh_postgres_url"))
    aurora.put_settings("default", ModelSettings.model_validate({**ASKS, "verify_minutes": 0.05}), "ada")
    waiting = aurora.analyze(FAILING)
    assert waiting.approval_id is not None

    aurora.ledger.approvals.settle(waiting.approval_id, "approved", "ada")

    assert eventually(lambda: aurora.answer(waiting.decision_id).status == "executed")
    assert eventually(lambda: aurora.answer(waiting.decision_id).outcome == "better")
    assert len(aurora.ledger.intents.of_decision(waiting.decision_id)) == 1
    assert aurora.ledger.audit.verify() == []


def test_an_approval_of_before_a_restart_is_heard_after_it(serve: Serve) -> None:
    aurora = serve()
    aurora.put_settings("default", ModelSettings.model_validate(ASKS), "ada")
    waiting = aurora.analyze(FAILING)
    assert waiting.approval_id is not None
    aurora.ledger.wakeups.stop()  # type: ignore[attr-defined]
    aurora.ledger.approvals.settle(waiting.approval_id, "approved", "ada")
    time.sleep(0.5)
    assert aurora.answer(waiting.decision_id).status == "awaiting_approval"
    aurora = serve()
    assert eventually(lambda: aurora.answer(waiting.decision_id).status == "executed")


def test_a_resume_that_is_delivered_again_answers_nothing_else(serve: Serve) -> None:
    aurora = serve()
    aurora.put_settings("default", ModelSettings.model_validate({**ASKS, "verify_minutes": 120}), "ada")
    waiting = aurora.analyze(FAILING)
    assert waiting.approval_id is not None
    aurora.settle(waiting.approval_id, "approve", by="ada")
    resume = f"resume:{waiting.approval_id}"
    assert eventually(lambda: state_of(aurora, resume) == "SUCCESS")
    before = [(row.node, row.round, row.body) for row in aurora.ledger.decisions.nouns(waiting.decision_id)]
    assert before[-1][0] == "execute"  # it waits now for its outcome, which is another interrupt

    with aurora.ledger.store.write() as session:
        again = "UPDATE workflow_status SET status = 'ENQUEUED', completed_at = NULL WHERE workflow_uuid = :id"
        session.execute(text(again), {"id": resume})
        session.commit()
    assert eventually(lambda: state_of(aurora, resume) == "SUCCESS")
    aurora.submit_advance(waiting.decision_id).result(30)

    after = [(row.node, row.round, row.body) for row in aurora.ledger.decisions.nouns(waiting.decision_id)]
    assert after == before
    assert aurora.answer(waiting.decision_id).outcome == "pending"


def state_of(aurora: Aurora, id: str) -> str | None:
    with aurora.ledger.store.read() as session:
        found = session.execute(text("SELECT status FROM workflow_status WHERE workflow_uuid = :id"), {"id": id})
        return found.scalar_one_or_none()


def test_metrics_are_looked_at_as_they_arrive(serve: Serve) -> None:
    aurora = serve()
    settings = {"baseline": {"accuracy": 0.9, "latency_ms": 200}, "cooldown_minutes": 0.1}
    aurora.put_settings("scorer", ModelSettings.model_validate(settings), "ada")
    now = datetime.now(UTC)
    for second in range(60):
        point = {"accuracy": 0.55, "latency_ms": 210, "labels": 500, "data_drift_score": 0.8}
        at = now - timedelta(seconds=60 - second)
        aurora.add_metrics([MetricPoint.model_validate({"model_name": "scorer", "timestamp": at, **point})])
    assert eventually(lambda: aurora.ledger.decisions.list(model_name="scorer").items, 20)


def test_a_change_of_a_process_that_was_killed_is_verified_by_the_next_one(tmp_path: Path) -> None:
    settings = {"AURORA_SWEEP_SECONDS": str(int(NEVER))}
    with running(tmp_path, "--no-ui", settings=settings) as server:
        assert eventually(lambda: health(server.url)["components"].get("wake_ups") == "operational")
        httpx.put(f"{server.url}/api/models/default", json={"verify_minutes": 0.3}).raise_for_status()
        decided = httpx.post(f"{server.url}/api/analyze", json=FAILING, timeout=120).json()
        assert (decided["status"], decided["outcome"]) == ("executed", "pending")
        server.process.kill()
        server.process.wait()
    with running(tmp_path, "--no-ui", settings=settings) as server:
        found = f"{server.url}/api/decisions/{decided['decision_id']}"
        assert httpx.get(found).json()["outcome"] == "pending"
        assert eventually(lambda: httpx.get(found).json()["outcome"] == "better")
        told = {check["name"]: check for check in json.loads(server.aurora("doctor", "--json"))["checks"]}
        assert told["wake-ups"]["verdict"] == "ok"


def test_ctrl_c_in_the_middle_of_everything_ends_it_at_once_and_silently(tmp_path: Path) -> None:
    with started(tmp_path, "--no-ui") as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        busy = [threading.Thread(target=ask_for_much, args=(url, name), daemon=True) for name in "abcd"]
        for thread in busy:
            thread.start()
        assert eventually(lambda: decisions(url))
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=10)
        assert process.returncode == 0
        assert time.monotonic() - began < 4
        assert "Traceback" not in err


def ask_for_much(url: str, name: str) -> None:
    look = {**FAILING, "model_name": name}
    while True:
        try:
            httpx.put(f"{url}/api/models/{name}", json={"verify_minutes": 0.01, "cooldown_minutes": 0.01})
            httpx.post(f"{url}/api/metrics", json={"model_name": name, "accuracy": 0.5})
            httpx.post(f"{url}/api/analyze", json=look, timeout=30)
        except httpx.HTTPError:
            return


def health(url: str) -> Any:
    return httpx.get(f"{url}/health").json()


def decisions(url: str) -> Any:
    return httpx.get(f"{url}/api/decisions").json()["items"]
