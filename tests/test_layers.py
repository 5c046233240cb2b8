"""The house itself: imports go one way, one door a vendor, files and functions stay small."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
PACKAGES = ("infra", "features", "models", "pipelines", "dags")
LINT = Path(sys.executable).parent / "lint-imports"
MAX_FILE_LINES, MAX_FUNCTION_LINES = 250, 40


def sources() -> list[Path]:
    return sorted(path for package in PACKAGES for path in (PROJECT / package).rglob("*.py"))


def lint(project: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([LINT, "--no-cache"], cwd=project, capture_output=True, text=True, check=False)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    for name in (*PACKAGES, "pyproject.toml"):
        source = PROJECT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "*.nb*"))
        else:
            shutil.copy(source, tmp_path / name)
    return tmp_path


def test_the_contracts_hold() -> None:
    done = lint(PROJECT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("module", "statement", "contract"),
    [
        ("infra/errors.py", "import pipelines.steps", "Imports go one way"),
        ("features/book.py", "import models.policy", "Imports go one way"),
        ("models/gates.py", "import infra.lake", "Measuring and deciding are pure"),
        ("pipelines/gate.py", "import mlflow", "MLflow has one door"),
        ("pipelines/validate.py", "import deltalake", "Delta has one door"),
        ("pipelines/backtest.py", "import pipelines.desk.hidden", "hidden market"),
    ],
)
def test_a_planted_import_breaks_its_contract(copied: Path, module: str, statement: str, contract: str) -> None:
    planted = copied / module
    planted.write_text(planted.read_text() + f"\n\ndef _planted() -> None:\n    {statement}\n")
    done = lint(copied)
    assert done.returncode != 0
    assert re.search(rf"{contract}.*BROKEN", done.stdout), done.stdout


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(PROJECT)))
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= MAX_FILE_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno < MAX_FUNCTION_LINES, f"{node.name} is too long"


def test_no_file_has_a_name_that_says_nothing() -> None:
    assert not [path for path in sources() if path.stem in {"utils", "helpers", "common", "misc"}]


def test_no_dag_file_has_the_name_of_a_package() -> None:
    assert not {path.stem for path in (PROJECT / "dags").glob("*.py")} & set(PACKAGES)


def test_every_step_is_one_module_with_run() -> None:
    from importlib import import_module

    from pipelines.steps import STEPS

    assert all(callable(import_module(step.module).run) for step in STEPS)
