"""What holds for every test: nothing of the developer's environment leaks in, and nothing gets out.

The guard over the network is for what this process does through Python's sockets. It cannot see libraries that bring
their own (libpq, gRPC, uvloop, Chroma's Rust) nor child processes: for these the environment says "offline", and they
are only ever given addresses on 127.0.0.1.
"""

import ipaddress
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings as hypothesis_settings

pytest_plugins = ["tests.services", "tests.sizes", "tests.skips"]

OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "ANONYMIZED_TELEMETRY": "False",
    "LANGSMITH_TRACING": "false",
    "TOKENIZERS_PARALLELISM": "false",
}
OURS = ("AURORA_", "OPENAI_", "LANGSMITH_", "LANGCHAIN_")
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


# --- no test can reach the world -----------------------------------------------------------------------------------


class OutsideWorld(RuntimeError):
    """A test tried to reach something other than this machine."""


def _is_here(host: object) -> bool:
    text = host.decode() if isinstance(host, bytes) else host
    if text in (None, "", "localhost", "0.0.0.0", "::"):
        return True
    try:
        return ipaddress.ip_address(str(text).partition("%")[0]).is_loopback
    except ValueError:
        return False


def _guard(event: str, arguments: tuple[Any, ...]) -> None:
    if not event.startswith("socket."):
        return
    if event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        host = arguments[0]
    elif event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        if arguments[0].family not in (socket.AF_INET, socket.AF_INET6) or arguments[1] is None:
            return
        host = arguments[1][0]
    else:
        return
    if not _is_here(host):
        raise OutsideWorld(f"{event} to {host!r}: tests reach nothing but this machine")


sys.addaudithook(_guard)


# --- the developer's environment stays outside ---------------------------------------------------------------------


def pytest_configure(config: pytest.Config) -> None:
    """Set what must stand before the first heavy import."""
    os.environ.update(OFFLINE)
    for name in [n for n in os.environ if (n.startswith(OURS) and n not in OFFLINE) or n.lower() in PROXIES]:
        del os.environ[name]
    if "PYTEST_XDIST_WORKER" in os.environ:
        os.environ.setdefault("OMP_NUM_THREADS", "1")  # the processors are shared out between the workers already


@pytest.fixture(scope="session", autouse=True)
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An empty folder to stand in that is also the home: no `.env` and no `~/.aurora` of the developer's is seen."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("HOME", str(folder))
        yield folder


@pytest.fixture(autouse=True)
def clean_environment(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin each test there, with no setting in the environment."""
    monkeypatch.chdir(empty_home)
    for name in [n for n in os.environ if n.startswith(OURS) and n not in OFFLINE]:
        monkeypatch.delenv(name)


@pytest.fixture
def aurora_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """AURORA_HOME of this test: a folder that is not there yet."""
    home = tmp_path / "aurora"
    monkeypatch.setenv("AURORA_HOME", str(home))
    return home


# --- generated examples --------------------------------------------------------------------------------------------

hypothesis_settings.register_profile("local", deadline=None)
hypothesis_settings.register_profile("ci", deadline=None, derandomize=True, database=None)
hypothesis_settings.load_profile("ci" if os.environ.get("CI") else "local")
