"""`./test.sh` sets up what it may, says what it could not, and hands everything else to pytest."""

import pytest

from tests.scripts.copied import Copied


@pytest.fixture
def ready(copied: Copied) -> Copied:
    """Installed for development; this machine has its Python, and neither Redis nor Chromium."""
    copied.install("dev")
    copied.python("python3.11")
    copied.program("initdb", "")
    return copied


def test_a_missing_package_is_installed_by_root(ready: Copied) -> None:
    ready.program("id", "echo 0")
    ready.program("apt-get", 'echo "$DEBIAN_FRONTEND $*"')

    answer = ready.run(["test.sh", "--setup"], PATH=str(ready.programs))

    assert answer.stdout == "Installing Debian packages: redis-server chromium \nInstalled.\n"
    assert (ready.folder / ".venv/packages.log").read_text(encoding="utf-8").splitlines() == [
        " update",
        "noninteractive install -y --no-install-recommends redis-server chromium",
    ]


def test_a_package_that_cannot_be_installed_does_not_stop_the_tests(ready: Copied) -> None:
    ready.program("id", "echo 0")
    ready.program("apt-get", "exit 100")

    answer = ready.run(["test.sh"], PATH=str(ready.programs))

    assert "They could not be installed: tests that want them are skipped" in answer.stdout
    assert "-m|pytest|" in answer.stdout


def test_nobody_is_asked_for_a_password(ready: Copied) -> None:
    ready.program("id", "echo 1000")
    ready.program("apt-get", "exit 100")
    ready.program("sudo", '[ "$1" = -n ] && exit 1')

    answer = ready.run(["test.sh", "--setup"], PATH=str(ready.programs))

    assert answer.returncode == 0
    assert "To run them: sudo apt-get install redis-server chromium" in answer.stdout


def test_a_machine_without_apt_is_told_what_is_skipped(ready: Copied) -> None:
    answer = ready.run(["test.sh", "--setup"], PATH=str(ready.programs))

    assert answer.returncode == 0
    assert "no apt-get here to install it: redis-server chromium (tests that want it are skipped)." in answer.stdout


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ([], "--numprocesses=2|--dist=worksteal|"),
        (["--strict", "-k", "two words"], "--numprocesses=2|--dist=worksteal|--strict-skips|-k|two words|"),
        (["--fast"], "--numprocesses=2|--dist=worksteal|-m|not slow and not browser and not postgres|"),
        (["tests/tools", "-n0"], "--numprocesses=2|--dist=worksteal|tests/tools|-n0|"),
    ],
)
def test_pytest_gets_the_options_and_paths(ready: Copied, given: list[str], asked: str) -> None:
    ready.program("redis-server", "")
    ready.program("chromium", "")

    answer = ready.run(["test.sh", *given], PATH=str(ready.programs))

    assert answer.stdout == f"-m|pytest|{asked}"


def test_help_needs_nothing(copied: Copied) -> None:
    answer = copied.run(["test.sh", "--help"], PATH=str(copied.programs))

    assert answer.returncode == 0
    assert "--strict" in answer.stdout
