"""Tells AURORA over HTTP what the fleet shows: settings once, points at every tick. The outer contract and no more."""

import logging
from typing import Any
from urllib.parse import quote

import httpx

from aurora.sandbox.fleet.runtime import Point

log = logging.getLogger(__name__)


class Reporter:
    """Speaks to the AURORA at `url`, with `key` if it wants one. What cannot be delivered is gone, and logged once."""

    def __init__(self, url: str, key: str | None = None) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=httpx.Timeout(30, connect=2))
        self._lost = ""

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()

    def there(self) -> bool:
        """Whether AURORA answers."""
        try:
            return self._http.get("/health").is_success
        except httpx.TransportError:
            return False

    def introduce(self, name: str, settings: dict[str, Any]) -> bool:
        """Say what AURORA may expect of a model; return whether it was heard.

        A model that has a baseline was introduced before, and somebody may have changed its settings since: it stays as
        it is.
        """
        path = f"/api/models/{quote(name, safe='')}"
        return self._introduced(path) or self._sent("PUT", path, settings)

    def post(self, points: list[Point]) -> bool:
        """Report the points of a tick; return whether they were heard."""
        return self._sent("POST", "/api/metrics", points)

    def _introduced(self, path: str) -> bool:
        try:
            answer = self._http.get(path)
            return bool(answer.is_success and answer.json()["settings"]["baseline"])
        except (httpx.TransportError, ValueError, LookupError, TypeError):
            return False

    def _sent(self, method: str, path: str, body: Any) -> bool:
        try:
            answer = self._http.request(method, path, json=body)
            trouble = "" if answer.is_success else f"{answer.status_code}: {answer.text[:300]}"
        except httpx.TransportError as error:
            trouble = f"{type(error).__name__}: {error}"
        if trouble and trouble != self._lost:
            log.warning("%s %s was not heard: %s", method, path, trouble)
        self._lost = trouble
        return not trouble
