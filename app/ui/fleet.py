"""The tab of the fleet, the first thing to see: it asks the API every few seconds and shows what has changed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import gradio as gr

from app.client import Api
from app.failure import CallFailed
from app.ui import calls, fleet_view

MODELS_SHOWN = 50
DECISIONS_SHOWN = 15
SECONDS = 2

_ON_LOAD = """
element.addEventListener('click', (event) => {
  const hit = event.target.closest('[data-decision]');
  if (hit) trigger('click', {decision: hit.dataset.decision});
});
"""
"""What is clicked is found when it is clicked: the page exchanges only what has changed, and buttons may move."""

Updates = tuple[Any, ...]


@dataclass(frozen=True)
class Shown:
    """What a page shows, part by part, and since when it has been true."""

    parts: tuple[str, ...] = ("", "", "", "")
    at: datetime | None = field(default=None, compare=False)


class FleetTab:
    """What the tab does."""

    def __init__(self, client_for: Callable[[str], Api]) -> None:
        self._client_for = client_for

    def lay_out(self) -> None:
        """Put the tab onto the page that is being built."""
        strip = gr.HTML(elem_id="counts")
        attention = gr.HTML(elem_id="attention", js_on_load=_ON_LOAD)
        self.q = gr.Textbox(
            show_label=False, placeholder="Search models by name", max_lines=1, container=False, elem_id="q"
        )
        models = gr.HTML(elem_id="fleet", js_on_load=_ON_LOAD)
        gr.HTML("<h3>What happened</h3>")
        happened = gr.HTML(elem_id="happened", js_on_load=_ON_LOAD)
        self.shown = gr.State(Shown())
        self.parts = (strip, attention, models, happened)
        self.clickable = (attention, models, happened)

    def refresh(self, key: str, q: str, shown: Shown) -> Updates:
        """Bring the parts up to date; what has not changed is left as it is."""
        now = datetime.now(UTC)
        try:
            found = Shown(_parts(self._client_for(key), q.strip()), now)
        except CallFailed as error:
            found = _old(shown, locked=error.status in (401, 403))
        parts = (gr.skip() if new == old else new for new, old in zip(found.parts, shown.parts, strict=True))
        return *parts, found


def _parts(client: Api, q: str) -> tuple[str, ...]:
    fleet = fleet_view.by_trouble(calls.models(client))
    found = fleet_view.by_trouble(calls.models(client, q)) if q else fleet
    shown = calls.with_history(client, found[:MODELS_SHOWN])
    decisions = calls.decisions(client, None)
    approvals, more = calls.approvals(client)
    return (
        fleet_view.strip(fleet, len(approvals), more_waiting=more),
        fleet_view.attention(approvals),
        fleet_view.table(shown, fleet_view.deeds(decisions), more=len(found) - len(shown), q=q),
        fleet_view.happened(decisions[:DECISIONS_SHOWN]),
    )


def _old(shown: Shown, *, locked: bool) -> Shown:
    """Return what is left to show when the API does not tell: nothing to strangers, else the past as such."""
    if locked or shown.at is None:
        return Shown()
    return Shown((fleet_view.past(shown.at), *shown.parts[1:]), shown.at)
