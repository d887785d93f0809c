"""Tells AURORA over HTTP what the fleet shows: settings once, points at every tick. The outer contract and no more."""

import logging
from typing import Any
from urllib.parse import quote

import httpx

from aurora.sandbox.fleet.runtime import Point

log = logging.getLogger(__name__)


WINDOWS = ("cooldown_minutes", "verify_minutes")
"""The settings that follow the fleet's pace."""


class Reporter:
    """Speaks to the AURORA at `url`, with `key` if it wants one.

    What cannot be delivered is gone; of a row of equal troubles with one call the first is logged.
    """

    def __init__(self, url: str, key: str | None = None) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        patience = httpx.Timeout(30, connect=2)
        self._http = httpx.Client(base_url=url, headers=headers, timeout=patience, trust_env=False)
        self._troubles: dict[str, str] = {}

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()

    def there(self) -> bool:
        """Whether AURORA answers."""
        return self._asked("GET", "/health") is not None

    def introduce(self, name: str, settings: dict[str, Any]) -> bool:
        """Say what AURORA may expect of a model; return whether it was heard.

        A model that has a baseline was introduced before, and somebody may have changed its settings since: it stays as
        it is, but for windows that are still the fleet's own, of another pace.
        """
        path = f"/api/models/{quote(name, safe='')}"
        answer = self._asked("GET", path, missing=True)
        if answer is None:
            return False
        present = _settings_in(answer)
        if not present.get("baseline"):
            return self._asked("PUT", path, settings) is not None
        renewed = at_pace(present, settings)
        return renewed is None or self._asked("PUT", path, renewed) is not None

    def post(self, points: list[Point]) -> bool:
        """Report the points of a tick; return whether they were heard."""
        return self._asked("POST", "/api/metrics", points) is not None

    def _asked(self, method: str, path: str, body: Any = None, *, missing: bool = False) -> httpx.Response | None:
        """Return the answer to a call that was heard; `missing`: that there is no such thing is an answer too."""
        try:
            answer = self._http.request(method, path, json=body)
            heard = answer.is_success or (missing and answer.status_code == httpx.codes.NOT_FOUND)
            trouble = "" if heard else f"{answer.status_code}: {answer.text[:300]}"
        except httpx.TransportError as error:
            answer, trouble = None, f"{type(error).__name__}: {error}"
        if trouble and trouble != self._troubles.get(f"{method} {path}"):
            log.warning("%s %s was not heard: %s", method, path, trouble)
        self._troubles[f"{method} {path}"] = trouble
        return None if trouble else answer


def _settings_in(answer: httpx.Response) -> dict[str, Any]:
    try:
        found = answer.json().get("settings")
    except (ValueError, AttributeError):
        return {}
    return found if isinstance(found, dict) else {}


def at_pace(present: dict[str, Any], told: dict[str, Any]) -> dict[str, Any] | None:
    """Return `present` settings with the windows of `told`; None where they are the same, or where they are somebody's.

    Windows in the proportion that the fleet gives them are the fleet's own.
    """
    ours = {name: told[name] for name in WINDOWS}
    now = {name: present.get(name) for name in WINDOWS}
    if ours == now or any(not isinstance(value, int | float) for value in now.values()):
        return None
    paces = [now[name] / value for name, value in ours.items()]
    if max(paces) - min(paces) > 1e-6 * max(paces):
        return None
    recent = {"recent_deploy_minutes": told["thresholds"]["recent_deploy_minutes"]}
    return {**present, **ours, "thresholds": {**present.get("thresholds", {}), **recent}}
