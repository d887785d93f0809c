"""Puts a table between the marks of a section: figures in the docs are written by what measured them."""

from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent / "docs"


def put(document: str, section: str, text: str) -> Path:
    """Replace a section of docs/`document` and return the file. Raises `LookupError` where there is none."""
    path, begin, end = DOCS / document, f"<!-- {section} -->\n", f"<!-- /{section} -->"
    whole = path.read_text(encoding="utf-8")
    if begin not in whole or end not in whole:
        raise LookupError(f"{path} has no section {section!r}")
    before, rest = whole.split(begin, 1)
    path.write_text(f"{before}{begin}{text.rstrip()}\n{end}{rest.split(end, 1)[1]}", encoding="utf-8")
    return path
