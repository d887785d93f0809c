"""The memory's life: opening, waiting, outages, kills, two processes, closing."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from aurora.errors import HomeInUse, Misconfigured, Unavailable
from aurora.ledger import Ledger
from aurora.memory import Embedder, Memory
from aurora.memory.homes import Server
from aurora.memory.index import Index, IndexFailed, connected
from aurora.memory.practices import library
from tests.memory.bench import DRIFT, READY_SECONDS, Bench, Dice, many, told
from tests.memory.conftest import NOON, answers
from tests.services import free_port


@pytest.fixture
def dice(ledger: Ledger, tmp_path: Path) -> Iterator[Bench]:
    """A place to open memories in a folder, with an embedder that costs nothing."""
    bench = Bench(ledger, Dice(), tmp_path / "home" / "chroma", "")
    yield bench
    bench.close()


def ids(memory: Memory, query: str, top_k: int = 5) -> list[str]:
    return [one.id for one in memory.search(query, top_k=top_k)]


# --- opening ---------------------------------------------------------------------------------------------------------


def test_its_state_has_a_word_from_beginning_to_end(dice: Bench) -> None:
    memory = dice.made()
    words = [memory.status().word]
    memory.start()
    words.append(memory.status().word)
    assert memory.wait_ready(READY_SECONDS)
    words.append(memory.status().word)
    memory.close()

    assert [*words, memory.status().word] == ["down", "degraded", "operational", "down"]


def test_the_first_start_indexes_what_ships(dice: Bench) -> None:
    memory = dice.open()

    assert dice.ledger.entries.unindexed() == []
    assert len(memory.search("anything", top_k=50)) == len(library())


def test_a_question_waits_for_the_opening(dice: Bench) -> None:
    assert len(dice.started().search("anything")) == 5


def test_a_question_waits_no_longer_than_it_says(dice: Bench) -> None:
    class Slow(Dice):
        go_on = threading.Event()

        def load(self) -> None:
            self.go_on.wait(60)

    dice.embedder = Slow()
    memory = dice.started()

    with pytest.raises(Unavailable, match="being opened"):
        memory.search("anything", wait_seconds=0.05)
    with pytest.raises(Unavailable, match="being opened"):
        memory.recall_cases("anything", simulated=False, wait_seconds=0)

    Slow.go_on.set()
    assert memory.search("anything")


def test_a_memory_that_was_not_started_keeps_and_does_not_answer(dice: Bench) -> None:
    memory = dice.made()
    (id,) = memory.add([told(DRIFT)])

    assert memory.sync() == 0
    assert not memory.wait_ready(0)
    with pytest.raises(Unavailable, match="not started"):
        memory.search(DRIFT)
    assert [one.id for one in dice.ledger.entries.unindexed()] == [id]


def test_what_is_added_while_it_opens_is_found_once_it_is_open(dice: Bench) -> None:
    memory = dice.started()
    (id,) = memory.add([told(DRIFT)])

    assert memory.wait_ready(READY_SECONDS)
    assert ids(memory, DRIFT)[0] == id


def test_a_model_that_cannot_be_loaded_takes_only_the_memory_down(ledger: Ledger, tmp_path: Path) -> None:
    bench = Bench(ledger, Embedder(str(tmp_path / "nowhere")), tmp_path / "home" / "chroma", "")
    memory = bench.started()
    try:
        with pytest.raises(Unavailable, match="no usable embedding model"):
            memory.search(DRIFT, wait_seconds=READY_SECONDS)
        assert memory.status().word == "down"
        assert not memory.wait_ready(READY_SECONDS)
        assert len(memory.add([told(DRIFT)])) == 1
    finally:
        bench.close()


def test_an_index_of_another_model_is_not_used(dice: Bench, embedder: Embedder) -> None:
    dice.open().add([told(DRIFT)])
    dice.close()
    dice.embedder = embedder

    found = dice.open().search(DRIFT)

    assert found[0].summary == DRIFT
    assert dice.damaged() == []


def test_settings_of_chroma_that_lie_around_are_not_read(dice: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = dice.path.parent
    folder.mkdir()
    (folder / ".env").write_text("ANONYMIZED_TELEMETRY=maybe\nIS_PERSISTENT=who knows\nCHROMA_SERVER_HTTP_PORT=x\n")
    monkeypatch.chdir(folder)

    assert dice.open().search(DRIFT)


# --- one process -----------------------------------------------------------------------------------------------------

CLAIM = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from aurora.errors import HomeInUse
from aurora.memory.homes import Directory
home = Directory(Path(sys.argv[1]), lambda: datetime.now(UTC))
try:
    home.claim()
except HomeInUse as error:
    sys.exit(str(error))
print("mine", flush=True)
sys.stdin.read()
"""


def claiming(path: Path) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", CLAIM, str(path)], stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def test_a_second_process_is_refused_and_told_who_has_the_folder(dice: Bench) -> None:
    dice.open()

    with claiming(dice.path) as other:
        said = other.communicate(timeout=60)[1]

    assert other.returncode == 1
    assert f"belongs to process {os.getpid()}." in said


def test_a_folder_that_another_process_has_is_not_started(dice: Bench) -> None:
    with claiming(dice.path) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "mine\n"
        with pytest.raises(HomeInUse, match=f"process {other.pid}"):
            dice.started()
        other.kill()
        other.communicate()

    assert dice.made().status().word == "down"
    assert dice.open().search(DRIFT)


def test_a_second_memory_in_this_process_is_refused_until_the_first_is_closed(dice: Bench) -> None:
    first = dice.open()
    with pytest.raises(HomeInUse):
        dice.started()

    first.close()

    assert dice.open().search(DRIFT)


def test_a_place_that_cannot_be_written_is_misconfigured(dice: Bench, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    dice.path = tmp_path / "file" / "chroma"

    with pytest.raises(Misconfigured, match="cannot be kept"):
        dice.started()


# --- the end, wanted or not ------------------------------------------------------------------------------------------


def test_closing_in_the_middle_loses_nothing(dice: Bench) -> None:
    dice.ledger.entries.add(many(600))
    memory = dice.started()
    assert not memory.wait_ready(0)
    while "%" not in memory.status().detail:
        time.sleep(0.01)
    memory.close()
    assert dice.ledger.entries.unindexed() != []

    memory = dice.open()

    assert dice.ledger.entries.unindexed() == []
    assert ids(memory, many(600)[599].text)[0] == dice.ledger.entries.after(None, 5000)[599].id


def test_closing_twice_or_unopened_is_fine(dice: Bench) -> None:
    memory = dice.started()
    memory.close()
    memory.close()
    dice.made().close()

    with pytest.raises(Unavailable, match="closed"):
        memory.search(DRIFT)


WRITER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from aurora.ledger import Ledger, Store
from aurora.memory import Memory
from tests.memory.bench import Dice, told
ledger = Ledger(Store(f"sqlite:///{sys.argv[1]}"))
memory = Memory(ledger.entries, Dice(), path=Path(sys.argv[2]), url="", clock=lambda: datetime.now(UTC))
memory.start()
assert memory.wait_ready(60)
for n in range(100_000):
    memory.add([told(f"Entry {n}-{m} of a writer that will be killed.") for m in range(20)])
    print(n, flush=True)
"""


def test_after_a_kill_in_the_middle_of_writing_everything_is_there(dice: Bench, tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path / "ledger.db"), str(dice.path)]
    root = str(Path(__file__).parents[2])
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as writer:
        assert writer.stdout is not None
        for line in writer.stdout:
            if int(line) == 17:
                break
        writer.kill()
    kept = dice.ledger.entries.after(None, 100_000)

    memory = dice.open()

    assert len(kept) >= len(library()) + 18 * 20
    assert memory.sync() == 0
    assert all(ids(memory, entry.text)[0] == entry.id for entry in kept[:: len(kept) // 40])


def test_an_index_that_fails_is_opened_again_and_the_question_answered(bench: Bench) -> None:
    memory = bench.open()
    before = ids(memory, DRIFT)

    memory._keeper.opened(0).close()

    assert ids(memory, DRIFT) == before
    memory.wait_ready(READY_SECONDS)
    assert memory.status().word == "operational"
    assert bench.damaged() == []


# --- a server --------------------------------------------------------------------------------------------------------


class OwnServer:
    """A Chroma server to be stopped and started."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder

    def start(self) -> None:
        program = str(Path(sys.executable).with_name("chroma"))
        command = [program, "run", "--path", str(self._folder), "--host", "127.0.0.1", "--port", str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not answers(self.url):
            assert self.process.poll() is None
            time.sleep(0.05)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[OwnServer]:
    """A running Chroma server of one's own."""
    server = OwnServer(tmp_path / "server")
    server.start()
    yield server
    server.stop()


def test_an_outage_of_the_server_is_told_and_healed(ledger: Ledger, own_server: OwnServer, tmp_path: Path) -> None:
    bench = Bench(ledger, Dice(), tmp_path / "unused", own_server.url)
    memory = bench.open()
    own_server.stop()
    began = time.monotonic()

    with pytest.raises(Unavailable):
        memory.search(DRIFT)
    (id,) = memory.add([told(DRIFT)])
    assert memory.status().word != "operational"
    assert time.monotonic() - began < 10

    own_server.start()
    assert memory.wait_ready(READY_SECONDS)
    assert ids(memory, DRIFT)[0] == id
    assert memory.status().word == "operational"
    bench.close()
    assert not (tmp_path / "unused").exists()


def test_a_server_that_lost_its_data_is_filled_again(chroma_url: str, ledger: Ledger, tmp_path: Path) -> None:
    bench = Bench(ledger, Dice(), tmp_path / "unused", chroma_url)
    memory = bench.open()
    (id,) = memory.add([told(DRIFT)])
    index = Server(chroma_url).open(Dice.fingerprint)
    index.clear()
    index.close()

    assert memory.sync() == len(library()) + 1

    assert ids(memory, DRIFT)[0] == id
    bench.close()


def test_a_server_that_hangs_does_not_hang_the_caller(own_server: OwnServer) -> None:
    index = Index(connected("127.0.0.1", own_server.port, ssl=False, seconds=0.5), Dice.fingerprint, shared=True)
    own_server.process.send_signal(signal.SIGSTOP)
    os.waitpid(own_server.process.pid, os.WUNTRACED)
    began = time.monotonic()
    try:
        with pytest.raises(IndexFailed, match="timed out"):
            index.count(["real-told"])
        assert time.monotonic() - began < 5
    finally:
        own_server.process.send_signal(signal.SIGCONT)
    index.close()


def test_nobody_waits_for_a_server_for_ever() -> None:
    with pytest.raises(IndexFailed, match="be reached"):
        Server(f"http://127.0.0.1:{free_port()}").open("0123456789ab")


@pytest.mark.parametrize(
    "url", ["localhost:8000", "ftp://host:1", "http://", "http://host:port", "http://h/path", "http://ada:secret@h:1"]
)
def test_a_url_that_is_none_is_misconfigured(ledger: Ledger, url: str) -> None:
    with pytest.raises(Misconfigured, match="Chroma URL"):
        Memory(ledger.entries, Dice(), path=None, url=url, clock=lambda: NOON)


def test_what_happens_to_the_index_is_logged(dice: Bench, caplog: pytest.LogCaptureFixture) -> None:
    dice.open()
    dice.close()
    (dice.path / "chroma.sqlite3").write_bytes(b"")

    with caplog.at_level(logging.WARNING, "aurora.memory"):
        dice.open()

    assert "is damaged (chroma.sqlite3 is gone)" in caplog.text
