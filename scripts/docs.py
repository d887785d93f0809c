"""Write what is generated from code, or with `--check` only say what is out of step.

`.env.example` is made from `aurora/settings.py` and from `ClientSettings` in `app/client.py`, and the diagram in
`README.md`, between `<!-- diagram -->` and `<!-- /diagram -->`, from the compiled graph. Run as
`python -m scripts.docs`.
"""

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import wrap
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo

ROOT = Path(__file__).resolve().parent.parent
HEADER = """\
# Every setting of AURORA with its default. Copy to .env and take away the # of what is to be different.
# An empty value is the same as none. Made from the code by `python -m scripts.docs`.
"""
COMMANDS = """
# --- for the commands ---
"""
DIAGRAM = re.compile(r"(?<=<!-- diagram -->\n).*?(?=<!-- /diagram -->)", re.DOTALL)


def env_example() -> str:
    """Return the text of `.env.example`."""
    from app.client import ClientSettings
    from aurora.settings import Settings

    settings = Settings.model_fields
    own = {name: field for name, field in ClientSettings.model_fields.items() if name not in settings}
    return HEADER + _settings(settings) + COMMANDS + _settings(own)


def _settings(fields: Mapping[str, FieldInfo]) -> str:
    return "".join(_setting(name, field) for name, field in fields.items())


def _setting(name: str, field: FieldInfo) -> str:
    variable = field.validation_alias if isinstance(field.validation_alias, str) else f"AURORA_{name.upper()}"
    comment = "\n".join(f"# {line}" for line in wrap(field.description or "", 116))
    return f"\n{comment}\n#{variable}={_shown(field.get_default(call_default_factory=True, validated_data={}))}\n"


def _shown(default: Any) -> str:
    if default is None or default == []:
        return ""
    if isinstance(default, SecretStr):
        raise TypeError("a secret has no default")
    return str(default)


def readme() -> str:
    """Return the text of `README.md` with the diagram as the graph has it."""
    from scripts.graph import graph

    mermaid = graph().get_graph().draw_mermaid().strip()
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return DIAGRAM.sub(lambda _: f"```mermaid\n{mermaid}\n```\n", text)


GENERATED: dict[str, Callable[[], str]] = {".env.example": env_example, "README.md": readme}


def out_of_step() -> list[str]:
    """Return the names of the generated files that are not what the code says."""
    return [name for name, made in GENERATED.items() if _there(ROOT / name) != made()]


def _there(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def main() -> None:
    """Write the files, or with `--check` end non-zero where one would change."""
    stale = out_of_step()
    if "--check" in sys.argv[1:]:
        sys.exit(f"Out of step, run `python -m scripts.docs`: {', '.join(stale)}" if stale else 0)
    for name in stale:
        (ROOT / name).write_text(GENERATED[name](), encoding="utf-8")
        print(f"wrote {name}")


if __name__ == "__main__":
    main()
