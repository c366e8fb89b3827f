"""The models that the package carries: small, without text, used where there is no champion, and as good as said."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from typer.testing import CliRunner

from research.cli import app
from research.config import dataset_config, run_config
from research.datasets import load_dataset
from research.records import TASKS, gold_rows
from research.scoring import join, score
from research.workflows.registry import BUNDLED_FOLDER, load_bundled
from research.workflows.train import annotated, text_digest, train

ROOT = Path(__file__).parents[1]
FILES = [file for file in BUNDLED_FOLDER.rglob("*") if file.is_file()]
REAL = pytest.mark.skipif("RESEARCH_DATA" not in os.environ, reason="needs the real corpora (RESEARCH_DATA)")
NOT_IMPORTED = ("sklearn", "mlflow", "datasets", "pyarrow", "pandas", "torch")


def test_small_and_nothing_but_numbers() -> None:
    assert sum(file.stat().st_size for file in FILES) < 4_000_000
    assert sorted(str(f.relative_to(BUNDLED_FOLDER)) for f in FILES) == [
        "README.md",
        *(
            f"{task}/{name}"
            for task in ("attribution", "primary", "stance")
            for name in ("checkpoint.json", "linear.safetensors")
        ),
    ]
    for task in ("attribution", "primary", "stance"):
        head = json.loads((BUNDLED_FOLDER / task / "checkpoint.json").read_text())
        texts = head["trained_on"].pop("texts")
        assert all(re.fullmatch(r"[0-9a-f]{16}", digest) for digest in texts)
        # Older ones have no calibration and no errors. Both are lists of numbers, else a word would stay here.
        for lists in ("calibration", "errors"):
            head[lists] = re.sub(r"[-+\d.,\s\[\]]+", " ", json.dumps(head.get(lists)))
        assert len(json.dumps(head)) < 2000  # no place for anybody's words


def test_classify_before_any_training(tmp_path: Path) -> None:
    script = f"""
import sys
from typer.testing import CliRunner
from research.cli import app
result = CliRunner().invoke(app, ["classify", "a.txt", "--format", "jsonl"])
print(result.stdout, end="")
print(result.stderr, file=sys.stderr, end="")
assert not [m for m in {NOT_IMPORTED} if m in sys.modules], "too much imported"
"""
    (tmp_path / "a.txt").write_text((ROOT / "docs" / "sample-article.txt").read_text())
    # MLflow sets the variable in this process once another test has opened a store
    environment = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("no champion yet: using the bundled models")
    prediction = json.loads(done.stdout)
    assert prediction["primary"]["label"] == "denial" and "derived" not in prediction["primary"]
    assert prediction["sentences"][0]["labels"] == ["official_statement", "denial"]
    assert {task: model["name"] for task, model in prediction["models"].items()} == {
        "attribution": "bundled/attribution",
        "primary": "bundled/primary",
    }
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.txt"]  # no store for a mere question


def test_bundled_models_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text("The ministry denied the report.")
    both = CliRunner().invoke(app, ["classify", "a.txt", "--model", "bundled"])
    assert both.exit_code == 0 and both.stderr == ""
    one = CliRunner().invoke(app, ["classify", "a.txt", "--model", "bundled/attribution"])
    assert json.loads(one.stdout)["primary"]["derived"]
    none = CliRunner().invoke(app, ["classify", "a.txt", "--model", "bundled/topic"])
    known = "known: bundled/attribution, bundled/primary, bundled/stance"
    assert (none.exit_code, none.stderr) == (2, f"error: no model bundled/topic; {known}\n")


def test_never_trained_on_what_it_is_scored_on() -> None:
    shipped = load_dataset(dataset_config("shipped"))
    for checkpoint, _ in load_bundled().values():
        seen = set(checkpoint.trained_on["texts"])
        assert {text_digest(a) for a in shipped.articles("train")} <= seen
        assert not {text_digest(a) for split in ("dev", "test") for a in shipped.articles(split)} & seen


@REAL
@pytest.mark.parametrize(
    ("name", "on", "where"),
    [
        ("attribution", "attribution-gold:dev", "gold dev"),
        ("primary", "attribution-gold:dev", "gold dev"),
        ("stance", "emergent:test", "Emergent test"),
        pytest.param("stance", "fnc-1:test", "FNC-1 test", marks=pytest.mark.slow),
    ],
)
def test_as_good_on_real_news_as_its_card_says(name: str, on: str, where: str) -> None:
    task, card = TASKS[name], (BUNDLED_FOLDER / "README.md").read_text()
    dataset, split = on.split(":")
    unseen = load_dataset(dataset_config(dataset)).articles(split)
    checkpoint, _ = load_bundled()[name]
    assert not {text_digest(article) for article in unseen} & set(checkpoint.trained_on["texts"])
    examples = annotated(task, unseen)
    scores = score(join(gold_rows(task, examples), checkpoint.predict(examples)), draws=100)
    metric = "macro_f1_present" if task.pair else "macro_f1"
    macro = next(s.value for s in scores if s.metric == metric)
    said = re.search(rf"^\| {name} \| {where}[^|]* \| \.(\d+) ", card, re.M)
    assert said and abs(macro - float(f".{said[1]}")) < 0.0006


@pytest.mark.slow
@REAL
@pytest.mark.parametrize(
    ("name", "dataset"),
    [
        ("attribution", "gold-and-shipped++attribution-silver"),
        ("primary", "gold-and-shipped"),
        ("stance", "stance-news"),
    ],
)
def test_training_again_gives_the_same_model(
    name: str, dataset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.chdir(ROOT)  # where the recipes are, as for `make bundled`
    config = run_config(task=name, model="bundled", dataset=dataset, drop_leaks=name == "stance")
    train(config, save=tmp_path / name)
    for file in (tmp_path / name).iterdir():
        carried = BUNDLED_FOLDER / name / file.name
        if file.suffix == ".safetensors":  # the last bits of a sum may depend on how many threads made it
            again, before = load_file(file), load_file(carried)
            assert again.keys() == before.keys()
            assert all(np.allclose(again[key], before[key], rtol=0, atol=1e-12) for key in again), file.name
        else:
            assert file.read_bytes() == carried.read_bytes(), file.name
