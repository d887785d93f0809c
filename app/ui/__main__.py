"""Serves the pages: `python -m app.ui --api-url URL --port P`.

With `--fd` it serves on a socket that was handed down, and ends when its stdin does: with whoever started it.
"""

import argparse
import logging
import os
import signal
import socket
import sys
from threading import Thread, Timer

GRACE_SECONDS = 1


def main() -> None:
    """Serve until SIGTERM, Ctrl-C or the end of the parent process."""
    options = _options()
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s ui: %(message)s")
    if options.fd is not None:
        Thread(target=_end_with_parent, name="parent-watch", daemon=True).start()
    import uvicorn

    from app.ui.site import site

    config = uvicorn.Config(
        site(options.api_url, keys_required=options.keys_required),
        host=options.host,
        port=options.port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    sockets = [socket.socket(fileno=options.fd)] if options.fd is not None else None
    uvicorn.Server(config).run(sockets=sockets)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m app.ui", description=__doc__)
    parser.add_argument("--api-url", required=True, help="where the HTTP API is")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8501)
    parser.add_argument("--fd", type=int, help="a listening socket that was handed down")
    parser.add_argument("--keys-required", action="store_true", help="the API wants keys")
    return parser.parse_args()


def _end_with_parent() -> None:
    """Wait for the end of stdin, which nobody writes to; then end gracefully, and soon in any case."""
    while os.read(sys.stdin.fileno(), 1024):
        pass
    hard = Timer(GRACE_SECONDS + 1, os._exit, [0])
    hard.daemon = True
    hard.start()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
