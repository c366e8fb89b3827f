"""The command line as people and scripts use it: exit status, the exact words of a failure, formats, round trips."""

import csv
import io
import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from research.cli import app
from research.models import MODELS
from research.records import ATTRIBUTION_LABELS, PRIMARY_LABELS

FAST = ("--folds", "2", "--set", "scoring.draws=100")
NAME = "tfidf-logreg-shipped-s0"
TEXT = "The ministry denied that its drones had crossed the border. It rained.\n\nAn inquiry might follow.\n"
GOOD = json.dumps({"article_id": "good", "text": TEXT}) + "\n"


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


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.setenv("RESEARCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose store holds three runs: a promoted linear model, a floor, and one of the other task."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        first = research("train", "--model", "tfidf-logreg", "--promote", *FAST)
        assert first.exit_code == 0, first.stderr
        lines = first.stderr.splitlines()
        assert lines[-1] == "champion of task 'attribution' is now version 1"
        assert [line for line in lines[:-1] if not line.startswith("[")] == []  # nothing but our own progress
        for extra in (("--model", "majority"), ("--model", "cues", "--task", "primary")):
            assert research("train", *extra, *FAST).exit_code == 0
    return folder


@pytest.fixture
def store(trained: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)  # MLflow sets it for the process: there is one store
    monkeypatch.chdir(trained)
    return trained


@pytest.fixture
def empty(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a store that holds no run: the tables of `trained`, emptied, since creating them takes seconds."""
    shutil.copy(trained / "mlflow.db", tmp_path)
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as database, database:
        tables = [name for (name,) in database.execute("select name from sqlite_master where type = 'table'")]
        for name in set(tables) - {"alembic_version", "workspaces"}:
            database.execute(f'delete from "{name}"')
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def checkpoint(trained: Path, tmp_path: Path) -> Path:
    """A copy of a trained model's folder, to be damaged."""
    found = next(trained.rglob("linear.safetensors"))
    return Path(shutil.copytree(found.parent, tmp_path / "model"))


def articles(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def article(i: int, *labels: str, **more: Any) -> dict[str, Any]:
    """A labelled article of two sentences that resembles no other one."""
    text = f"Minister number {i} spoke in town {i * 7919 % 1000} of item {i * 31 % 97}. It rained on day {i * 13 % 61}."
    cut = text.index(". ") + 1
    sentences = [{"start": 0, "end": cut, "labels": labels}, {"start": cut + 1, "end": len(text), "labels": []}]
    return {"article_id": f"a{i}", "text": text, "sentences": sentences, **more}


def parsed(form: str, text: str) -> list[dict[str, Any]]:
    if form == "csv":
        return list(csv.DictReader(io.StringIO(text)))
    return json.loads(text) if form == "json" else [json.loads(line) for line in text.splitlines()]


# --- what works -----------------------------------------------------------------------------------------------


def test_train_runs_compare_evaluate_models(store: Path) -> None:
    names = [run["name"] for run in parsed("json", research("runs", "--format", "json").stdout)]
    assert names[-3:] == ["cues-shipped-s0", "majority-shipped-s0", NAME]
    floor = next(r for r in parsed("json", research("runs", "--format", "json").stdout) if "majority" in r["name"])
    (found,) = parsed("json", research("compare", NAME, floor["run_id"][:8], "--format", "json").stdout)
    assert all(one["a_only"] > one["b_only"] and one["p_holm"] < 0.05 for one in found["labels"]["cv"])  # McNemar
    assert found["a"]["name"] == NAME and found["tests"]["test"]["articles"] == 27
    assert found["parameters"]["model.kind"] == ["tfidf-logreg", "majority"]
    result = research("evaluate", "attribution@champion", "--dataset", "shipped:test", "--format", "jsonl")
    assert result.exit_code == 0 and result.stderr == ""
    scores = {row["metric"]: row["value"] for row in parsed("jsonl", result.stdout)}
    assert scores["macro_f1"] == pytest.approx(found["metrics"]["test/macro_f1"][0])
    models = parsed("jsonl", research("models", "--format", "jsonl").stdout)
    assert {"name": "attribution@champion", "what": "registered", "version": "1"} in models


@pytest.mark.parametrize("form", ["json", "jsonl", "csv"])
@pytest.mark.parametrize(
    "command", ["runs", "models", "data list", "data show shipped", "data audit shipped", f"compare {NAME} {NAME}"]
)
def test_machine_formats_parse(store: Path, command: str, form: str) -> None:
    result = research(*command.split(), "--format", form)
    assert (result.exit_code, result.stderr) == (0, "")
    assert len(parsed(form, result.stdout)) >= 1


def test_classify_jsonl_is_the_contract(store: Path) -> None:
    result = research("classify", "-", "--format", "jsonl", stdin=GOOD)
    assert (result.exit_code, result.stderr) == (0, "")
    (found,) = parsed("jsonl", result.stdout)
    assert list(found) == ["article_id", "origin", "title", "language", "primary", "shares", "sentences", "models"]
    assert (found["article_id"], found["origin"], found["title"]) == ("good", "stdin:1", None)
    assert set(found["primary"]) == {"label", "probabilities", "derived"} and found["primary"]["derived"] is True
    assert found["primary"]["label"] in PRIMARY_LABELS
    assert list(found["shares"]) == list(PRIMARY_LABELS)
    assert len(found["sentences"]) == 3
    for sentence in found["sentences"]:
        assert list(sentence) == ["start", "end", "text", "labels", "probabilities"]
        assert TEXT[sentence["start"] : sentence["end"]] == sentence["text"]
        assert list(sentence["probabilities"]) == list(ATTRIBUTION_LABELS)
    assert found["sentences"][1]["labels"] == []
    (run,) = (r for r in parsed("json", research("runs", "--format", "json").stdout) if r["name"] == NAME)
    assert found["models"] == {"attribution": {"name": "attribution", "version": "1", "run_id": run["run_id"]}}


def test_classify_in_every_format_agrees(store: Path, tmp_path: Path) -> None:
    articles(tmp_path / "two.jsonl", json.loads(GOOD), {"article_id": "b", "text": "Rain."})
    (tmp_path / "x.txt").write_text("Snow.")
    runs = {form: research("classify", tmp_path, "--format", form) for form in ("json", "jsonl", "csv", "table")}
    assert {result.exit_code for result in runs.values()} == {0}
    assert parsed("json", runs["json"].stdout) == parsed("jsonl", runs["jsonl"].stdout)
    rows = parsed("csv", runs["csv"].stdout)
    assert [row["article_id"] for row in rows] == ["good", "good", "good", "b", "x.txt"]
    assert all(row["text"] in runs["table"].stdout for row in rows)


def test_classify_with_a_primary_model_derives_nothing(store: Path) -> None:
    result = research("classify", "-", "--model", "cues-shipped-s0", "--format", "jsonl", stdin=GOOD)
    (found,) = parsed("jsonl", result.stdout)
    assert "derived" not in found["primary"] and found["sentences"] == [] and list(found["models"]) == ["primary"]


def test_a_bad_article_in_the_middle_costs_only_itself(store: Path, tmp_path: Path) -> None:
    file = tmp_path / "in.jsonl"
    file.write_text(GOOD + '{"article_id": \n' + GOOD)
    result = research("classify", file, "--format", "jsonl")
    assert result.exit_code == 1
    assert [row["origin"] for row in parsed("jsonl", result.stdout)] == [f"{file}:1", f"{file}:3"]
    assert result.stderr.splitlines() == [
        f"error: {file}:2: not JSON: Expecting value at column 16",
        "2 articles classified, 1 failed",
    ]


def test_the_seed_decides(empty: Path) -> None:
    data = articles(
        empty / "d.jsonl", *(article(i, *["denial"] * (i % 3 == 0)) for i in range(9)), article(9, split="test")
    )

    def metrics(seed: int) -> list[dict[str, Any]]:
        result = research("train", "--dataset", data, "--seed", seed, *FAST, "--format", "json")
        assert result.exit_code == 0, result.stderr
        return [{k: v for k, v in row.items() if k != "run_id"} for row in parsed("json", result.stdout)]

    assert metrics(0) == metrics(0)
    run_names = {run["name"] for run in parsed("json", research("runs", "--format", "json").stdout)}
    assert run_names == {"tfidf-svm-d-s0"}
    other = metrics(3)
    assert other[0]["run_name"] == "tfidf-svm-d-s3"
    assert [row["value"] for row in other] != [row["value"] for row in metrics(0)]


def test_logged_model_is_served_and_holds_no_pickle(store: Path, tmp_path: Path) -> None:
    import mlflow
    import pandas as pd

    (run,) = (r for r in parsed("json", research("runs", "--format", "json").stdout) if r["name"] == NAME)
    mlflow.set_tracking_uri(f"sqlite:///{store / 'mlflow.db'}")
    model = mlflow.pyfunc.load_model(f"runs:/{run['run_id']}/model")
    found = model.predict(pd.DataFrame({"text": ["It rained.", TEXT]}))
    assert found["row"].tolist() == [0, 1, 1, 1] and set(ATTRIBUTION_LABELS) < set(found.columns)
    kinds = {f.suffix for f in store.rglob("artifacts/data/checkpoint/*")}
    assert kinds == {".json", ".safetensors"}


# --- what cannot be classified --------------------------------------------------------------------------------

UNREADABLE = {
    "no.txt": (None, "{}: no such file or folder"),
    "latin.txt": ("café denied".encode("latin-1"), "{}: not UTF-8 (byte 0xe9 at offset 3); convert it first"),
    "empty.txt": (b"", "{}: no text"),
    "blank.jsonl": (b'{"article_id": "a", "text": " "}\n', "{}:1: no text"),
    "binary.txt": (bytes(range(256)), "{}: looks like a binary file"),
    "picture.png": (b"\x89PNG\r\n\x1a\n\0\0", "{}: looks like a binary file"),
    "none.html": (b"<html><body><script>1</script></body></html>", "{}: no article text found in the page"),
    "offsets.jsonl": (
        b'{"article_id": "a", "text": "Short.", "sentences": [[0, 99]]}\n',
        "{}:1: sentences[0]: end 99 is beyond the text (6 characters)",
    ),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_an_unreadable_article_is_one_line(store: Path, tmp_path: Path, name: str) -> None:
    content, message = UNREADABLE[name]
    if content is not None:
        (tmp_path / name).write_bytes(content)
    said = fails("classify", tmp_path / name)
    assert said == message.format(tmp_path / name) + "\n0 articles classified, 1 failed"


def test_a_folder_without_articles(store: Path, tmp_path: Path) -> None:
    known = ".txt, .md, .html, .htm, .jsonl, .csv, .parquet, .pdf, .warc"
    message = f"{tmp_path}: no articles in this folder (known suffixes: {known})\n0 articles classified, 1 failed"
    assert fails("classify", tmp_path) == message


@pytest.mark.slow
def test_a_million_characters_are_classified(store: Path, tmp_path: Path) -> None:
    (tmp_path / "big.txt").write_text((TEXT * 11_000)[:1_000_000])
    started = time.monotonic()
    result = research("classify", tmp_path / "big.txt", "--format", "csv")
    assert result.exit_code == 0 and len(parsed("csv", result.stdout)) > 30_000
    assert time.monotonic() - started < 90


# --- models and runs that are not there -----------------------------------------------------------------------


def test_a_store_without_champion(empty: Path) -> None:
    (empty / "a.txt").write_text(TEXT)
    assert research("runs", "--format", "json").stdout == "[]\n"
    assert research("classify", "a.txt").stderr.startswith("no champion yet: using the bundled models")


def test_references_that_lead_nowhere(store: Path, tmp_path: Path) -> None:
    uri = f"sqlite:///{store}/mlflow.db"
    assert fails("compare", NAME, "nope").startswith(f"no run or model folder 'nope' in {uri}; newest runs: ")
    assert fails("classify", "-", "--model", "a@b") == f"no model a@b in {uri}; known: attribution@champion"
    assert fails("classify", "-", "--model", "").startswith(f"no run or model folder '' in {uri}; newest runs: ")
    assert fails("classify", "-", "--model", tmp_path) == f"{tmp_path}: not a model folder (checkpoint.json is missing)"
    twice = ("--model", "attribution@champion", "--model", NAME)
    assert fails("classify", "-", *twice) == f"--model {NAME}: a second model for task 'attribution'; one per task"
    tasks = f"{NAME} is a run of task 'attribution', cues-shipped-s0 of 'primary'; only runs of one task compare"
    assert fails("compare", NAME, "cues-shipped-s0") == tasks


HEADS: dict[str, tuple[dict[str, Any] | str, str]] = {
    "format": ({"format": 9}, "format 9; this version reads 1"),
    "broken": ('{"format": ', "not JSON: Expecting value: line 1 column 12 (char 11)"),
    "list": ("[1]", "expected an object, found a list"),
    "task": ({"task": "topic"}, "unknown task 'topic'; known: attribution, primary, stance"),
    "labels": ({"labels": ["a"]}, f"labels a are not those of the task: {', '.join(ATTRIBUTION_LABELS)}"),
    "kind": ({"model": {"kind": "x"}}, f"model.kind: unknown kind 'x'; known: {', '.join(MODELS)}"),
    "thresholds": ({"thresholds": [0.5]}, "1 thresholds for 3 labels"),
}


@pytest.mark.parametrize("case", HEADS)
def test_a_checkpoint_of_another_make_is_refused(checkpoint: Path, case: str) -> None:
    file = checkpoint / "checkpoint.json"
    change, message = HEADS[case]
    file.write_text(change if isinstance(change, str) else json.dumps(json.loads(file.read_text()) | change))
    assert fails("classify", "-", "--model", checkpoint) == f"{file}: {message}"


def test_a_damaged_checkpoint_names_its_file(checkpoint: Path) -> None:
    file = checkpoint / "linear.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[:1000])
    message = f"{file}: 1000 bytes, expected {len(whole)}; the file is damaged"
    assert fails("classify", "-", "--model", checkpoint) == message
    file.write_bytes(bytes(len(whole)))
    assert fails("classify", "-", "--model", checkpoint).startswith(f"{checkpoint}: cannot be read as a model 'tfidf-")
    file.unlink()
    assert fails("classify", "-", "--model", checkpoint) == f"{file}: no such file; the model is not whole"


# --- datasets that cannot be learned from ---------------------------------------------------------------------


def test_evaluating_on_training_articles(store: Path, tmp_path: Path) -> None:
    command = ("evaluate", NAME, "--dataset")
    seen = "the model was trained on 134 of its 134 articles; leave them out with --drop-seen"
    assert fails(*command, "shipped:train") == f"shipped:train: {seen}"
    none = "shipped:train: no unseen article is annotated for task 'attribution'"
    assert fails(*command, "shipped:train", "--drop-seen") == none
    assert fails(*command, "shipped:all") == "shipped: unknown split 'all'; known: train, dev, test"
    assert fails(*command, "shipped") == "--dataset shipped: expected NAME:SPLIT, such as attribution-gold:dev"
    assert fails(*command, "nope:test").startswith("unknown dataset 'nope'; known: ")


def test_datasets_that_cannot_be_trained_on(empty: Path) -> None:
    data = empty / "d.jsonl"
    train = ("train", "--dataset", data, *FAST)
    assert fails(*train) == f"{data}: no such file"
    articles(data, article(1, "denial"), article(2))
    too_few = "train.folds: 2 folds need as many articles or events; train has 1"
    assert fails(*train) == too_few
    assert fails(*train, "--task", "primary") == "d: no article of train is annotated for task 'primary'"
    twin = article(1, "denial") | {"article_id": "b", "split": "test"}
    articles(data, article(1, "denial", split="train"), article(3, split="train"), twin)
    said = fails(*train)
    assert "1 pairs of articles" in said and "(first: a1 in train, b in test, exact)" in said and "--drop-leaks" in said
    assert fails(*train, "--drop-leaks") == too_few
    data.write_text("{\n[1]\n")
    assert fails(*train).splitlines() == [
        f"{data}:1: not JSON: Expecting property name enclosed in double quotes at column 2",
        f"error: {data}:2: an article is an object with article_id and text, not a list",
    ]


@pytest.mark.parametrize("model", ["tfidf-svm", "tfidf-logreg"])
def test_labels_that_never_or_always_occur_are_no_trouble(empty: Path, model: str) -> None:
    """No positive example of any label for one task, a single value for the other."""
    data = articles(empty / "d.jsonl", *(article(i, primary="denial") for i in range(6)))
    for task in ("attribution", "primary"):
        result = research("train", "--dataset", data, "--model", model, "--task", task, *FAST, "--format", "jsonl")
        assert result.exit_code == 0, result.stderr


# --- the store, signals, pipes --------------------------------------------------------------------------------


def start(*arguments: str, **more: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", "from research.cli import app; app()", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)


def status_of_only_run(folder: Path) -> str:
    with closing(sqlite3.connect(folder / "mlflow.db")) as database:
        ((status,),) = database.execute("select status from runs")
    return str(status)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_is_killed_and_exits_130(empty: Path, number: signal.Signals) -> None:
    training = start("train", "--set", "train.folds=14")
    assert training.stderr
    first = training.stderr.readline()
    assert first.startswith("[") and "fold" in first
    training.send_signal(number)
    said = training.stderr.read()
    training.wait()
    assert (training.returncode, said.splitlines()[-1]) == (130, "interrupted")
    assert "Traceback" not in said and status_of_only_run(empty) == "KILLED"


def test_an_error_marks_the_run_failed(empty: Path) -> None:
    data = articles(empty / "d.jsonl", *(article(i) for i in range(6)))
    assert research("train", "--dataset", data, *FAST, "--folds", "6").exit_code == 2
    assert status_of_only_run(empty) == "FAILED"


def test_a_closed_pipe_is_no_traceback(store: Path, tmp_path: Path) -> None:
    file = articles(tmp_path / "in.jsonl", *({"article_id": str(i), "text": TEXT} for i in range(300)))
    with start("classify", str(file), "--format", "jsonl") as classifying:
        assert classifying.stdout and classifying.stderr
        assert json.loads(classifying.stdout.readline())["article_id"] == "0"
        classifying.stdout.close()
        said = classifying.stderr.read()
    assert (classifying.returncode, said) == (141, "")
