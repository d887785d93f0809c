"""Finds what an id on the command line means: whole, its beginning, or `last`."""

import re
from typing import Any

from app.client import Api
from app.failure import CallFailed

LOOKED_THROUGH = 500
"""How many of the newest decisions or approvals the beginning of an id is looked for in."""
_WHOLE = re.compile(r"(?:dec|apr)_[0-9a-f]{32}")
_IN_A_PATH = re.compile(r"[A-Za-z0-9_.:-]{1,100}")


def decision(api: Api, wanted: str) -> str:
    """Return the id of the decision that `wanted` names. Raises `CallFailed` where none or several do."""
    if _WHOLE.fullmatch(wanted):
        return wanted
    items = api.get("/api/decisions", limit=1 if wanted == "last" else LOOKED_THROUGH)["items"]
    return str(_only(items, wanted, "decision")["decision_id"])


def asked(api: Api, wanted: str) -> Any:
    """Return the approval that `wanted`, an id of it or of its decision, names; of several the newest."""
    if wanted.startswith("apr_") or wanted == "last":
        items = api.get("/api/approvals", status="waiting", limit=LOOKED_THROUGH)["items"]
        if _WHOLE.fullmatch(wanted) and all(item["id"] != wanted for item in items):
            return {"id": wanted, "step": {"parameters": {}}}
        return _only(items, wanted, "waiting approval")
    record = api.get(f"/api/decisions/{decision(api, wanted)}")
    if not record["approvals"]:
        raise CallFailed(f"{record['decision_id']} ({record['status']}) never waited for anybody's approval.")
    return record["approvals"][-1]


def _only(items: list[Any], wanted: str, what: str) -> Any:
    if wanted == "last" and items:
        return items[0]
    fitting = [item for item in items if _IN_A_PATH.fullmatch(wanted) and str(item["id"]).startswith(wanted)]
    if len(fitting) > 1:
        raise CallFailed(f"{wanted} is the beginning of {len(fitting)} ids: {fitting[0]['id']}, {fitting[1]['id']}, …")
    if not fitting:
        raise CallFailed(f"There is no {what}{'' if wanted == 'last' else f' {wanted!r}'}.")
    return fitting[0]
