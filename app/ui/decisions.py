"""The tab of the decisions: the newest ones, the whole why of one that was chosen, and the answer of a person to it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from app.client import Api
from app.failure import CallFailed
from app.ui import calls, render

STATUSES = ("all", "awaiting_approval", "executed", "no_action", "rejected", "failed", "proposed", "running")

Updates = tuple[Any, ...]


@dataclass(frozen=True)
class Opened:
    """The decision that is shown, exactly as it is shown: an answer of a person is to this and to nothing newer."""

    decision_id: str
    approval_id: str
    html: str


class DecisionsTab:
    """What the tab does; each public method answers one event."""

    def __init__(self, client_for: Callable[[str], Api]) -> None:
        self._client_for = client_for
        self._unchanged = (gr.skip(),) * 3

    def lay_out(self, key: gr.Textbox) -> None:
        """Put the tab onto the page that is being built."""
        self.status = gr.Dropdown(list(STATUSES), value="all", label="Status", interactive=True, elem_id="status")
        self.table = gr.Dataframe(
            headers=list(render.COLUMNS),
            datatype="str",
            type="array",
            interactive=False,
            wrap=True,
            max_height=300,
            buttons=[],
            column_widths=["15%", "18%", "10%", "20%", "10%", "10%", "17%"],
            elem_id="decisions",
        )
        self.listed, self.chosen, opened = gr.State(None), gr.State(""), gr.State(None)
        # The whole record is long: whoever is to answer finds the buttons above it.
        with gr.Column(elem_id="opened"):
            with gr.Group(visible=False) as settling:
                with gr.Row():
                    reason = gr.Textbox(label="Reason", scale=4, elem_id="reason")
                    by = gr.Textbox(label="Your name", scale=2, elem_id="by")
                with gr.Row():
                    approve = gr.Button("Approve", variant="primary", elem_id="approve")
                    reject = gr.Button("Reject", variant="stop", elem_id="reject")
            detail = gr.HTML("<p>Choose a decision to see the whole why.</p>", elem_id="detail")
        self.opened = (opened, detail, settling)
        self.table.select(self.choose, [key], [self.chosen, *self.opened], api_visibility="private")
        for button, answer in ((approve, "approve"), (reject, "reject")):
            button.click(
                partial(self.settle, answer),
                [opened, reason, by, key],
                [*self.opened, reason],
                api_visibility="private",
            )

    # --- events ----------------------------------------------------------------------------------------------------

    def rows(self, client: Api, status: str, listed: Any) -> Updates:
        """Bring the table up to date: it and what it lists, both left alone where nothing has changed."""
        rows = [render.row(item) for item in calls.decisions(client, None if status == "all" else status)]
        return (gr.skip(), gr.skip()) if rows == listed else (gr.Dataframe(value=rows), rows)

    def again(self, client: Api, chosen: str, opened: Opened | None) -> Updates:
        """Bring the decision that is open up to date; what has not changed is left as it is."""
        if not chosen:
            return self._unchanged
        found = _look(client, chosen)
        return self._unchanged if found == opened else _shown(found)

    def choose(self, key: str, event: gr.SelectData) -> Updates:
        """Show the decision of the row that was clicked."""
        return self.open(str(event.row_value[-1]), key)

    def open(self, decision_id: str, key: str) -> Updates:
        """Show a decision, and ask where it waits for an answer."""
        client = self._client_for(key)
        try:
            return decision_id, *_shown(_look(client, decision_id))
        except CallFailed as error:
            return decision_id, *_shown(Opened(decision_id, "", render.notice(error.sentence, error.lines)))

    def settle(self, answer: str, opened: Opened, *said: str) -> Updates:
        """Approve or reject the decision that is shown, then show how it stands."""
        reason, by, key = said
        client = self._client_for(key)
        try:
            calls.settle(client, opened.approval_id, answer, reason, by)
        except CallFailed as error:
            refused = render.notice(error.sentence, error.lines)
            _, seen, detail, group = self.open(opened.decision_id, key)
            return seen, refused + detail, group, reason
        return *self.open(opened.decision_id, key)[1:], ""


def _look(client: Api, decision_id: str) -> Opened:
    found = calls.record(client, decision_id)
    return Opened(decision_id, calls.waiting(found), render.record(found))


def _shown(opened: Opened) -> Updates:
    return opened, opened.html, gr.Group(visible=bool(opened.approval_id))
