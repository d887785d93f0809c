"""Somebody who settles approvals of a server over HTTP, in a process of their own."""

from collections.abc import Callable

import httpx


def settling(url: str, name: str) -> Callable[[tuple[str, str]], int]:
    """Return what answers an approval of the server at `url` in the name of `name`, and tells the status code."""
    http = httpx.Client(base_url=url, timeout=60, trust_env=False)
    http.get("/health").raise_for_status()

    def settle(asked: tuple[str, str]) -> int:
        id, answer = asked
        return http.post(f"/api/approvals/{id}", json={"decision": answer, "by": name}).status_code

    return settle
