"""The rules of the house: who may import whom, file length, what start-up may load, what the documents promise."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer
import yaml

from research import FLOW
from research.cli import app
from research.config import DATASET_SCHEMAS, MODEL_SCHEMAS
from research.datasets import load_dataset
from research.models import MODELS, model_class
from research.records import PRIMARY_LABELS, STANCE_LABELS

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "research"
MODULES = sorted(PACKAGE.rglob("*.py"))
SHARED = {"config", "records"}
BANNED = {"utils", "helpers", "common", "misc", "base", "manager", "handler"}
LONGEST = 400


def imported(path: Path) -> set[str]:
    """The rooms and modules of the package that a file names in any import, lazy ones too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            full = node.module or ""
            names |= {full} if full != "research" else {f"research.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {name.split(".")[1] for name in names if name.startswith("research.")}


def test_rooms_are_the_flow_in_alphabetical_order() -> None:
    rooms = {p.name for p in PACKAGE.iterdir() if p.is_dir() and not p.name.startswith("__")}
    assert rooms - {"cli", "config"} == set(FLOW)
    assert list(FLOW) == sorted(FLOW)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_module_imports_only_to_its_left(path: Path) -> None:
    parts = path.relative_to(PACKAGE).parts
    room = parts[0] if len(parts) > 1 else None
    if room in FLOW:
        allowed = SHARED | set(FLOW[: FLOW.index(room) + 1])
        if room == "scoring":
            allowed.discard("models")
        assert imported(path) <= allowed
    elif parts[0] in SHARED | {"records.py"}:
        assert imported(path) <= SHARED


def test_only_workflows_import_mlflow() -> None:
    for path in MODULES:
        if "workflows" not in path.parts:
            assert not re.search(r"^\s*(import|from) mlflow", path.read_text(encoding="utf-8"), re.MULTILINE), path


@pytest.mark.parametrize("path", [*MODULES, *sorted((ROOT / "tests").glob("*.py"))], ids=lambda p: p.name)
def test_file_fits_one_sitting(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST
    assert path.stem not in BANNED


def test_command_line_starts_light() -> None:
    heavy = "torch transformers sklearn datasets mlflow numpy pandas pydantic yaml"
    code = f"import research.cli, sys; print([m for m in {heavy.split()} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_model_registry_matches_config() -> None:
    assert set(MODELS) == set(MODEL_SCHEMAS)
    for kind in MODELS:
        assert hasattr(model_class(kind), "predict_proba")


def test_recipes_are_valid() -> None:
    from research.config import RunConfig, validate

    for folder, section in (("models", "model"), ("datasets", "dataset")):
        for path in sorted((ROOT / "configs" / folder).glob("*.yaml")):
            validate(RunConfig, {section: yaml.safe_load(path.read_text(encoding="utf-8"))}, path.name)


def test_codebook_defines_every_label_and_rule() -> None:
    book = (ROOT / "docs/codebook.md").read_text(encoding="utf-8")
    for label in (*PRIMARY_LABELS, *STANCE_LABELS):
        assert f"**{label}**" in book
    rules = set(re.findall(r"^\| ([a-z]+(?:-[a-z]+)+) \|", book, re.MULTILINE))
    shipped = load_dataset(DATASET_SCHEMAS["shipped"]())
    used = {rule for split in shipped.splits for rule in shipped.rules(split)}
    assert used == rules


def test_readme_shows_the_commands_and_the_tree() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    command = typer.main.get_command(app)
    listed = set(re.findall(r"^\| `research ([a-z]+)", readme, re.MULTILINE))
    assert listed == set(command.commands)  # type: ignore[attr-defined]
    tree = readme[readme.index("```text") :].split("```")[1]
    rooms = re.findall(r"^ {2}([a-z]+)/", tree, re.MULTILINE)
    assert rooms == list(FLOW)
    for entry in re.findall(r"^([A-Za-z.]+/?) ", tree, re.MULTILINE):
        assert (ROOT / entry).exists(), entry
    assert "make demo" in readme and "make test" in readme


def test_every_make_target_is_explained() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    assert targets == set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
