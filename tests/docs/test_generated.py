"""What is made from code is what the code says, and what the files at the top name exists."""

import importlib
import inspect
import json
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from app.client import ClientSettings
from aurora.settings import Settings
from scripts.docs import GENERATED, env_example

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = sorted(path.name for path in ROOT.glob("*.md"))
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


@pytest.mark.parametrize("name", GENERATED)
def test_a_generated_file_is_in_step_with_the_code(name: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8") == GENERATED[name](), "run `python -m scripts.docs`"


def test_every_default_of_the_example_is_the_default(tmp_path: Path) -> None:
    lines = [re.sub(r"^#(?=[A-Z_]+=)", "", line) for line in env_example().splitlines()]
    (tmp_path / ".env").write_text("\n".join(lines), encoding="utf-8")

    assert Settings(_env_file=tmp_path / ".env") == Settings(_env_file=None)
    assert ClientSettings(_env_file=tmp_path / ".env") == ClientSettings(_env_file=None)
    fields = Settings.model_fields | ClientSettings.model_fields
    assert sum(line.partition("=")[0].isupper() for line in lines) == len(fields)


def test_the_example_tells_how_the_commands_reach_a_server() -> None:
    _, _, told = env_example().partition("# --- for the commands ---")

    assert re.findall("^#([A-Z_]+)=", told, re.MULTILINE) == ["AURORA_URL", "AURORA_API_KEY"]


def test_langgraph_json_names_the_compiled_loop() -> None:
    named = json.loads((ROOT / "langgraph.json").read_text(encoding="utf-8"))["graphs"]["aurora"]
    path, _, variable = named.partition(":")
    module = importlib.import_module(path.removeprefix("./").removesuffix(".py").replace("/", "."))
    factory = getattr(module, variable)

    # A server of graphs would hand its own configuration to a factory's first argument.
    assert not inspect.signature(factory).parameters
    assert {"observe", "plan", "critique", "rule", "execute", "learn"} <= set(factory().get_graph().nodes)


def test_everything_declared_is_pinned_within_its_bounds() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [line for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines() if "==" in line]
    pins = dict(line.split("==") for line in lines)
    declared = [*project["dependencies"], *project["optional-dependencies"]["dev"]]

    for requirement in map(Requirement, declared):
        assert pins[canonicalize_name(requirement.name)] in requirement.specifier


@pytest.mark.parametrize("page", PAGES)
def test_links_between_files_lead_somewhere(page: str) -> None:
    links = LINK.findall((ROOT / page).read_text(encoding="utf-8"))

    assert [link for link in links if not (ROOT / link).exists()] == []
