"""The fleet as a process of its own, before a server that only writes down what it is told."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import psutil
import pytest

from aurora.domain import MetricPoint, ModelSettings
from aurora.sandbox.fleet.catalogue import CATALOGUE

NAMES = [entry.name for entry in CATALOGUE]
START_SECONDS, END_SECONDS = 120, 2
TICK_SECONDS = "0.1"


@dataclass
class Told:
    """One request that wanted to say something."""

    method: str
    path: str
    bearer: str | None
    body: Any


@dataclass
class Listener:
    """What the server was told, and how it answers."""

    url: str
    looks: int = 0
    """How often somebody looked whether it is there."""
    there: bool = True
    hears: bool = True
    known: set[str] = field(default_factory=set)
    """The models that have settings already."""
    told: list[Told] = field(default_factory=list)

    def posts(self) -> list[Told]:
        return [told for told in self.told if told.method == "POST"]


@pytest.fixture
def listener() -> Iterator[Listener]:
    """A server on this machine in place of AURORA."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path == "/health":
                found.looks += 1
                self._answer(200 if found.there else 503)
            elif self.path.removeprefix("/api/models/") in found.known:
                self._answer(200, {"settings": {"baseline": {"accuracy": 0.9}}})
            else:
                self._answer(404)

        def do_PUT(self) -> None:
            self._note()

        def do_POST(self) -> None:
            self._note()

        def _note(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found.told.append(Told(self.command, self.path, self.headers.get("Authorization"), body))
            self._answer(202 if found.hears else 503)

        def _answer(self, status: int, said: object = None) -> None:
            body = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        found = Listener(f"http://127.0.0.1:{server.server_address[1]}")
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield found
        server.shutdown()
        thread.join()


@dataclass
class Ended:
    code: int
    seconds: float
    errors: str


class Process:
    """A fleet's process, as whoever started it sees it."""

    def __init__(self, folder: Path, url: str, key: str) -> None:
        fleet = [sys.executable, "-P", "-m", "aurora.sandbox.fleet", "--child"]
        self.popen = subprocess.Popen(
            [*fleet, "--folder", str(folder), "--url", url, "--tick-seconds", TICK_SECONDS],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.popen.stdin is not None
        self.popen.stdin.write(f"{key}\n")
        self.popen.stdin.flush()

    def until(self, true: Callable[[], object], seconds: float = START_SECONDS) -> None:
        end = time.monotonic() + seconds
        while not true():
            if self.popen.poll() is not None:
                assert self.popen.stderr is not None
                pytest.fail(f"it ended with {self.popen.returncode}: {self.popen.stderr.read()}")
            assert time.monotonic() < end, "it did not come to that"
            time.sleep(0.02)

    def has_the_folder(self) -> bool:
        return any(file.path.endswith("fleet.lock") for file in psutil.Process(self.popen.pid).open_files())

    def end(self, how: signal.Signals | None) -> Ended:
        """Send a signal, or close its stdin; wait for it."""
        began = time.monotonic()
        if how is not None:
            self.popen.send_signal(how)
            self.popen.wait(30)
        _, errors = self.popen.communicate(timeout=30)
        return Ended(self.popen.returncode, time.monotonic() - began, errors)


@contextmanager
def process(folder: Path, url: str, key: str = "") -> Iterator[Process]:
    found = Process(folder, url, key)
    try:
        yield found
    finally:
        if found.popen.poll() is None:
            found.popen.kill()
        if found.popen.stdin is not None and not found.popen.stdin.closed:
            found.popen.communicate()


def test_it_waits_for_aurora_then_tells_settings_once_and_points_every_tick_and_ends_when_asked(
    tmp_path: Path, listener: Listener
) -> None:
    listener.there = False
    with process(tmp_path / "sandbox", listener.url, "key-of-the-fleet") as fleet:
        fleet.until(lambda: listener.looks >= 3)
        assert listener.told == []
        listener.there = True
        fleet.until(lambda: len(listener.posts()) >= 5, seconds=60)
        ended = fleet.end(signal.SIGTERM)
    assert (ended.code, "Traceback" in ended.errors) == (0, False), ended.errors
    assert ended.seconds < END_SECONDS

    assert {told.bearer for told in listener.told} == {"Bearer key-of-the-fleet"}
    settings, points = listener.told[: len(NAMES)], listener.told[len(NAMES) :]
    assert [(told.method, told.path) for told in settings] == [("PUT", f"/api/models/{name}") for name in NAMES]
    assert [(told.method, told.path) for told in points] == [("POST", "/api/metrics")] * len(points)
    for told in settings:
        asked = ModelSettings.model_validate(told.body)
        assert asked.cooldown_minutes == pytest.approx(15 * float(TICK_SECONDS) / 60)
    for told in points:
        assert [MetricPoint.model_validate(point).model_name for point in told.body] == NAMES


def test_it_goes_on_while_nobody_hears_it_says_so_once_and_ends_with_its_stdin(
    tmp_path: Path, listener: Listener
) -> None:
    with process(tmp_path / "sandbox", listener.url) as fleet:
        fleet.until(lambda: len(listener.posts()) >= 2)
        listener.hears = False
        deaf = len(listener.posts())
        fleet.until(lambda: len(listener.posts()) >= deaf + 8, seconds=60)
        listener.hears = True
        again = len(listener.posts())
        fleet.until(lambda: len(listener.posts()) >= again + 3, seconds=60)
        ended = fleet.end(None)
    assert ended.code == 0
    assert ended.seconds < END_SECONDS
    assert "Traceback" not in ended.errors
    assert ended.errors.count("was not heard: 503") == 1
    assert {told.bearer for told in listener.told} == {None}
    assert [told.method for told in listener.told].count("PUT") == len(NAMES)


def test_settings_that_were_not_heard_are_told_again_until_they_are(tmp_path: Path, listener: Listener) -> None:
    listener.hears = False
    with process(tmp_path / "sandbox", listener.url) as fleet:
        fleet.until(lambda: len(listener.posts()) >= 2)
        listener.hears = True
        told = len(listener.told)
        fleet.until(lambda: len(listener.posts()) >= 6, seconds=60)
    later = [one.path for one in listener.told[told:] if one.method == "PUT"]
    assert set(later) == {f"/api/models/{name}" for name in NAMES}
    assert len(later) < 2 * len(NAMES)


def test_settings_that_a_model_has_already_are_left_alone(tmp_path: Path, listener: Listener) -> None:
    listener.known = {"fraud-scorer", "quiet-scorer"}
    with process(tmp_path / "sandbox", listener.url) as fleet:
        fleet.until(lambda: len(listener.posts()) >= 2)
    told = [one.path.removeprefix("/api/models/") for one in listener.told if one.method == "PUT"]
    assert told == NAMES[1:-1]


def test_a_second_fleet_in_the_folder_is_refused_in_a_sentence_and_the_first_goes_on(tmp_path: Path) -> None:
    nobody = "http://127.0.0.1:9"
    with process(tmp_path, nobody) as first:
        first.until(first.has_the_folder)
        with process(tmp_path, nobody) as second:
            assert second.popen.wait(60) == 1
            assert second.end(None).errors == f"A fleet runs in {tmp_path} already.\n"
        assert first.popen.poll() is None
        ended = first.end(None)
        assert (ended.code, ended.errors) == (0, "")
        assert ended.seconds < END_SECONDS
    with process(tmp_path, nobody) as third:
        third.until(third.has_the_folder)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, None])
def test_it_ends_at_once_and_quietly_whatever_it_is_at(tmp_path: Path, how: signal.Signals | None) -> None:
    with process(tmp_path, "http://127.0.0.1:9") as fleet:
        fleet.until((tmp_path / "sandbox.db").exists)
        ended = fleet.end(how)
    assert (ended.code, ended.errors) == (0, "")
    assert ended.seconds < END_SECONDS
