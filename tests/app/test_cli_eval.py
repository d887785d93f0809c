"""`aurora eval` as people and scripts call it: its options, its answers and its ends, in processes of its own.

All but one run suites of a few lines in the places of the real ones, which take minutes.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from app.cli import main
from app.cli_eval import Suite
from evals.suites import LATEST, NAMES
from tests.app.running import environment

QUICK_SUITE = """
import os
from evals.suites.figures import Figure
from evals.suites.result import ENGINE, Column, Comparison, Result, Row, Table, Target

def run(options, tell):
    tell(1, 1)
    rows = (Row(ENGINE, (Figure(1.1, 1.0, 1.2),)),)
    if options.planner is not None:
        rows += (Row(options.planner.name, (Figure(float(options.planner.decide(None))),)),)
    table = Table("Services", "", (Column("regret"),), rows)
    by = Figure(float(os.environ.get("BETTER_BY", "0.2")))
    target = Target("services.regret", "regret", Figure(1.1), must=1.0)
    return Result("services", (table,), (target,), (Comparison("services.table", "the rule table", by),))
"""
SLOW_SUITE = """
import time
from concurrent.futures import ProcessPoolExecutor

def run(options, tell):
    with ProcessPoolExecutor(2) as pool:
        tell(0, 200)
        for done in pool.map(time.sleep, [1.0] * 200):
            tell(1, 200)
"""
POLICY = """
class Seven:
    name = "Seven"

    def decide(self, situation):
        return 7
"""
WITH_SUITES_OF = """
import sys
from pathlib import Path
import evals.suites
from app.cli import main
folder = sys.argv.pop(1)
evals.suites.__path__.insert(0, folder)
from evals.suites import accepted
accepted.FILE = Path(folder, "accepted.json")
main()
"""


class Installed:
    """An installation whose suites, and accepted figures if there are any, are in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        (folder / "services.py").write_text(QUICK_SUITE)
        (folder / "scale.py").write_text(SLOW_SUITE)
        (folder / "my_policy.py").write_text(POLICY)

    def start(self, *arguments: str, better_by: str = "0.2") -> subprocess.Popen[str]:
        """Start `aurora eval`."""
        path = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
        return subprocess.Popen(
            [sys.executable, "-c", WITH_SUITES_OF, str(self.folder), "eval", *arguments],
            env=environment(self.home, {"BETTER_BY": better_by, "PYTHONPATH": path}),
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def ended(self, *arguments: str, better_by: str = "0.2") -> tuple[int, str, str]:
        """Run it to its end; return its exit code, stdout and stderr."""
        process = self.start(*arguments, better_by=better_by)
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err


@pytest.fixture
def installed(tmp_path: Path) -> Installed:
    return Installed(tmp_path)


def helped(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as end:
        main([*words, "--help"])
    assert end.value.code == 0
    return capsys.readouterr().out


def test_the_help_says_what_fails_and_what_does_not_and_shows_examples(capsys: pytest.CaptureFixture[str]) -> None:
    told = " ".join(helped(["eval"], capsys).split())
    assert "A target that is missed is shown as plainly as one that is met, and does not fail by itself." in told
    for option in ("--suite", "--quick", "--planner", "--json", "--html", "--write", "--accept", "--resume"):
        assert option in told
    assert "aurora eval --quick" in told.partition("Examples:")[2]


def test_every_suite_can_be_named() -> None:
    assert tuple(Suite) == (*NAMES, "all")


def test_help_loads_nothing_that_is_heavy() -> None:
    looked = "import sys; from app.cli import main\ntry: main(['eval', '--help'])\nfinally: print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", looked], capture_output=True, text=True, check=True, cwd=Path.cwd())
    loaded = {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}
    assert "typer" in loaded
    assert loaded & {"evals", "numpy", "rich", "matplotlib", "sklearn", "httpx", "aurora"} == set()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--suite", "stream"], "'stream' is not one of"),
        (["--processes", "0"], "Invalid value for '--processes'"),
        (["--quick", "bench"], "Options of bench come after it; before it stands: quick."),
        (["wench"], "bench"),
    ],
)
def test_a_wrong_call_is_wrong_use(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["eval", *arguments])
    assert end.value.code == 2
    assert said in capsys.readouterr().err


def test_a_run_ends_with_0_and_one_that_does_not_beat_the_rule_table_with_1(installed: Installed) -> None:
    code, out, err = installed.ended("--suite", "services", "--quick")
    assert code == 0, err
    assert "Missed: regret: 1.100, must be ≤ 1." in out
    assert "Passed (quick run" in out
    assert max(map(len, out.splitlines())) <= 120
    assert "services" in err
    code, out, _ = installed.ended("--suite", "services", "--quick", better_by="-0.1")
    assert code == 1
    assert "Failed: AURORA is not surely better than the rule table" in out


def test_another_policy_stands_in_the_table_and_the_answer_is_one_document(installed: Installed) -> None:
    code, out, err = installed.ended("--suite", "services", "--planner", "my_policy:Seven", "--json")
    assert code == 0, err
    told = json.loads(out)
    assert [(row["policy"], row["figures"][0]["value"]) for row in told["suites"][0]["tables"][0]["rows"]] == [
        ("AURORA", 1.1),
        ("Seven (--planner)", 7.0),
    ]
    assert told == json.loads((installed.home / LATEST).read_text(encoding="utf-8"))
    code, out, err = installed.ended("--suite", "services", "--planner", "my_policy:Eight", "--json")
    assert (code, out, err) == (2, "", "--planner: my_policy has no Eight.\n")


@pytest.mark.parametrize("to_all", [True, False], ids=["to all processes", "to the command alone"])
def test_ctrl_c_ends_with_130_at_once_says_what_was_kept_and_leaves_no_process(
    installed: Installed, to_all: bool
) -> None:
    process = installed.start("--suite", "services", "--suite", "scale")
    kept = installed.home / LATEST.parent / "finished"
    deadline = time.monotonic() + 60
    while not list(kept.glob("services-*.json")) or len(children(process.pid)) < 2:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)
    time.sleep(0.3)
    started = children(process.pid)
    os.killpg(process.pid, signal.SIGINT) if to_all else process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Broken off. Finished and kept: services; --resume goes on from there." in err
    assert f"Worlds that were built stay in {installed.home / 'worlds'}." in err
    assert "Traceback" not in err
    assert [one for one in started if one.is_running() and one.status() != psutil.STATUS_ZOMBIE] == []


def children(pid: int) -> list[psutil.Process]:
    found: list[psutil.Process] = psutil.Process(pid).children(recursive=True)
    return found


@pytest.mark.slow
def test_a_real_quick_run_gives_a_report_with_the_suites_asked_for(tmp_path: Path) -> None:
    code = "import sys; from app.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "eval", "--quick", "--json", "--suite", "services", "--suite", "scale"],
        env=environment(tmp_path, {}),
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    told = json.loads(done.stdout)
    assert done.returncode == (0 if told["passed"] else 1), done.stderr
    assert [one["suite"] for one in told["suites"]] == ["services", "scale"], told["failures"]
    assert all(one["tables"] for one in told["suites"])
    assert (tmp_path / LATEST).with_suffix(".html").stat().st_size > 10_000
