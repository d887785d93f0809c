"""What the pages ask of the HTTP API, and what they say when it refuses or is not there."""

from functools import lru_cache
from typing import Any

from pydantic import SecretStr

from app.client import Api, reach

LISTED = 50


@lru_cache(maxsize=64)
def api(url: str, key: str) -> Api:
    """Return the client for one visitor's key; connections are kept and shared."""
    return reach(url, SecretStr(key) if key else None)


def decisions(client: Api, status: str | None) -> list[Any]:
    """Return the newest decisions."""
    return list(client.get("/api/decisions", limit=LISTED, status=status)["items"])


def record(client: Api, decision_id: str) -> Any:
    """Return the whole record of a decision."""
    return client.get(f"/api/decisions/{decision_id}")


def waiting(found: Any) -> str:
    """Return the approval that a record waits for; empty where it waits for none."""
    return str(found["approval_id"] or "")


def settle(client: Api, approval_id: str, answer: str, reason: str, by: str) -> Any:
    """Approve or reject, in the name of `by` where the API has no keys."""
    said = {"decision": answer, "reason": reason, **({"by": by} if by.strip() else {})}
    return client.post(f"/api/approvals/{approval_id}", said)
