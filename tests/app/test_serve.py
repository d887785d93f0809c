"""`aurora serve` starts whole or says in one sentence why not, and ends whole, however it is ended."""

import json
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

import app.cli_doctor
import app.main
import app.preflight
from app.client import Api, Server, running_server
from app.failure import CannotServe
from aurora.sandbox.fleet.catalogue import CATALOGUE
from tests.app.running import Running, command, running, started

FAILING = {"model_metrics": {"accuracy": 0.72, "latency_ms": 650}, "data_drift": {"detected": True, "score": 0.65}}


def _gone(family: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Return those that still live after at most `seconds`."""
    _, alive = psutil.wait_procs(family, timeout=seconds)
    return list(alive)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_api_and_ui_and_ends_with_everything_within_five_seconds(tmp_path: Path, how: signal.Signals) -> None:
    with running(tmp_path / "home") as server:
        assert httpx.get(f"{server.url}/health").json()["components"]["database"] == "operational"
        decided = httpx.post(f"{server.url}/api/analyze", json=FAILING, timeout=120).json()
        assert decided["status"] == "executed"
        assert server.ui_url is not None
        assert httpx.get(server.ui_url, timeout=60).status_code == 200
        family = server.family()
        began = time.monotonic()
        assert server.stop(how) == 0
        assert _gone(family, 1) == []
        assert time.monotonic() - began < 6
        assert not (server.home / "server.json").exists()


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("lasting"), "--no-ui") as served:
        yield served


def test_a_running_server_can_be_found_from_its_home_and_by_its_owner_only(lasting: Running) -> None:
    found = running_server(lasting.home)
    assert found is not None
    assert (found.url, found.pid) == (lasting.url, lasting.process.pid)
    assert (lasting.home / "server.json").stat().st_mode & 0o077 == 0


def test_a_second_server_for_the_same_home_is_refused_and_told_where_the_first_is(lasting: Running) -> None:
    second = command(lasting.home, "serve", "--port", "0", "--no-ui")
    assert second.returncode == 2
    assert lasting.url in second.stderr


def test_nothing_outlives_a_server_that_is_killed_and_the_next_one_starts(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        family = server.family()
        assert len(family) > 1
        server.process.kill()
        server.process.wait()
        assert _gone(family, 10) == []
    assert (tmp_path / "server.json").exists()
    assert running_server(tmp_path) is None
    with running(tmp_path, "--no-ui") as server:
        assert httpx.get(f"{server.url}/health").status_code == 200


def test_ctrl_c_while_it_starts_ends_it_without_a_traceback(tmp_path: Path) -> None:
    with started(tmp_path) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("Starting AURORA")
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)
        assert (process.returncode, out) == (0, "")
        assert "Traceback" not in err
        assert _gone(family, 3) == []


@pytest.mark.parametrize("option", ["--port", "--ui-port"])
def test_a_taken_port_is_one_sentence_that_names_it_and_the_option(tmp_path: Path, option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        others = {"--port": "0", "--ui-port": "0", option: port}
        ended = command(tmp_path, "serve", *(text for pair in others.items() for text in pair))
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1
    assert f"Port {port} on 127.0.0.1 is taken" in ended.stderr
    assert option in ended.stderr


def test_an_address_that_others_reach_is_refused_without_api_keys(tmp_path: Path) -> None:
    ended = command(tmp_path, "serve", "--host", "0.0.0.0", "--port", "0", "--no-ui")
    assert ended.returncode == 2
    assert "AURORA_API_KEYS" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_a_home_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file is in the way")
    ended = command(tmp_path / "home", "serve", "--port", "0", "--no-ui")
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1
    assert "AURORA_HOME" in ended.stderr


def test_a_full_disk_is_one_sentence(aurora_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app.preflight, "LEAST_FREE_BYTES", 10**18)
    with pytest.raises(CannotServe, match=r"is full .* free some space, or set AURORA_HOME"):
        app.main.serve(port=0, ui=False)


def test_a_setting_that_does_not_work_is_named(tmp_path: Path) -> None:
    ended = command(tmp_path, "serve", settings={"AURORA_PORT": "eighty"})
    assert ended.returncode == 2
    assert ended.stderr.startswith("The setting AURORA_PORT does not work:")


def test_a_backend_that_does_not_exist_ends_the_start_with_its_name(tmp_path: Path) -> None:
    ended = command(tmp_path, "serve", "--port", "0", "--no-ui", settings={"AURORA_TRAINER": "vertex9"})
    assert ended.returncode == 2
    assert "vertex9" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_it_tells_people_where_it_is_and_what_to_try(tmp_path: Path) -> None:
    with started(tmp_path, "--no-ui", "--sandbox", as_json=False) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(9)]
    text = "".join(said)
    assert "AURORA is running." in text
    assert "http://127.0.0.1:" in text
    assert "a fleet of ten pretend services runs" in text
    assert json.loads(app.main.FIRST_TRY) == FAILING
    assert app.main.FIRST_TRY in text


@pytest.mark.slow
@pytest.mark.parametrize("key", ["", "key-of-ada"])
def test_with_the_sandbox_its_ten_models_appear_and_nothing_of_it_outlives_the_end(tmp_path: Path, key: str) -> None:
    settings = {"AURORA_SANDBOX_TICK_SECONDS": "0.25", **({"AURORA_API_KEYS": f"ada:admin:{key}"} if key else {})}
    bearer = {"Authorization": f"Bearer {key}"} if key else {}
    with (
        running(tmp_path, "--no-ui", "--sandbox", settings=settings) as server,
        httpx.Client(base_url=server.url, headers=bearer, timeout=60) as http,
    ):
        if key:
            assert httpx.get(f"{server.url}/api/models").status_code == 401
        until = time.monotonic() + 60
        while len(reporting := _reporting(http)) < 10:
            assert time.monotonic() < until, f"only {sorted(reporting)} appeared within a minute"
            time.sleep(0.2)
        assert sorted(reporting) == sorted(entry.name for entry in CATALOGUE)
        assert {item["simulated"] for item in http.get("/api/models").json()["items"]} == {True}
        family = server.family()
        fleets = [one for one in family if "aurora.sandbox.fleet" in one.cmdline()]
        assert len(fleets) == 1
        assert not any(key in word for word in fleets[0].cmdline() if key)
        began = time.monotonic()
        assert server.stop(signal.SIGTERM) == 0
        assert [one for one in _gone(family, 1) if _runs(one)] == []
        assert time.monotonic() - began < 6


@pytest.mark.slow
def test_pages_and_fleet_that_died_are_told_by_health_and_doctor_and_started_again(tmp_path: Path) -> None:
    settings = {"AURORA_SANDBOX_TICK_SECONDS": "0.25"}
    with running(tmp_path, "--sandbox", settings=settings) as server, httpx.Client(timeout=60) as http:
        assert server.ui_url is not None
        killed = _beside(server)
        assert set(killed) == {"app.ui", "aurora.sandbox.fleet"}
        for child in killed.values():
            child.kill()
        health = _eventually(http, server, {"pages": "degraded", "fleet": "degraded"})
        assert health["status"] == "degraded"
        assert health["details"]["fleet"] == "The fleet ended by itself (exit code -9) and is started again."
        told = {check["name"]: check["verdict"] for check in server.answer("doctor")["checks"]}
        assert told.keys() >= {"pages", "fleet"}
        well = dict.fromkeys(("memory_store", "pages", "fleet"), "operational")
        health = _eventually(http, server, well)
        assert health["status"] == "healthy", health
        assert http.get(server.ui_url).status_code == 200
        born = _beside(server)
        assert {child.pid for child in born.values()}.isdisjoint(child.pid for child in killed.values())
        family = server.family()
        assert server.stop(signal.SIGTERM) == 0
        assert [one for one in _gone(family, 1) if _runs(one)] == []


@pytest.mark.parametrize(("word", "verdict"), [("operational", "ok"), ("degraded", "warn")])
def test_doctor_tells_of_what_a_server_runs_beside_itself(
    word: str, verdict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {"components": {"database": "operational", "fleet": word}, "details": {"fleet": "It ended."}}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=said))
    here = Api(httpx.Client(transport=transport, base_url="http://127.0.0.1"), "here")
    monkeypatch.setattr(app.cli_doctor, "reach", lambda _: here)
    (check,) = app.cli_doctor._beside(Server("http://127.0.0.1", 1))
    assert (check.name, check.verdict) == ("fleet", verdict)
    assert list(app.cli_doctor._beside(None)) == []


def _beside(server: Running) -> dict[str, psutil.Process]:
    """What runs beside a server, by its module."""
    found: dict[str, psutil.Process] = {}
    for child in psutil.Process(server.process.pid).children():
        found |= {word: child for word in child.cmdline() if word in ("app.ui", "aurora.sandbox.fleet")}
    return found


def _eventually(http: httpx.Client, server: Running, wanted: dict[str, str]) -> dict[str, Any]:
    """Return the first health in which the components are as `wanted`."""
    until = time.monotonic() + 60
    while True:
        health: dict[str, Any] = http.get(f"{server.url}/health").json()
        if wanted.items() <= health["components"].items():
            return health
        assert time.monotonic() < until, health
        time.sleep(0.1)


def _runs(process: psutil.Process) -> bool:
    """Whether it does; one that was ended hard may still wait for the system to bury it."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _reporting(http: httpx.Client) -> list[str]:
    """The models whose points came and whose settings are known, by name."""
    items = http.get("/api/models", params={"limit": 100}).json()["items"]
    return [item["name"] for item in items if item["last_metrics"] and item["settings"]["baseline"]]
