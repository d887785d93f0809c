"""Follows decisions over HTTP: one line for each that is new or has changed, oldest first."""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

from app.cli_show import decision_line
from app.client import Api
from app.failure import CallFailed

SECONDS = 1.0
SHOWN_AT_FIRST = 10
PAGE = 100


def newest(api: Api, model: str | None, as_json: bool) -> None:
    """Show the newest decisions."""
    for item in reversed(api.get("/api/decisions", limit=SHOWN_AT_FIRST, model_name=model)["items"]):
        _write(item, as_json)


def follow(api: Api, model: str | None, as_json: bool, say: Callable[[str], None]) -> None:
    """Show the newest decisions and then every new one and every change, until interrupted."""
    items = _page(api, model)
    known: dict[str, Any] = {item["decision_id"]: _state(item) for item in items}
    for item in reversed(items[:SHOWN_AT_FIRST]):
        _write(item, as_json)
    say(f"Watching {api.place}; Ctrl-C ends it.")
    lost = False
    while True:
        time.sleep(SECONDS)
        try:
            items = _page(api, model)
        except CallFailed as error:
            if error.status is not None:
                raise
            if not lost:
                say(f"{error} Trying on.")
            lost = True
            continue
        lost = False
        for item in reversed(items):
            if known.get(item["decision_id"]) != _state(item):
                known[item["decision_id"]] = _state(item)
                _write(item, as_json)


def _page(api: Api, model: str | None) -> list[Any]:
    return list(api.get("/api/decisions", limit=PAGE, model_name=model)["items"])


def _state(item: Any) -> tuple[Any, ...]:
    return item["status"], item["ending"], item["outcome"]


def _write(item: Any, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(item, ensure_ascii=True) + "\n")
    else:
        decision_line(item)
    sys.stdout.flush()
