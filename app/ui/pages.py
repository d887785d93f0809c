"""The pages as a whole, and the small tabs among them: chat, analyse, memory.

All state is the API's; a page keeps a key, a thread and what it shows.
"""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import gradio as gr

from app.failure import CallFailed
from app.ui import calls, render
from app.ui.decisions import DecisionsTab
from app.ui.examples import EXAMPLES
from app.ui.fleet import SECONDS, FleetTab

REFRESH_SECONDS = 3
QUESTIONS = ("why did you retrain?", "what happened today?", "what waits for me?", "did it help?")

_TO_WHAT_IS_OPEN = "() => document.getElementById('opened')?.scrollIntoView({block: 'nearest'})"

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
        self._client_for = partial(calls.api, api_url)
        self._fleet = FleetTab(self._client_for)
        self._decisions = DecisionsTab(self._client_for)

    # --- layout ----------------------------------------------------------------------------------------------------

    def lay_out(self, pages: gr.Blocks) -> None:
        """Put the parts onto the page that is being built, and connect them."""
        gr.Markdown("# AURORA")
        banner = gr.HTML(elem_id="banner", visible=False)
        header = gr.HTML(elem_id="header")
        key = gr.Textbox(label="API key", type="password", visible=False, elem_id="key", max_lines=1)
        with gr.Tabs() as tabs:
            with gr.Tab("Fleet", id="fleet"):
                self._fleet.lay_out()
            with gr.Tab("Chat"):
                self._chat_tab(key)
            with gr.Tab("Decisions", id="decisions"):
                self._decisions.lay_out(key)
            with gr.Tab("Analyse"):
                self._analyse_tab(key)
            with gr.Tab("Memory search"):
                self._memory_tab(key)
        self._keep_fresh(pages, key, (banner, header))
        for part in self._fleet.clickable:
            self._open_on_click(part, key, tabs)

    def _keep_fresh(self, pages: gr.Blocks, key: gr.Textbox, head: tuple[gr.HTML, gr.HTML]) -> None:
        fleet, tab = self._fleet, self._decisions
        shown = [*head, key, tab.table, tab.listed, *tab.opened]
        for moment in (pages.load, gr.Timer(REFRESH_SECONDS).tick, tab.status.change):
            moment(
                self.refresh,
                [key, tab.status, tab.listed, tab.chosen, tab.opened[0]],
                shown,
                show_progress="hidden",
                api_visibility="private",
            )
        for moment in (pages.load, gr.Timer(SECONDS).tick, fleet.q.change):
            moment(
                fleet.refresh,
                [key, fleet.q, fleet.shown],
                [*fleet.parts, fleet.shown],
                show_progress="hidden",
                api_visibility="private",
            )

    def _open_on_click(self, part: gr.HTML, key: gr.Textbox, tabs: gr.Tabs) -> None:
        opened = [tabs, self._decisions.chosen, *self._decisions.opened]
        part.click(self.open, [key], opened, show_progress="hidden", api_visibility="private").then(
            None, None, None, js=_TO_WHAT_IS_OPEN, api_visibility="private"
        )

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

    def refresh(self, key: str, status: str, listed: Any, chosen: str, opened: Any) -> Updates:
        """Bring all but the fleet up to date; what has not changed is left as it is."""
        client = self._client_for(key)
        try:
            health = client.get("/health")
        except CallFailed as error:
            banner = gr.HTML(render.notice(f"The API is not reachable: {error.sentence}"), visible=True)
            return banner, "", *(gr.skip(),) * 6
        try:
            mode = client.get("/api/mode")
            rows = self._decisions.rows(client, status, listed)
            again = self._decisions.again(client, chosen, opened)
        except CallFailed as error:
            locked = error.status in (401, 403)
            said = "This AURORA wants an API key: put yours in below." if error.status == 401 else error.sentence
            banner = gr.HTML(render.notice(said, error.lines), visible=True)
            return banner, "", gr.Textbox(visible=True) if locked else gr.skip(), *(gr.skip(),) * 5
        return gr.HTML(visible=False), render.header(health, mode), gr.skip(), *rows, *again

    def open(self, key: str, event: gr.EventData) -> Updates:
        """Show the decision that a click on the fleet's page named."""
        return gr.Tabs(selected="decisions"), *self._decisions.open(str(event.decision), key)

    def ask(self, question: str, talk: list[Any], thread: str | None, key: str) -> Updates:
        """Answer one question."""
        if not question.strip():
            return "", talk, thread
        try:
            turn = {"message": question, **({"thread_id": thread} if thread else {})}
            said = self._client_for(key).post("/api/chat", turn)
        except CallFailed as error:
            said = {"answer": str(error), "thread_id": thread}
        # The chat shows HTML even where it is told not to render markdown, so it gets escaped text.
        turns = (("user", question), ("assistant", said["answer"]))
        talk = [*talk, *({"role": role, "content": render.text(words)} for role, words in turns)]
        return "", talk, said["thread_id"]

    def analyse(self, look: str, dry_run: bool, key: str) -> str:
        """Send the telemetry in the editor and show the decision."""
        try:
            json.loads(look)
        except (ValueError, RecursionError) as error:
            return render.notice(f"This is not JSON: {error}.")
        client = self._client_for(key)
        query = {"dry_run": "true"} if dry_run else {}
        return _attempt(lambda: render.decision(client.post("/api/analyze", look.encode(), **query)))

    def search(self, query: str, count: float, key: str) -> str:
        """Show what memory finds."""
        if not query.strip():
            return ""
        asked = {"query": query, "top_k": int(count)}
        return _attempt(lambda: render.found(self._client_for(key).post("/api/memory/search", asked)["results"]))
