"""Which backends there are, and what is said about those that there are not."""

from pathlib import Path

import pytest

from aurora.errors import Misconfigured
from aurora.sandbox import World
from aurora.settings import Settings
from aurora.tools import BACKENDS, build


def test_an_unknown_backend_is_answered_with_the_known_ones(world: World) -> None:
    with pytest.raises(Misconfigured, match="no alerting backend 'pigeon'; there are log, sandbox"):
        build("alerting", "pigeon", world)


def test_an_unknown_kind_is_answered_with_the_known_ones(world: World) -> None:
    with pytest.raises(
        Misconfigured, match="no kind of tool 'praying'; there are training, caching, routing, scaling, al"
    ):
        build("praying", "sandbox", world)


def test_every_kind_has_a_sandbox_backend() -> None:
    assert all("sandbox" in backends for backends in BACKENDS.values())


def test_the_backends_that_the_settings_name_by_default_exist(world: World, home: Path) -> None:
    chosen = Settings()
    named = {
        "training": chosen.trainer,
        "caching": chosen.cache,
        "routing": chosen.router,
        "scaling": chosen.scaler,
        "alerting": chosen.alerts,
    }
    assert {kind: build(kind, backend, world, home).name for kind, backend in named.items()} == {
        kind: f"{backend}.{kind}" for kind, backend in named.items()
    }
