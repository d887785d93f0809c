"""`Idempotency-Key`: the same request, sent twice, is done once and answered alike.

One key of one owner stands for one request: route, address, query and the raw bytes of the body. The first answer is
kept when it came from the work itself (2xx, 404, 409). What was refused before anything was done (400, 401, 403, 413,
415, 422) and what failed (5xx) is not kept, so that a corrected or repeated request may use the key again.

When the process dies at work, the next request under the key does it again: an analysis then goes on with the same
decision; every other call may have been done already, under its own rules (an approval is still settled once).
"""

import asyncio
import re
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from app.auth import Caller
from app.problems import InProgress, field_error, invalid_fields

if TYPE_CHECKING:
    from aurora.ledger.records import Reply
    from aurora.ledger.replies import Replies

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
WAIT_SECONDS = 30.0
_POLL_SECONDS = 0.05
_NOT_KEPT = frozenset({400, 401, 403, 413, 415, 422, 429})
_DECISIONS = uuid.UUID("7b0d2f3c-3b8e-5d5b-9c39-0f6f0c1b9a11")
"""Namespace of the decision ids that follow from a key."""


@dataclass(frozen=True)
class Slip:
    """One request under its key."""

    key: str
    owner: str
    route: str
    body_hash: str

    @property
    def id(self) -> tuple[str, str]:
        """What the slip is known by."""
        return self.owner, self.key

    @property
    def decision_id(self) -> str:
        """The id of the decision that this request opens: the same however often it is sent, also after a crash."""
        return f"dec_{uuid.uuid5(_DECISIONS, chr(0).join((self.owner, self.key, self.route, self.body_hash))).hex}"


def slip_for(request: Request, caller: Caller, route: str, body: bytes) -> Slip | None:
    """Return the slip of `request`, or None where it has no key. Raises `Invalid` for a key that cannot be one."""
    keys = request.headers.getlist(HEADER)
    if not keys:
        return None
    if len(keys) > 1 or not re.fullmatch(r"[!-~]{1,255}", keys[0]):
        raise invalid_fields([field_error(HEADER, "must be one value of 1 to 255 visible ASCII characters")])
    address = f"{request.scope['path']}?{'&'.join(sorted(f'{k}={v}' for k, v in request.query_params.multi_items()))}"
    digest = sha256(f"{address}\n".encode("utf-8", "surrogateescape") + body).hexdigest()
    return Slip(keys[0], caller.owner, route, digest)


class Idempotency:
    """Sees to it that a keyed request is worked on once."""

    def __init__(
        self, replies: "Replies", wait_seconds: float = WAIT_SECONDS, alone_since: datetime | None = None
    ) -> None:
        """Take `alone_since` as the moment since which no other process works on these replies; None: others may."""
        self._replies = replies
        self._wait_seconds = wait_seconds
        self._alone_since = alone_since
        self._here: set[tuple[str, str]] = set()
        """The keys that this process works on."""

    async def once(self, slip: Slip | None, work: Callable[[], Awaitable[Response]]) -> Response:
        """Answer with what is kept for `slip`, else do `work` and keep its answer.

        Raises `IdempotencyMismatch` for another request under the same key, and `InProgress` where the first one takes
        longer than a client should wait.
        """
        if slip is None:
            return await work()
        kept = await self._begin(slip)
        if kept is not None:
            return _replay(kept)
        self._here.add(slip.id)
        try:
            return await self._first(slip, work)
        finally:
            self._here.discard(slip.id)

    async def _begin(self, slip: Slip) -> "Reply | None":
        deadline = time.monotonic() + self._wait_seconds
        while True:
            kept = await run_in_threadpool(self._replies.begin, slip.key, slip.owner, slip.route, slip.body_hash)
            if kept is None or kept.status_code is not None:
                return kept
            if self._died(kept, slip):
                await self._take_over(slip)
                continue
            if time.monotonic() >= deadline:
                raise InProgress("Ask again later for its answer.")
            await asyncio.sleep(_POLL_SECONDS)

    def _died(self, kept: "Reply", slip: Slip) -> bool:
        """Whether the process that began this is gone: it began before this one, which is the only one."""
        return self._alone_since is not None and kept.begun_at < self._alone_since and slip.id not in self._here

    async def _take_over(self, slip: Slip) -> None:
        # Marked before anything is awaited: a second request under the key must not take over as well.
        self._here.add(slip.id)
        try:
            await run_in_threadpool(self._replies.forget, slip.key, slip.owner)
        except Exception:
            self._here.discard(slip.id)
            raise

    async def _first(self, slip: Slip, work: Callable[[], Awaitable[Response]]) -> Response:
        try:
            response = await work()
        except Exception:
            await run_in_threadpool(self._replies.forget, slip.key, slip.owner)
            raise
        if response.status_code >= 500 or response.status_code in _NOT_KEPT:
            await run_in_threadpool(self._replies.forget, slip.key, slip.owner)
        else:
            body = bytes(response.body).decode()
            kind = response.media_type or "application/json"
            await run_in_threadpool(self._replies.finish, slip.key, slip.owner, response.status_code, body, kind)
        return response


def _replay(kept: "Reply") -> Response:
    return Response(
        kept.body, status_code=kept.status_code or 500, media_type=kept.content_type, headers={REPLAYED: "true"}
    )
