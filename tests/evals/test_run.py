"""A run of the suites: what is kept, what it writes, and by which exit code it says how it went."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pytest

from evals import document
from evals.suites import LATEST, NAMES
from evals.suites.figures import Figure
from evals.suites.kept import replace_file, shelf
from evals.suites.planners import Planner
from evals.suites.result import Options, Result, Tell
from evals.suites.run import Request, evaluate
from tests.evals.results import BARS, BETTER, MET, MISSED, RESULT, UNSURE

Suite = Callable[[Options, Tell], Result]
Install = Callable[[str, Suite], None]
SMALL = replace(RESULT, plots=(BARS,))


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts a suite in the place of a real one."""

    def put(name: str, run: Suite) -> None:
        module = ModuleType(f"evals.suites.{name}")
        module.__spec__ = ModuleSpec(module.__name__, None)
        module.run = run  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)

    return put


@pytest.fixture
def request_(tmp_path: Path) -> Request:
    return Request(home=tmp_path / "home", suites=("streams",), figures=tmp_path / "accepted.json")


def finds(result: Result) -> Suite:
    def run(_options: Options, tell: Tell) -> Result:
        tell(1, 2)
        return result

    return run


def other(name: str) -> Result:
    return Result(name, (), (replace(MET, key=f"{name}.cost"),))


def latest(request: Request) -> dict[str, object]:
    found: dict[str, object] = json.loads((request.home / LATEST).read_text(encoding="utf-8"))
    return found


# --- the exit code ---------------------------------------------------------------------------------------------------


def test_better_than_the_rule_table_passes_though_a_target_is_missed(
    install: Install, request_: Request, capsys: pytest.CaptureFixture[str]
) -> None:
    install("streams", finds(SMALL))
    assert evaluate(request_) == 0
    told = capsys.readouterr()
    assert "Missed: the same, <left> out" in told.out
    assert "streams" in told.err
    assert (latest(request_)["passed"], latest(request_)["missed"]) == (True, [MISSED.key])


def test_not_surely_better_than_the_rule_table_fails(install: Install, request_: Request) -> None:
    install("streams", finds(replace(SMALL, comparisons=(BETTER, UNSURE))))
    assert evaluate(request_) == 1


def test_worse_than_accepted_fails_until_it_is_accepted(
    install: Install, request_: Request, capsys: pytest.CaptureFixture[str]
) -> None:
    install("streams", finds(SMALL))
    assert evaluate(replace(request_, accept=True)) == 0
    assert evaluate(request_) == 0
    worse = replace(MET, figure=Figure(1.149, 1.1, 1.2))
    install("streams", finds(replace(SMALL, targets=(worse, *SMALL.targets[1:]))))
    capsys.readouterr()
    assert evaluate(request_) == 1
    assert "streams.ratio is 1.149: worse than the accepted 1.120 by more than 0.020." in capsys.readouterr().out
    assert evaluate(replace(request_, quick=True)) == 0, "quick runs have figures of their own"
    assert evaluate(replace(request_, accept=True)) == 0
    assert evaluate(request_) == 0


def test_a_figure_that_is_not_measured_any_more_fails(install: Install, request_: Request) -> None:
    install("streams", finds(SMALL))
    evaluate(replace(request_, accept=True))
    install("streams", finds(replace(SMALL, targets=SMALL.targets[1:])))
    assert evaluate(request_) == 1


def test_a_suite_that_breaks_off_fails_and_loses_nothing_of_the_others(
    install: Install, request_: Request, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_options: Options, _tell: Tell) -> Result:
        raise LookupError("no such world")

    install("streams", broken)
    install("services", finds(other("services")))
    assert evaluate(replace(request_, suites=("services", "streams"))) == 1
    told = capsys.readouterr()
    assert "Failed: streams broke off: LookupError: no such world" in told.out
    assert "services" in told.out
    assert "Traceback" in told.err


def test_a_result_with_a_key_twice_or_of_another_suite_is_refused(install: Install, request_: Request) -> None:
    install("streams", finds(replace(SMALL, targets=(MET, MET))))
    assert evaluate(request_) == 1
    install("streams", finds(other("services")))
    assert evaluate(request_) == 1


def test_a_suite_that_is_not_there_leaves_the_others_alone(
    install: Install, request_: Request, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("evals.suites.run.NAMES", ("streams", "nowhere"))
    install("streams", finds(SMALL))
    assert evaluate(replace(request_, suites=("streams", "nowhere"))) == 0
    assert "Not here: nowhere." in capsys.readouterr().out
    assert evaluate(replace(request_, suites=("nowhere",))) == 2
    assert capsys.readouterr().err.endswith("This installation does not have the suite nowhere.\n")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"write": True}, "--write is for a full run of all suites"),
        ({"write": True, "suites": NAMES, "quick": True}, "--write is for a full run of all suites"),
        ({"html": Path("/nowhere/report.html")}, "--html: no file can be written at /nowhere/report.html."),
        ({"accept": True, "figures": Path("/nowhere/accepted.json")}, "--accept needs a clone"),
        ({"figures": Path(__file__)}, f"The accepted figures cannot be read: {__file__}"),
        ({"home": Path(__file__)}, f"Nothing can be kept in {__file__}"),
        ({"home": Path("/proc/nowhere")}, "Nothing can be kept in /proc/nowhere"),
        ({"planner": "nowhere"}, "--planner: It takes module:name, not 'nowhere'."),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_measured(
    install: Install,
    request_: Request,
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, object],
    reason: str,
) -> None:
    install("streams", lambda _options, _tell: pytest.fail("it was measured"))
    assert evaluate(replace(request_, **changes)) == 2  # type: ignore[arg-type]
    assert reason in capsys.readouterr().err


# --- what it gives and keeps -----------------------------------------------------------------------------------------


def test_json_is_all_there_is_on_stdout_and_is_what_is_kept(
    install: Install, request_: Request, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install("streams", finds(SMALL))
    assert evaluate(replace(request_, json=True, html=tmp_path / "report.html")) == 0
    assert json.loads(capsys.readouterr().out) == latest(request_)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page == (request_.home / LATEST).with_suffix(".html").read_text(encoding="utf-8")
    assert "Cost over oracle" in page


def test_a_suite_is_told_what_was_asked_for(
    install: Install, request_: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Options] = []

    def run(options: Options, _tell: Tell) -> Result:
        asked.append(options)
        return SMALL

    install("streams", run)
    monkeypatch.setitem(sys.modules, "a_policy", module := ModuleType("a_policy"))
    module.policy = type("P", (), {"name": "P", "retrain": lambda cost: None})()  # type: ignore[attr-defined]
    evaluate(request_)
    evaluate(replace(request_, quick=True, processes=3, folder=Path("elsewhere"), planner="a_policy:policy"))
    assert asked[0] == Options(request_.home / "worlds")
    assert replace(asked[1], planner=None) == Options(Path("elsewhere"), quick=True, processes=3)
    assert isinstance(asked[1].planner, Planner)
    assert latest(request_)["planner"] == "P (--planner)"


def test_what_an_interrupted_run_had_finished_is_taken_when_that_is_asked_for(
    install: Install, request_: Request, capsys: pytest.CaptureFixture[str]
) -> None:
    both = replace(request_, suites=("streams", "services"))
    runs: list[str] = []

    def counted(options: Options, tell: Tell) -> Result:
        runs.append("streams")
        return finds(SMALL)(options, tell)

    def interrupted(_options: Options, _tell: Tell) -> Result:
        raise KeyboardInterrupt

    install("streams", counted)
    install("services", interrupted)
    assert evaluate(both) == 130
    said = capsys.readouterr().err
    assert "Finished and kept: streams; --resume goes on from there." in said
    assert not (request_.home / LATEST).exists()

    install("services", finds(other("services")))
    assert evaluate(replace(both, resume=True)) == 0
    assert runs == ["streams"]
    assert len(latest(request_)["suites"]) == 2  # type: ignore[arg-type]
    evaluate(replace(both, resume=True))
    assert runs == ["streams", "streams"], "a run that ended leaves nothing to resume"


def test_what_a_suite_raises_because_it_was_interrupted_is_no_fault_of_its_own(
    install: Install, request_: Request
) -> None:
    def without_processes(_options: Options, _tell: Tell) -> Result:
        raise BrokenProcessPool

    install("streams", without_processes)
    assert evaluate(request_, lambda: True) == 130
    assert evaluate(request_) == 1


def test_nothing_is_resumed_that_was_of_another_size(install: Install, request_: Request) -> None:
    folder = request_.home / "finished"
    full, quick = shelf(folder, quick=False, planner=None), shelf(folder, quick=True, planner=None)
    assert full.digest != quick.digest
    assert quick.take("streams") is None


# --- the docs --------------------------------------------------------------------------------------------------------


def test_a_full_run_writes_tables_and_a_plot_into_docs_and_readme(
    install: Install, request_: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docs, readme = tmp_path / "clone" / "docs", tmp_path / "clone" / "README.md"
    docs.mkdir(parents=True)
    shutil.copy(document.DOCS / "EVALS.md", docs)
    shutil.copy(document.DOCS.parent / "README.md", readme)
    monkeypatch.setattr(document, "DOCS", docs)
    install("streams", finds(SMALL))
    for name in NAMES[1:]:
        install(name, finds(other(name)))
    assert evaluate(replace(request_, suites=NAMES, write=True)) == 0
    evals, said = (docs / "EVALS.md").read_text(encoding="utf-8"), readme.read_text(encoding="utf-8")
    assert "| **AURORA** | **1.12 [1.08,1.16]** |" in evals
    assert "![Cost over oracle](evals-streams.svg)" in evals
    assert "![Cost over oracle](docs/evals-streams.svg)" in said
    for text in (evals, said):
        assert "MISSED" in text
        assert "Not measured yet." not in text
    assert (docs / "evals-streams.svg").read_text(encoding="utf-8").startswith("<?xml")


@pytest.mark.parametrize("damaged", ["", "{", "[]", "5", "{}", '{"suite": "streams", "tables": [5], "seconds": 1}'])
def test_a_finished_suite_whose_file_is_damaged_is_measured_anew(
    install: Install, request_: Request, damaged: str
) -> None:
    install("streams", finds(SMALL))
    folder = request_.home / LATEST.parent / "finished"
    folder.mkdir(parents=True)
    (folder / f"streams-{shelf(folder, quick=False, planner=None).digest}.json").write_text(damaged)
    assert evaluate(replace(request_, resume=True)) == 0
    assert [suite["suite"] for suite in latest(request_)["suites"]] == ["streams"]  # type: ignore[attr-defined]


def test_two_runs_that_keep_the_same_file_at_once_do_not_take_it_from_each_other(tmp_path: Path) -> None:
    file = tmp_path / "latest.json"
    (tmp_path / "latest.json.part").mkdir()
    replace_file(file, "whole")
    assert file.read_text() == "whole"


@pytest.mark.parametrize("code", [None, 0, 1])
def test_a_suite_that_exits_breaks_off_whatever_its_code(
    install: Install, request_: Request, capsys: pytest.CaptureFixture[str], code: int | None
) -> None:
    def exits(_options: Options, _tell: Tell) -> Result:
        raise SystemExit(code)

    install("streams", exits)
    assert evaluate(request_) == 1
    assert "Failed: streams broke off: SystemExit" in capsys.readouterr().out


def test_what_is_printed_meanwhile_is_not_in_the_json(
    install: Install, request_: Request, capfd: pytest.CaptureFixture[str]
) -> None:
    def prints(_options: Options, _tell: Tell) -> Result:
        print("hello")
        subprocess.run([sys.executable, "-c", "print('from another process')"], check=True)
        return SMALL

    install("streams", prints)
    assert evaluate(replace(request_, json=True)) == 0
    told = capfd.readouterr()
    assert json.loads(told.out) == latest(request_)
    assert "hello" in told.err
    assert "from another process" in told.err
