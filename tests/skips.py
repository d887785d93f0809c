"""No skip goes unseen: a summary of what was skipped and why, and `--strict-skips` to make it a failure."""

from collections import Counter

import pytest

MAY_SKIP = "real n8n"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--strict-skips`."""
    parser.addoption(
        "--strict-skips",
        action="store_true",
        help=f"fail where a test was skipped, unless its reason says {MAY_SKIP!r}",
    )


class Skips:
    """Counts skipped tests by reason; with xdist the reports of all workers arrive in the controller."""

    def __init__(self, strict: bool) -> None:
        self._strict = strict
        self._reasons: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._note(report)

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            self._reasons[reason.removeprefix("Skipped: ")] += 1

    def forbidden(self) -> list[str]:
        """Return the reasons that a strict run does not accept."""
        return [reason for reason in self._reasons if self._strict and MAY_SKIP not in reason]

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.forbidden() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self._reasons:
            return
        terminalreporter.section("what was skipped, and why")
        for reason, count in sorted(self._reasons.items()):
            terminalreporter.line(f"{count:4} × {reason}", red=reason in self.forbidden())
        if self.forbidden():
            terminalreporter.line("--strict-skips: this run fails, for skipping what is in red above.", red=True)


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Count skips where the run is summed up: in the one process, or in xdist's controller."""
    if not hasattr(session.config, "workerinput"):
        session.config.pluginmanager.register(Skips(session.config.getoption("strict_skips")), "skips")
