"""The fleet as a process: `python -m aurora.sandbox.fleet --folder DIR --url URL`.

With `--child` the first line of stdin is the API key (empty where none is wanted), and the end of stdin is the end of
the process: with whoever started it, however that ended.
"""

import argparse
import logging
import os
import signal
import sys
import time
from pathlib import Path
from threading import Thread
from typing import NoReturn

from filelock import FileLock, Timeout

from aurora.sandbox.trainer import THREADS

TICK_SECONDS = 1.0
SEED = 7
LOOK_SECONDS = 0.5


def main() -> None:
    """Run until SIGTERM, Ctrl-C or the end of the parent process."""
    options = _options()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s fleet: %(message)s")
    logging.getLogger("aurora").setLevel(options.log_level)
    for ending in (signal.SIGTERM, signal.SIGINT):
        # At once, whatever it is at: what must last is in the books, and a transaction that is cut off is none.
        signal.signal(ending, lambda *_: os._exit(0))
    key = _child_of_somebody() if options.child else os.environ.get("AURORA_API_KEY")
    options.folder.mkdir(parents=True, exist_ok=True)
    # Before anything that computes is loaded: the service beside it must stay quick.
    os.environ.update(THREADS)
    try:
        with FileLock(options.folder / "fleet.lock", timeout=0):
            _run(options, key)
    except Timeout:
        sys.exit(f"A fleet runs in {options.folder} already.")


def _run(options: argparse.Namespace, key: str | None) -> NoReturn:
    # Late, for they take seconds: a parent that dies meanwhile must be noticed.
    from aurora.sandbox.fleet.catalogue import CATALOGUE, made
    from aurora.sandbox.fleet.fleet import Fleet
    from aurora.sandbox.fleet.reporter import Reporter
    from aurora.sandbox.store import Store

    store, reporter = Store(options.folder), Reporter(options.url, key)
    fleet = Fleet(store, [made(entry, options.seed) for entry in CATALOGUE], endless=True)
    while not reporter.there():
        time.sleep(LOOK_SECONDS)
    untold, due = fleet.settings(options.tick_seconds), time.monotonic()
    while True:
        untold = {name: told for name, told in untold.items() if not reporter.introduce(name, told)}
        reporter.post(fleet.tick())
        # A tick that took too long is not made up for: time in the fleet only ever runs slower.
        due = max(due + options.tick_seconds, time.monotonic())
        time.sleep(max(due - time.monotonic(), 0))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m aurora.sandbox.fleet", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="the sandbox's folder, in AURORA_HOME")
    parser.add_argument("--url", required=True, help="where AURORA's HTTP API is")
    parser.add_argument(
        "--tick-seconds", type=float, default=TICK_SECONDS, help="real seconds for a minute of the fleet"
    )
    parser.add_argument("--seed", type=int, default=SEED, help="draws its life; only for a fleet that is not there yet")
    parser.add_argument("--child", action="store_true", help="take the key from stdin, and end when stdin does")
    parser.add_argument("--log-level", default="INFO")
    return parser.parse_args()


def _child_of_somebody() -> str | None:
    """Return the key from the first line of stdin; from then on the end of stdin is the end of this process."""
    key = sys.stdin.readline().strip()
    Thread(target=_end_with_parent, name="parent-watch", daemon=True).start()
    return key or None


def _end_with_parent() -> None:
    while sys.stdin.read(1024):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
