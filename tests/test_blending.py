"""Finished runs blended: figures and model are what averaging the runs gives, and runs that do not fit are refused."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit, logit
from typer.testing import CliRunner, Result

from research.articles import article_to_json
from research.cli import app
from research.config import Shipped
from research.datasets import load_dataset
from research.models.checkpoint import Checkpoint
from research.records import TASKS, Row, examples_for
from research.workflows.registry import find_run, load_model
from research.workflows.results import read_rows
from research.workflows.tracking import open_store

ATTRIBUTION = TASKS["attribution"]


def research(*arguments: str) -> Result:
    result = CliRunner().invoke(app, arguments)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def write(file: Path, first: int) -> None:
    found = load_dataset(Shipped())
    chosen = [("train", a) for a in found.articles("train")[first : first + 12]]
    chosen += [("dev", a) for a in found.articles("dev")[:4]]
    lines = [{k: v for k, v in article_to_json(a).items() if k != "event"} | {"split": split} for split, a in chosen]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.fixture(scope="module", autouse=True)
def runs(tmp_path_factory: pytest.TempPathFactory) -> object:
    """A store with a linear run of seed 0, one of another kind and seed, and three that do not go with them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.chdir(tmp_path_factory.mktemp("runs"))
        write(Path("some.jsonl"), 0)
        write(Path("other.jsonl"), 6)
        for model, dataset, rest in (
            ("tfidf-svm", "some", ["--seed=0"]),
            ("tfidf-logreg", "some", ["--seed=1", "--folds=4", "--set=model.features.words=false"]),
            ("tfidf-svm", "other", ["--seed=2"]),
            ("tfidf-svm", "some", ["--seed=3", "--task=primary"]),
            ("majority", "some", ["--seed=4", "--folds=0"]),
        ):
            common = [f"--model={model}", f"--dataset={dataset}.jsonl", "--set=scoring.draws=100"]
            done = research("train", *common, "--folds=3", *rest)
            assert done.exit_code == 0, done.stderr
        yield


def rows(name: str) -> list[Row]:
    client = open_store()
    return read_rows(client, find_run(client, name).info.run_id, "predictions/cv.jsonl")


def logits(found: list[Row]) -> np.ndarray:
    return logit(np.clip([[r.probabilities[label] for label in ATTRIBUTION.labels] for r in found], 1e-6, 1 - 1e-6))


def test_a_blend_of_runs_is_their_weighted_mean(tmp_path: Path) -> None:
    parts = ["tfidf-svm-some-s0", "tfidf-logreg-some-s1"]
    done = research("blend", *parts, "--weights=3,1", f"--save={tmp_path / 'model'}", "--format=json")
    assert done.exit_code == 0, done.stderr
    names = {(row["split"], row["metric"]) for row in json.loads(done.stdout)}
    assert {("cv", "macro_f1"), ("dev", "macro_f1")} <= names
    examples = list(examples_for(ATTRIBUTION, load_dataset(Shipped()).articles("test")[:3]))
    alone = [load_model(name)[0] for name in parts]
    told = [part.predict(examples) for part in alone]
    blended = Checkpoint.load(tmp_path / "model")
    assert blended.calibration is not None
    raw = blended.model.predict_proba(examples)
    assert np.allclose(raw, expit((3 * logits(told[0]) + logits(told[1])) / 4), atol=1e-4)
    again = load_model("blend-some-s0")[0]
    assert [r.labels for r in again.predict(examples)] == [r.labels for r in blended.predict(examples)]
    texts = blended.trained_on["texts"]
    assert len(texts) == 12 and texts == sorted({t for part in alone for t in part.trained_on["texts"]})


def test_out_of_fold_figures_come_from_the_runs() -> None:
    """Calibration never changes the order of a fold's rows, so that it shows whose probabilities were averaged."""
    assert research("blend", "tfidf-svm-some-s0", "tfidf-svm-some-s0").exit_code == 0
    own, twice = rows("tfidf-svm-some-s0"), {r.key: r for r in rows("blend-some-s0")}
    assert own and len(own) == len(twice)
    for label in ATTRIBUTION.labels:
        a = np.array([r.probabilities[label] for r in own])
        b = np.array([twice[r.key].probabilities[label] for r in own])
        assert np.corrcoef(np.argsort(np.argsort(a)), np.argsort(np.argsort(b)))[0, 1] > 0.9


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tfidf-svm-some-s0"], "expected two runs or more"),
        (["tfidf-svm-some-s0", "tfidf-svm-other-s2"], "not cross-validated on the same articles as tfidf-svm-some-s0"),
        (["tfidf-svm-some-s0", "tfidf-svm-some-s3"], "its task is 'primary', not 'attribution'"),
        (["tfidf-svm-some-s0", "majority-some-s4"], "was not cross-validated; train it with --folds 5"),
        (["tfidf-svm-some-s0", "tfidf-logreg-some-s1", "--weights=1"], "expected 2, one for each run"),
        (["tfidf-svm-some-s0", "tfidf-logreg-some-s1", "--weights=1,-1"], "expected positive numbers such as 2,1"),
        (["tfidf-svm-some-s0", "nothing"], "no run or model folder 'nothing'"),
    ],
)
def test_refused(arguments: list[str], message: str) -> None:
    done = research("blend", *arguments)
    assert done.exit_code == 2 and message in done.stderr and done.stderr.count("\n") <= 4
