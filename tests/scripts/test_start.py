"""`./start.sh` says in one sentence why it cannot go on, and becomes `aurora serve` when it can.

Each test works on a copy of the scripts. A whole installation is not among them: setting up this suite was one.
"""

import fcntl
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.install import check_space, diagnosis
from scripts.stop import Stop
from tests.scripts.copied import Copied, the_sentence


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


# --- Python --------------------------------------------------------------------------------------------------------


def test_without_any_python_it_says_which_to_install(copied: Copied) -> None:
    sentence = the_sentence(copied.start(PATH=str(copied.programs), AURORA_PYTHON=""))

    assert sentence == "No suitable Python was found: install 3.11, 3.12 or 3.13, or name one in AURORA_PYTHON."


def test_a_shim_that_fails_and_an_old_python_are_passed_over(copied: Copied) -> None:
    copied.program("python3.11", "echo 'command not found' >&2; exit 127")
    copied.program("python3", "echo 'is Python 3.9'; exit 3")
    path = str(copied.programs)

    sentence = the_sentence(copied.start(PATH=path, AURORA_PYTHON=""))
    assert f"({path}/python3.11 does not run, {path}/python3 is Python 3.9)" in sentence

    copied.python("python3.12")
    copied.install()
    assert copied.start(PATH=path, AURORA_PYTHON="").stdout == "served|serve|--sandbox|"


def test_a_python_without_venv_names_the_debian_package(copied: Copied, tmp_path: Path) -> None:
    (tmp_path / "stripped").mkdir()
    (tmp_path / "stripped/ensurepip.py").write_text("raise ImportError\n", encoding="utf-8")
    copied.python("python3.11", f'export PYTHONPATH="{tmp_path}/stripped"')

    sentence = the_sentence(copied.start(PATH=str(copied.programs), AURORA_PYTHON=""))

    version = "{}.{}".format(*sys.version_info[:2])
    assert f"apt-get install python{version}-venv" in sentence


@pytest.mark.parametrize("value", ["/no/such/python", "no-such-python", "/bin/false"])
def test_a_named_python_that_does_not_suit_is_refused(copied: Copied, value: str) -> None:
    sentence = the_sentence(copied.start(AURORA_PYTHON=value))

    assert sentence.startswith(f"AURORA_PYTHON={value} is not a suitable Python (")


# --- ports ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spelling", [("--port", "{}"), ("--port={}",)])
def test_a_taken_port_is_told_before_anything_is_installed(
    copied: Copied, taken_port: int, spelling: tuple[str, ...]
) -> None:
    sentence = the_sentence(copied.start(*(part.format(taken_port) for part in spelling)))

    assert sentence.startswith(f"port {taken_port} is taken by another program: stop that one, or choose another")
    assert not (copied.folder / ".venv").exists()


def test_a_taken_port_of_the_ui_from_the_dotenv_file_is_told(copied: Copied, taken_port: int) -> None:
    (copied.folder / ".env").write_text(f"# ports\nexport AURORA_UI_PORT='{taken_port}'\n", encoding="utf-8")

    assert f"port {taken_port} is taken" in the_sentence(copied.start(AURORA_UI_PORT=""))


def test_the_port_of_a_ui_that_will_not_run_may_be_taken(copied: Copied, taken_port: int) -> None:
    copied.install()

    answer = copied.start("--no-ui", AURORA_UI_PORT=str(taken_port))

    assert answer.stdout == "served|serve|--sandbox|--no-ui|"


@pytest.mark.parametrize("port", ["70000", "-1", "http", "", "8e3", "٨٠٠٠"])
def test_a_port_that_is_none_is_refused(copied: Copied, port: str) -> None:
    assert "--port must be a whole number from 0 to 65535" in the_sentence(copied.start(f"--port={port}"))


def test_one_port_for_both_is_refused(copied: Copied) -> None:
    assert "choose two different ports" in the_sentence(copied.start("--port", "18743", "--ui-port", "18743"))


# --- installing ----------------------------------------------------------------------------------------------------

ONE_PACKAGE = """
import os
from scripts.install import Job, Progress, _fresh_log, pip
from scripts.stop import one_sentence

with one_sentence("start.sh"):
    pip(["there-is-no-such-package==1"], Job(_fresh_log(), os.open(os.devnull, os.O_RDONLY), Progress(steps=1)))
"""


def test_without_a_network_it_says_so_and_keeps_the_log_and_the_environment(copied: Copied) -> None:
    copied.install()
    nowhere = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_RETRIES": "0"}

    answer = copied.python_says(ONE_PACKAGE, **nowhere)

    assert "no connection to the package index" in the_sentence(answer)
    assert f"{copied.state}/logs/install.log" in answer.stderr
    assert copied.ask("from scripts.install import healthy; print(healthy())") == "True"


def test_a_state_folder_that_cannot_be_written_is_told(copied: Copied, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    sentence = the_sentence(copied.start(AURORA_HOME=str(tmp_path / "file/state")))

    assert "cannot be written (Not a directory): name another folder in AURORA_HOME" in sentence


def test_a_full_disk_is_told_with_what_is_needed_and_what_is_free(tmp_path: Path) -> None:
    with pytest.raises(Stop, match=r"disk space for .*/not/there: 1000000000\.0 GB is needed, [0-9.]+ GB is free"):
        check_space(tmp_path / "not/there", 10**18)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "the disk is full"),
        ("NewConnectionError('Failed to establish a new connection: [Errno 111]", "no connection to the package index"),
        (
            "ERROR: Could not find a version that satisfies pip==26.3 (from versions: none)",
            "no connection to the package",
        ),
        ("    The user requested x==1\n    The user requested (constraint) x==1\n", "no connection to the package"),
        ("ERROR: Failed building wheel for x", "Failed building wheel for x"),
        ("", "no reason was given"),
    ],
)
def test_what_pip_said_becomes_one_reason(line: str, reason: str) -> None:
    assert diagnosis(f"Collecting x\n{line}\n").startswith(reason)


@pytest.mark.parametrize(
    ("state", "usable"), [(None, True), ("empty", True), ("other-hash run", True), ("half-made", False), ("", False)]
)
def test_a_half_made_environment_is_not_gone_on_with(copied: Copied, state: str | None, usable: bool) -> None:
    copied.python(copied.folder / ".venv/bin/python")
    if state is not None:
        (copied.folder / ".venv/.aurora").write_text(state, encoding="utf-8")

    assert copied.ask("from scripts.install import healthy; print(healthy())") == str(usable)


def test_an_environment_that_lost_its_python_is_not_gone_on_with(copied: Copied) -> None:
    copied.install()
    (copied.folder / ".venv/bin/python").unlink()

    assert copied.ask("from scripts.install import healthy; print(healthy())") == "False"


def test_a_second_start_installs_nothing_and_hands_on_its_arguments(copied: Copied) -> None:
    copied.install()

    answer = copied.start("--host", "127.0.0.1", "--an-option", "with spaces")

    assert answer.stdout == "served|serve|--sandbox|--host|127.0.0.1|--an-option|with spaces|"
    assert answer.stderr == ""


def test_two_installations_at_once_wait_for_each_other(copied: Copied) -> None:
    with (copied.folder / "scripts/install.py").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        second = subprocess.Popen(
            [str(copied.folder / "start.sh")],
            env=copied.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert second.stdout is not None
        said = second.stdout.readline()
        copied.install()
        fcntl.flock(lock, fcntl.LOCK_UN)

    rest, _ = second.communicate(timeout=30)
    assert said == "Another installation is running here; waiting for its end.\n"
    assert rest == "served|serve|--sandbox|"


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_needs_nothing(copied: Copied, option: str) -> None:
    answer = copied.start("--port", "8000", option, PATH=str(copied.programs))

    assert answer.returncode == 0
    assert "AURORA_TORCH_INDEX" in answer.stdout
