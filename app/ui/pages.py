"""The pages themselves: chat, decisions, analyse, memory. All state is the API's; a page keeps a key and a thread."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import gradio as gr

from app.failure import CallFailed
from app.ui import calls, render
from app.ui.examples import EXAMPLES

REFRESH_SECONDS = 3
STATUSES = ("all", "awaiting_approval", "executed", "no_action", "rejected", "failed", "proposed", "running")
QUESTIONS = ("why did you retrain?", "what happened today?", "what waits for me?", "did it help?")

CSS = """
.gradio-container {width: 100% !important; max-width: 1240px !important; margin: 0 auto !important}
.word {border-radius: 4px; padding: 1px 7px; background: #64748b33; font-weight: 600; white-space: nowrap}
.executed, .better, .healthy, .autonomous {background: #16a34a33}
.awaiting_approval, .ask, .undone, .cannot_tell, .degraded {background: #eab30855}
.failed, .not_better, .stopped, .down {background: #dc262644}
.simulated {background: #7c3aed33}
.card {border: 1px solid #64748b55; border-radius: 8px; padding: 10px 14px; margin: 6px 0; overflow-wrap: anywhere}
.card h3 {margin: 0 0 4px} .id {opacity: .7; font-family: monospace} .state {margin: 0}
.notice {border-left: 5px solid #dc2626; background: #dc262618; padding: 10px 14px; border-radius: 4px}
"""

Updates = tuple[Any, ...]


def build(api_url: str) -> gr.Blocks:
    """Return the pages, acting on the API at `api_url`."""
    with gr.Blocks(title="AURORA", analytics_enabled=False, fill_width=True) as pages:
        Pages(api_url).lay_out(pages)
        pages.queue(default_concurrency_limit=8, api_open=False)
    built: gr.Blocks = pages
    return built


def _attempt(call: Callable[[], str]) -> str:
    try:
        return call()
    except CallFailed as error:
        return render.notice(error.sentence, error.lines)


class Pages:
    """What the pages do; each method answers one event."""

    def __init__(self, api_url: str) -> None:
        self._url = api_url

    # --- layout ----------------------------------------------------------------------------------------------------

    def lay_out(self, pages: gr.Blocks) -> None:
        """Put the parts onto the page that is being built, and connect them."""
        gr.Markdown("# AURORA")
        banner = gr.HTML(elem_id="banner", visible=False)
        header = gr.HTML(elem_id="header")
        key = gr.Textbox(label="API key", type="password", visible=False, elem_id="key", max_lines=1)
        with gr.Tab("Chat"):
            self._chat_tab(key)
        with gr.Tab("Decisions"):
            table, status = self._decisions_tab(key)
        with gr.Tab("Analyse"):
            self._analyse_tab(key)
        with gr.Tab("Memory search"):
            self._memory_tab(key)
        shown = gr.State(None)
        outputs = [banner, header, key, table, shown]
        for moment in (pages.load, gr.Timer(REFRESH_SECONDS).tick, status.change):
            moment(self.refresh, [key, status, shown], outputs, show_progress="hidden", api_visibility="private")

    def _chat_tab(self, key: gr.Textbox) -> None:
        thread = gr.State(None)
        talk = gr.Chatbot(
            elem_id="talk",
            show_label=False,
            height=430,
            render_markdown=False,
            allow_tags=False,
            feedback_options=None,
            buttons=[],
            allow_file_downloads=False,
            placeholder="Ask what was decided, and why. Nothing said here changes anything.",
        )
        with gr.Row():
            question = gr.Textbox(show_label=False, placeholder="why did you retrain?", scale=8, elem_id="question")
            send = gr.Button("Ask", variant="primary", scale=1, elem_id="send")
        with gr.Row():
            for one in QUESTIONS:
                ready = gr.Button(one, size="sm")
                ready.click(lambda one=one: one, None, question, api_visibility="private").then(
                    self.ask, [question, talk, thread, key], [question, talk, thread], api_visibility="private"
                )
        for event in (send.click, question.submit):
            event(self.ask, [question, talk, thread, key], [question, talk, thread], api_visibility="private")

    def _decisions_tab(self, key: gr.Textbox) -> tuple[gr.Dataframe, gr.Dropdown]:
        status = gr.Dropdown(list(STATUSES), value="all", label="Status", interactive=True, elem_id="status")
        table = gr.Dataframe(
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
        chosen, asked = gr.State(""), gr.State("")
        detail = gr.HTML("<p>Choose a decision to see the whole why.</p>", elem_id="detail")
        with gr.Group(visible=False) as settling:
            with gr.Row():
                reason = gr.Textbox(label="Reason", scale=4, elem_id="reason")
                by = gr.Textbox(label="Your name", scale=2, elem_id="by")
            with gr.Row():
                approve = gr.Button("Approve", variant="primary", elem_id="approve")
                reject = gr.Button("Reject", variant="stop", elem_id="reject")
        shown = [chosen, asked, detail, settling]
        table.select(self.choose, [key], shown, api_visibility="private")
        for button, answer in ((approve, "approve"), (reject, "reject")):
            button.click(
                partial(self.settle, answer),
                [chosen, asked, reason, by, key],
                [*shown, reason],
                api_visibility="private",
            )
        return table, status

    def _analyse_tab(self, key: gr.Textbox) -> None:
        with gr.Row():
            with gr.Column():
                names = list(EXAMPLES)
                example = gr.Dropdown(names, value=names[0], label="A ready example", elem_id="example")
                look = gr.Code(
                    EXAMPLES[names[0]], language="json", lines=16, max_lines=16, label="Telemetry", elem_id="look"
                )
                dry = gr.Checkbox(label="Dry run: plan, criticise and rule, do nothing", elem_id="dry-run")
                go = gr.Button("Analyse", variant="primary", elem_id="analyse")
            result = gr.HTML("<p>The decision appears here.</p>", elem_id="result")
        example.change(EXAMPLES.get, example, look, api_visibility="private")
        go.click(self.analyse, [look, dry, key], result, api_visibility="private")

    def _memory_tab(self, key: gr.Textbox) -> None:
        with gr.Row():
            query = gr.Textbox(
                show_label=False, placeholder="model accuracy dropped with data drift", scale=8, elem_id="query"
            )
            count = gr.Slider(1, 50, 5, step=1, label="How many", scale=2)
            search = gr.Button("Search", variant="primary", scale=1, elem_id="search")
        found = gr.HTML(elem_id="found")
        for event in (search.click, query.submit):
            event(self.search, [query, count, key], found, api_visibility="private")

    # --- events ----------------------------------------------------------------------------------------------------

    def refresh(self, key: str, status: str, shown: Any) -> Updates:
        """Bring banner, header and table up to date; what has not changed is left as it is."""
        client = calls.api(self._url, key)
        try:
            health = client.get("/health")
        except CallFailed as error:
            return (
                gr.HTML(render.notice(f"The API is not reachable: {error.sentence}"), visible=True),
                "",
                *(gr.skip(),) * 3,
            )
        try:
            mode = client.get("/api/mode")
            rows = [render.row(item) for item in calls.decisions(client, None if status == "all" else status)]
        except CallFailed as error:
            locked = error.status in (401, 403)
            said = "This AURORA wants an API key: put yours in below." if error.status == 401 else error.sentence
            banner = gr.HTML(render.notice(said, error.lines), visible=True)
            return banner, "", gr.Textbox(visible=True) if locked else gr.skip(), gr.skip(), gr.skip()
        same = rows == shown
        table = gr.skip() if same else gr.Dataframe(value=rows)
        return gr.HTML(visible=False), render.header(health, mode), gr.skip(), table, gr.skip() if same else rows

    def ask(self, question: str, talk: list[Any], thread: str | None, key: str) -> Updates:
        """Answer one question."""
        if not question.strip():
            return "", talk, thread
        try:
            turn = {"message": question, **({"thread_id": thread} if thread else {})}
            said = calls.api(self._url, key).post("/api/chat", turn)
        except CallFailed as error:
            said = {"answer": str(error), "thread_id": thread}
        # The chat shows HTML even where it is told not to render markdown, so it gets escaped text.
        turns = (("user", question), ("assistant", said["answer"]))
        talk = [*talk, *({"role": role, "content": render.text(words)} for role, words in turns)]
        return "", talk, said["thread_id"]

    def choose(self, key: str, event: gr.SelectData) -> Updates:
        """Show the decision whose row was clicked."""
        return self._detail(str(event.row_value[-1]), key)

    def _detail(self, decision_id: str, key: str) -> Updates:
        try:
            found = calls.record(calls.api(self._url, key), decision_id)
        except CallFailed as error:
            return decision_id, "", render.notice(error.sentence, error.lines), gr.Group(visible=False)
        asked = calls.waiting(found)
        return decision_id, asked, render.record(found), gr.Group(visible=bool(asked))

    def settle(self, answer: str, *said: str) -> Updates:
        """Approve or reject the decision that is shown, then show how it stands."""
        chosen, asked, reason, by, key = said
        try:
            calls.settle(calls.api(self._url, key), asked, answer, reason, by)
        except CallFailed as error:
            refused = render.notice(error.sentence, error.lines)
            decision_id, still_asked, detail, group = self._detail(chosen, key)
            return decision_id, still_asked, refused + detail, group, reason
        return *self._detail(chosen, key), ""

    def analyse(self, look: str, dry_run: bool, key: str) -> str:
        """Send the telemetry in the editor and show the decision."""
        try:
            json.loads(look)
        except (ValueError, RecursionError) as error:
            return render.notice(f"This is not JSON: {error}.")
        client = calls.api(self._url, key)
        query = {"dry_run": "true"} if dry_run else {}
        return _attempt(lambda: render.decision(client.post("/api/analyze", look.encode(), **query)))

    def search(self, query: str, count: float, key: str) -> str:
        """Show what memory finds."""
        if not query.strip():
            return ""
        asked = {"query": query, "top_k": int(count)}
        return _attempt(lambda: render.found(calls.api(self._url, key).post("/api/memory/search", asked)["results"]))
