"""The API's description as one page that needs no network and runs no script."""

import json
from html import escape
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

router = APIRouter(include_in_schema=False)

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "code,pre{font:14px/1.4 ui-monospace,monospace}pre{background:#8881;padding:.6rem;overflow:auto}"
    "summary{cursor:pointer;padding:.3rem 0}b{display:inline-block;width:4rem}"
)


@router.get("/docs")
async def docs(request: Request) -> HTMLResponse:
    """Show every call with what it takes and an example."""
    document = request.app.openapi()
    calls = "".join(
        _call(method, path, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    )
    title = escape(document["info"]["title"])
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
        f"<h1>{title}</h1><p>{escape(document['info']['description'])}</p>"
        f'<p>For machines: <a href="/openapi.json">openapi.json</a>.</p>{calls}</html>'
    )
    return HTMLResponse(page, headers={"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"})


def _call(method: str, path: str, operation: dict[str, Any]) -> str:
    summary = operation.get("description", "").splitlines() or [""]
    takes = "".join(_parameter(one) for one in operation.get("parameters", []))
    example = _example(operation)
    return (
        f"<details><summary><b>{method.upper()}</b> <code>{escape(path)}</code> {escape(summary[0])}</summary>"
        f"<p>{escape(' '.join(summary[1:]))}</p><ul>{takes}</ul>{example}</details>"
    )


def _parameter(parameter: dict[str, Any]) -> str:
    said = parameter.get("description", "")
    return f"<li><code>{escape(parameter['name'])}</code> ({parameter['in']}) {escape(said)}</li>"


def _example(operation: dict[str, Any]) -> str:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    shown = (json.dumps(one["value"], indent=1) for one in content.get("examples", {}).values())
    return "".join(f"<pre>{escape(text)}</pre>" for text in shown)
