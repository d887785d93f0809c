"""The web application around the pages: only the paths that they need, and no request that a foreign page sends."""

import re

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from app.auth import refuse_foreign_page
from app.problems import Forbidden
from app.ui.pages import build
from app.ui.style import CSS

_READ = re.compile(
    r"/(?:config|theme\.css|favicon\.ico|manifest\.json|robots\.txt|pwa_icon(?:/\d+)?"
    r"|(?:assets|static|svelte)/[^:]*"
    r"|gradio_api/(?:theme\.css|startup-events|queue/data|heartbeat/\w+|info|app_id))?/?"
)
_SENT = re.compile(r"/gradio_api/(?:queue/join|reset|cancel)/?")


def site(api_url: str, *, keys_required: bool = False) -> FastAPI:
    """Return the pages as an application. They act on the API at `api_url` with the key that a visitor types in."""
    import gradio

    outer = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    gradio.mount_gradio_app(
        outer,
        build(api_url),
        path="/",
        footer_links=[],
        run_history=False,
        allowed_paths=[],
        show_error=False,
        ssr_mode=False,
        mcp_server=False,
        enable_monitoring=False,
        pwa=False,
        # The machine's own fonts: nothing to fetch, and every letter is there.
        theme=gradio.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]),
        css=CSS,
    )
    outer.add_middleware(Door, keys_required=keys_required)
    return outer


class Door:
    """Lets through what the pages themselves ask for. Gradio serves uploads, proxies and more; none of it is needed."""

    def __init__(self, app: ASGIApp, *, keys_required: bool) -> None:
        self._app = app
        self._keys_required = keys_required

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 404 or 403 where the request is none of the pages' own, else pass it on."""
        refused = self._refusal(scope) if scope["type"] == "http" else None
        await (refused or self._app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        reads = scope["method"] in ("GET", "HEAD")
        if not (_READ if reads else _SENT).fullmatch(scope["path"]):
            return PlainTextResponse("There is no such page.", status_code=404)
        if reads:
            return None
        try:
            refuse_foreign_page(Headers(scope=scope), keys_required=self._keys_required)
        except Forbidden as error:
            return PlainTextResponse(str(error), status_code=403)
        return None
