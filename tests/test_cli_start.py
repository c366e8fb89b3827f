"""What the command line does before there is a run: it starts light, refuses, and leaves no half-written files."""

import json
import resource
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from research.cli import app


def research(*arguments: object, stdin: str | bytes | None = None) -> Result:
    """One command in this process; whatever is no exit of its own is a traceback and fails the test."""
    result = CliRunner().invoke(app, [str(a) for a in arguments], input=stdin)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def fails(*arguments: object) -> str:
    """What a command that did nothing says on stderr, less the word error."""
    result = research(*arguments)
    assert (result.exit_code, result.stdout) == (2, ""), result.stderr
    return result.stderr.removeprefix("error: ").removesuffix("\n")


def test_dry_run_fed_back_is_the_same_config(tmp_path: Path) -> None:
    first = research("train", "--dry-run", "--model", "tfidf-logreg", "--seed", "7", "--set", "model.c=0.1").stdout
    (tmp_path / "c.yaml").write_text(first)
    assert research("train", "--dry-run", "--config", tmp_path / "c.yaml").stdout == first


def test_gold_whose_text_is_another_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gold = {"article_id": "g", "corpus": "ruwa", "ref": "r", "sha256": "0" * 64, "primary": "background"}
    gold |= {"sampling": "random", "annotators": 1, "sentences": []}
    (tmp_path / "train.jsonl").write_text(json.dumps(gold | {"text": "Other."}))
    (tmp_path / "dev.jsonl").touch()
    monkeypatch.setenv("RESEARCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("RESEARCH_DATA", str(tmp_path))
    said = fails("data", "show", "attribution-gold")
    assert said == "train.jsonl:1: article g: sha256 of the text is 053a..., expected 0000..."


def test_wrong_options_are_one_line() -> None:
    assert fails("train", "--sed", "1").startswith("No such option: --sed")
    assert fails("runs", "--limit", "0").endswith("greater than or equal to 1; see --help")
    assert fails("data", "lst") == "No such command 'lst'. Did you mean 'list'?; see --help"


def test_an_interrupted_write_leaves_no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESEARCH_CACHE", str(tmp_path / "cache"))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))  # as a disk that is full in the middle of a file
    try:
        result = research("data", "show", "shipped", "--format", "json")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert result.exit_code == 0 and not any((tmp_path / "cache").iterdir())
    assert research("data", "show", "shipped", "--format", "json").stdout == result.stdout


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda file: file.mkdir(), "unable to open database file"),
        (lambda file: file.write_text("no database\n" * 100), "file is not a database"),
        (lambda file: file.parent.rmdir(), "no folder {}"),
    ],
)
def test_a_store_that_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Any, reason: str) -> None:
    folder = tmp_path / "store"
    folder.mkdir()
    make(folder / "mlflow.db")
    uri = f"sqlite:///{folder}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    for command in (("runs",), ("train", "--folds", "2"), ("classify", "-")):
        assert fails(*command).splitlines()[-1].endswith(f"cannot open the run store {uri}: {reason.format(folder)}")
