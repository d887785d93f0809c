"""How the commands of a developer end early: one sentence on stderr and a non-zero exit code."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class Stop(Exception):
    """The command cannot go on; the message is one sentence for the person who typed it."""


@contextmanager
def one_sentence(command: str) -> Iterator[None]:
    """End the process in one sentence where `Stop`, Ctrl-C, a closed terminal or SIGTERM ends the block."""
    like_ctrl_c = (signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.default_int_handler) for number in like_ctrl_c}
    try:
        yield
    except Stop as stop:
        sys.exit(f"{command}: {stop}")
    except KeyboardInterrupt:
        print(f"\n{command}: interrupted; start again to go on.", file=sys.stderr)
        sys.exit(130)
    finally:
        for number, action in before.items():
            signal.signal(number, action)
