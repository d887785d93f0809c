"""The training process: `python -m aurora.sandbox.worker FOLDER PARENT_PID`.

Works on everything that runs in the folder's books, oldest first, whenever a byte comes down the pipe. One process at
a time trains in a folder; another one's takes over when it ends. Ends at once when the pipe or the parent does.
"""

import os
import signal
import sys
import threading
import time
from pathlib import Path

from filelock import FileLock

from aurora.sandbox.store import Store

LOOK_SECONDS = 0.5


def main() -> None:
    """Serve until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    folder, parent = Path(sys.argv[1]), int(sys.argv[2])
    woken = threading.Event()
    threading.Thread(target=_listen, args=(woken,), daemon=True).start()
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    # Late, for they take seconds: a parent that dies meanwhile must be noticed.
    from aurora.sandbox.training import finish_everything

    store = Store(folder)
    while woken.wait():
        woken.clear()
        with FileLock(folder / "training.lock", poll_interval=0.05):
            finish_everything(store)


def _listen(woken: threading.Event) -> None:
    while os.read(sys.stdin.fileno(), 4096):
        woken.set()
    os._exit(0)


def _watch(parent: int) -> None:
    # Beside the pipe: its other end may live on in a process that the parent forked.
    while os.getppid() == parent:
        time.sleep(LOOK_SECONDS)
    os._exit(0)


if __name__ == "__main__":
    main()
