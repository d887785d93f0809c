"""What the pages ask of the HTTP API, and what they say when it refuses or is not there."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Any
from urllib.parse import quote

from pydantic import SecretStr

from app.client import Api, reach

LISTED = 50
PAGE, PAGES = 500, 4
"""Of so many models at most, by name, the pages know how they stand."""
POINTS = 180
"""How many of a model's newest points its lines are drawn from."""
URL_ROOM = 30_000
"""How long the names in one request may be together, as they are sent."""


@lru_cache(maxsize=64)
def api(url: str, key: str) -> Api:
    """Return the client for one visitor's key; connections are kept and shared."""
    return reach(url, SecretStr(key) if key else None)


def decisions(client: Api, status: str | None) -> list[Any]:
    """Return the newest decisions."""
    return list(client.get("/api/decisions", limit=LISTED, status=status)["items"])


def models(client: Api, q: str | None = None) -> list[Any]:
    """Return how the models stand whose names hold `q`, by name, without their history."""
    found: list[Any] = []
    after: str | None = None
    for _ in range(PAGES):
        page = client.get("/api/models", limit=PAGE, after=after, q=q)
        found += page["items"]
        after = page["next"]
        if after is None:
            break
    return found


def with_history(client: Api, some: Sequence[Any]) -> list[Any]:
    """Return the models as they stand now, with their newest points, in the order of `some`: one request for all."""
    lengths = accumulate(len(quote(model["name"])) + len("&name=") for model in some)
    names = [model["name"] for model, length in zip(some, lengths, strict=True) if length <= URL_ROOM]
    if not names:
        return list(some)
    told = client.get("/api/models", limit=len(names), name=names, history=POINTS)["items"]
    newest = {model["name"]: model for model in told}
    return [newest.get(model["name"], model) for model in some]


def approvals(client: Api) -> tuple[list[Any], bool]:
    """Return what waits for a person, newest first, and whether there is more."""
    page = client.get("/api/approvals", limit=LISTED)
    return list(page["items"]), page["next"] is not None


def record(client: Api, decision_id: str) -> Any:
    """Return the whole record of a decision."""
    return client.get(f"/api/decisions/{quote(decision_id, safe='')}")


def waiting(found: Any) -> str:
    """Return the approval that a record waits for; empty where it waits for none."""
    return str(found["approval_id"] or "")


def settle(client: Api, approval_id: str, answer: str, reason: str, by: str) -> Any:
    """Approve or reject, in the name of `by` where the API has no keys."""
    said = {"decision": answer, "reason": reason, **({"by": by} if by.strip() else {})}
    return client.post(f"/api/approvals/{approval_id}", said)
