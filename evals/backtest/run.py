"""`aurora eval backtest`: read, replay, show. The exit code says whether it could be done, not what it found."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from aurora.errors import AuroraError
from aurora.settings import Settings
from evals.backtest.change import Change, NotAChange, change
from evals.backtest.record import Record, Wanted, opened
from evals.backtest.replay import replay
from evals.backtest.report import Report, document, show

FAILED, WRONG_USE = 1, 2


@dataclass(frozen=True, slots=True)
class Request:
    """What the command was asked for."""

    settings: Sequence[str] = ()
    """Each `KEY=VALUE`."""
    priors: Path | None = None
    planner: str | None = None
    model: str | None = None
    since: str | None = None
    limit: int = 1000
    json: bool = False


def run(request: Request, settings: Settings) -> int:
    """Replay and show the ledger that `settings` name; return 0, 1 where it failed, 2 where the request is wrong."""
    try:
        changed = change(request.settings, request.priors, request.planner)
        wanted = Wanted(request.limit, request.model, _moment(request.since))
    except NotAChange as error:
        print(error, file=sys.stderr)
        return WRONG_USE
    try:
        report = backtest(settings, changed, wanted)
    except (AuroraError, NotAChange) as error:
        print(error, file=sys.stderr)
        return FAILED
    if request.json:
        print(json.dumps(document(report), indent=2))
    else:
        tty = sys.stdout.isatty()
        show(report, Console(width=None if tty else 200, highlight=False, no_color=None if tty else True))
    return 0


def backtest(settings: Settings, changed: Change, wanted: Wanted) -> Report:
    """Replay the wanted decisions of the ledger that `settings` name; an absent one holds none."""
    with opened(settings) as ledger:
        if ledger is None:
            return Report(changed, wanted, (), {})
        record = Record(ledger, wanted)
        with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as progress:
            cases = progress.track(record.cases(), total=len(record.decisions), description="Replaying")
            replays = [replay(case, changed, verified=record.verified(case.decision)) for case in cases if case]
        return Report(changed, wanted, tuple(reversed(replays)), dict(record.left_out))


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise NotAChange(
            f"--since takes a date or time such as 2026-11-22 or 2026-11-22T08:00, not {text!r}."
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
