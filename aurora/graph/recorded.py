"""The one way in which a node writes: its noun goes to the ledger, and on re-entry the recorded one comes back.

So a deleted checkpoint costs time and nothing else: the run starts again from its request, and what was recorded when
it began is asked of no model, no memory and no tool a second time.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any, Generic, Protocol, TypeVar, cast

from langgraph.runtime import Runtime

from aurora.crashes import Crash, crash_point
from aurora.domain import NewApproval, NewEntry, Notice, Standing, Value
from aurora.graph.deps import Run
from aurora.graph.state import State
from aurora.policy.standing import standing

Noun = TypeVar("Noun", bound=Value)


@dataclass(frozen=True)
class Draft(Generic[Noun]):
    """A noun, and what goes to the ledger in the same transaction."""

    noun: Noun
    ask: NewApproval | None = None
    """A question to a person."""
    notices: tuple[Notice, ...] = ()
    """Messages to people, delivered afterwards."""
    entry: NewEntry | None = None
    """A case to remember."""
    verify_at: datetime | None = None
    """When the outcome is due."""


Asking = Callable[[State, Run], Awaitable[Draft[Noun]]]
Thinking = Callable[[State, Run], Draft[Noun]]
Body = Asking[Noun] | Thinking[Noun]
"""Async where it calls a tool or waits for somebody. Plain where it only thinks and asks ledger and memory: it then
runs on the thread that records its noun, so that nothing else waits for it."""

RoundOf = Callable[[State, Run], int]


class Node(Protocol):
    """A node as LangGraph calls it: state in, the one field that it adds out."""

    __name__: str

    async def __call__(self, state: State, runtime: Runtime[Run]) -> dict[str, Any]: ...


def recorded(field: str, noun_type: type[Noun], round_of: RoundOf) -> Callable[[Body[Noun]], Node]:
    """Make a node of `body`: it fills `field` of the state, once per (decision, round, node).

    The node's name is the body's, so that the ledger, the trace and the diagram use one word.
    """

    def decorate(body: Body[Noun]) -> Node:
        name = body.__name__

        @wraps(body)
        async def node(state: State, runtime: Runtime[Run]) -> dict[str, Any]:
            run = runtime.context
            turn = round_of(state, run)
            found = run.recorded.get((turn, name))
            if found is None:
                found = await made(state, run, turn)
            return {field: noun_type.model_validate_json(found)}

        async def asked(state: State, run: Run, turn: int) -> str:
            draft = await cast(Asking[Noun], body)(state, run)
            return await asyncio.to_thread(keep, state, run, turn, draft)

        async def thought(state: State, run: Run, turn: int) -> str:
            think = cast(Thinking[Noun], body)
            return await asyncio.to_thread(lambda: keep(state, run, turn, think(state, run)))

        made = asked if iscoroutinefunction(body) else thought

        def keep(state: State, run: Run, turn: int, draft: Draft[Noun]) -> str:
            added: dict[str, Any] = {field: draft.noun}
            where = standing_of(replace(state, **added))
            crash_point(Crash.NOUN_DRAFTED)
            kept = _record(run, (state.decision_id, turn, name), draft, where)
            crash_point(Crash.NOUN_RECORDED)
            return kept

        # LangGraph reads the annotations of what it is given, and `wraps` would show it the body's.
        del node.__wrapped__
        node.__annotations__ = {"state": State, "runtime": Runtime[Run], "return": dict[str, Any]}
        return cast(Node, node)

    return decorate


def standing_of(state: State) -> Standing:
    """Return where the decision stands after the nouns that `state` holds."""
    return standing(
        critique=state.critique,
        ruling=state.ruling,
        approval=state.approval,
        execution=state.execution,
        verification=state.verification,
        undo=state.undo,
    )


def _record(run: Run, key: tuple[str, int, str], draft: Draft[Any], where: Standing) -> str:
    return run.ledger.decisions.record(
        *key,
        draft.noun,
        where,
        ask=draft.ask,
        notices=draft.notices,
        entry=draft.entry,
        verify_at=draft.verify_at,
    )
