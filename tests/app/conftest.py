"""One real AURORA for all tests of the app, and clients that talk to it as other programs do."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from app.api import create_app
from aurora import Aurora
from aurora.settings import Settings

KEYS = {
    "viewer": "vera:viewer:key-of-vera",
    "operator": "otto:operator:key-of-otto",
    "approver": "anna:approver:key:of:anna",
    "admin": "ada:admin:key-of-ada",
}


class OpenedWith:
    """An AURORA as it would be with other settings of the API, or with parts that behave otherwise."""

    def __init__(self, aurora: Aurora, settings: dict[str, Any], parts: dict[str, Any]) -> None:
        self._aurora = aurora
        self._parts = parts
        self.settings = aurora.settings.model_copy(update=settings)

    def __getattr__(self, name: str) -> Any:
        return self._parts[name] if name in self._parts else getattr(self._aurora, name)


Serve = Callable[..., httpx.AsyncClient]


@pytest.fixture(scope="session")
def aurora(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aurora]:
    home: Path = tmp_path_factory.mktemp("home")
    # The tests' models must not wait for each other: the whole fleet may be in change.
    with Aurora.open(Settings(home=home, fleet_share_in_change=1, _env_file=None)) as opened:
        assert opened.memory.wait_ready(120)
        yield opened


@pytest.fixture(scope="session")
def serve(aurora: Aurora) -> Serve:
    """Makes a client of a fresh API on the one AURORA; its settings and parts may be changed."""

    def served(settings: dict[str, Any] | None = None, **parts: Any) -> httpx.AsyncClient:
        app = create_app(OpenedWith(aurora, settings or {}, parts))  # type: ignore[arg-type]
        return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8000")

    return served


@pytest.fixture
async def api(serve: Serve) -> AsyncIterator[httpx.AsyncClient]:
    async with serve() as client:
        yield client


@pytest.fixture
async def locked_api(serve: Serve) -> AsyncIterator[httpx.AsyncClient]:
    """The API of an installation with keys; every request must bring its own."""
    async with serve({"api_keys": [SecretStr(entry) for entry in KEYS.values()]}) as client:
        yield client


@pytest.fixture
def bearer() -> dict[str, dict[str, str]]:
    """The header of each role."""
    return {role: {"Authorization": f"Bearer {entry.split(':', 2)[2]}"} for role, entry in KEYS.items()}
