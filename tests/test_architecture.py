"""The shape that DESIGN fixes: imports run one way, and the contracts that say so can fail."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("aurora", "app", "evals")


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(
        command, cwd=folder, env={"PYTHONPATH": str(folder)}, capture_output=True, text=True, check=False
    )


def test_imports_run_one_way() -> None:
    answer = lint_imports(ROOT)

    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_an_import_against_the_layers_is_found(tmp_path: Path) -> None:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / "aurora" / "domain.py").open("a", encoding="utf-8") as domain:
        domain.write("\nimport aurora.policy\nimport torch\n")

    answer = lint_imports(tmp_path)

    assert answer.returncode == 1, answer.stdout + answer.stderr
    assert "aurora.domain -> aurora.policy" in answer.stdout
    assert "aurora.domain -> torch" in answer.stdout


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_says_what_it_is(package: str) -> None:
    files = [path for path in (ROOT / package).rglob("*.py") if path.read_text(encoding="utf-8").strip()]

    assert [
        str(path.relative_to(ROOT)) for path in files if not path.read_text(encoding="utf-8").startswith('"""')
    ] == []
