"""`./start.sh`, once it has found a Python: look at the ports, install what is missing, become `aurora serve`."""

import argparse
import errno
import os
import socket
import sys
from collections.abc import Sequence

from scripts.environment import setting
from scripts.install import BIN, install
from scripts.stop import Stop, one_sentence


def ports(arguments: Sequence[str]) -> tuple[str, dict[str, int]]:
    """Return the address and option → port that `aurora serve` would bind; port 0, any free one, is left out."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--host", default=setting("AURORA_HOST", "127.0.0.1"))
    parser.add_argument("--port", default=setting("AURORA_PORT", "8000"))
    parser.add_argument("--ui-port", default=setting("AURORA_UI_PORT", "8501"))
    parser.add_argument("--no-ui", action="store_true")
    try:
        asked, _ = parser.parse_known_args(arguments)
    except argparse.ArgumentError as error:
        raise Stop(f"{error}.") from error
    wanted = {"--port": asked.port} if asked.no_ui else {"--port": asked.port, "--ui-port": asked.ui_port}
    numbers = {option: _number(option, text) for option, text in wanted.items()}
    return asked.host, {option: number for option, number in numbers.items() if number}


def _number(option: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) <= 65535):
        raise Stop(f"{option} must be a whole number from 0 to 65535, not {text!r}.")
    return int(text)


def check_ports(arguments: Sequence[str]) -> None:
    """Raise `Stop` unless `aurora serve` could bind its ports now: better known before a long installation."""
    host, wanted = ports(arguments)
    if len(set(wanted.values())) < len(wanted):
        raise Stop(f"--port and --ui-port are both {wanted['--port']}: choose two different ports.")
    for option, number in wanted.items():
        _bind(host, option, number)


def _bind(host: str, option: str, number: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, number))
        except OSError as error:
            raise Stop(_why_not(error, host, option, number)) from error


def _why_not(error: OSError, host: str, option: str, number: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {number} is taken by another program: stop that one, or choose another with {option} N."
    if error.errno == errno.EACCES:
        return f"port {number} may not be used by this user: choose one above 1023 with {option} N."
    return f"{host}:{number} cannot be bound ({error.strerror or error})."


def main() -> None:
    """Become `aurora serve --sandbox`, in this very process, so that Ctrl-C goes straight to it."""
    arguments = sys.argv[1:]
    with one_sentence("start.sh"):
        check_ports(arguments)
        install(dev=False)
    sys.stdout.flush()
    os.execv(BIN / "aurora", ["aurora", "serve", "--sandbox", *arguments])


if __name__ == "__main__":
    main()
