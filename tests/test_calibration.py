"""Probabilities that mean what they say, thresholds behind them, and silence where a model is unsure."""

import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from research.cli import app
from research.config import Features, RunConfig, Shipped, TfidfLogreg, Train
from research.datasets import load_dataset
from research.models import create
from research.models.calibration import Sigmoids, Steps, Temperature, calibrated, fit_calibration
from research.models.checkpoint import Checkpoint
from research.models.decision import confidence, decide
from research.models.protocol import gold_matrix
from research.records import TASKS, Article, Example, ResearchError, Row, Sentence
from research.scoring import join, least_confidence, risk_curve, risk_table
from research.scoring.metrics import calibration_error, sureness
from research.workflows.classify import abstaining
from research.workflows.folds import (
    assign_folds,
    choose_calibration,
    choose_thresholds,
    cv_rows,
    measure_errors,
    out_of_fold,
)
from research.workflows.predicting import derive_primary
from research.workflows.train import annotated

ATTRIBUTION, PRIMARY = TASKS["attribution"], TASKS["primary"]
ROOT = Path(__file__).parents[1]


def overconfident(task, rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities three times too sure on the logit scale, and the gold that the right ones give."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(-0.5, 1, (rows, len(task.labels)))
    if task.multi_label:
        return 1 / (1 + np.exp(-3 * logits - 0.5)), rng.random(logits.shape) < 1 / (1 + np.exp(-logits))
    right, sure = np.exp(logits), np.exp(3 * logits)
    drawn = (rng.random((rows, 1)) > np.cumsum(right / right.sum(axis=1, keepdims=True), axis=1)).sum(axis=1)
    return sure / sure.sum(axis=1, keepdims=True), np.eye(len(task.labels), dtype=bool)[np.minimum(drawn, 3)]


@pytest.mark.parametrize("task", [ATTRIBUTION, PRIMARY], ids=lambda t: t.name)
@pytest.mark.parametrize("method", ["temperature", "isotonic"])
def test_calibration_mends_overconfidence_and_is_plain_data(task, method: str) -> None:
    calibration = fit_calibration(method, *overconfident(task, 3000, 0), task)
    assert calibration is not None
    given, gold = overconfident(task, 3000, 1)
    again = type(calibration).model_validate(json.loads(json.dumps(calibration.model_dump(mode="json"))))
    found = again.apply(given)
    assert np.array_equal(found, calibration.apply(given))
    before, after = (np.mean([calibration_error(*c) for c in zip(p.T, gold.T, strict=True)]) for p in (given, found))
    assert before > 0.1 and after < 0.03
    assert found.min() >= 0 and found.max() <= 1
    if not task.multi_label:
        assert np.allclose(found.sum(axis=1), 1)
    if isinstance(calibration, Temperature):
        assert calibration.temperature == pytest.approx(3, rel=0.1)
        assert np.array_equal(found.argmax(axis=1), given.argmax(axis=1))
    if isinstance(calibration, Sigmoids):
        assert calibration.scale == pytest.approx((1 / 3,) * 3, rel=0.1)


def test_calibration_of_certainty_and_of_labels_never_seen() -> None:
    certain = np.tile([[0.0, 1.0, 0.3]], (20, 1))
    gold = np.zeros((20, 3), dtype=bool)
    for method in ("temperature", "isotonic"):
        found = calibrated(fit_calibration(method, certain, gold, ATTRIBUTION), certain)
        assert np.isfinite(found).all() and found.max() < 0.1
    upside_down = np.array([[0.9, 0.1, 0.5], [0.1, 0.9, 0.5]] * 10)
    backwards = fit_calibration("temperature", upside_down, upside_down < 0.5, ATTRIBUTION)
    assert isinstance(backwards, Sigmoids) and min(backwards.scale) >= 0
    nothing = Steps(single=True, x=((0.0, 1.0),) * 4, y=((0.0, 0.0),) * 4)
    row = np.array([[0.7, 0.1, 0.1, 0.1]])
    assert np.array_equal(nothing.apply(row), row)


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    return annotated(ATTRIBUTION, load_dataset(Shipped()).articles("train")[:40])


FEATURES = Features(buckets=2048, characters=False, neighbours=False)
CONFIG = RunConfig(
    model=TfidfLogreg(features=FEATURES, calibration="isotonic"), dataset=Shipped(), train=Train(folds=2)
)


@pytest.fixture(scope="module")
def probabilities(examples: list[Example]) -> np.ndarray:
    return out_of_fold(CONFIG, ATTRIBUTION, examples, lambda *_: None)


@pytest.fixture(scope="module")
def checkpoint(examples: list[Example], probabilities: np.ndarray) -> Checkpoint:
    gold = gold_matrix(examples, ATTRIBUTION)
    calibration = choose_calibration(CONFIG, ATTRIBUTION, probabilities, gold)
    thresholds = choose_thresholds(CONFIG, ATTRIBUTION, calibrated(calibration, probabilities), gold)
    errors = measure_errors(ATTRIBUTION, examples, cv_rows(CONFIG, ATTRIBUTION, examples, probabilities))
    model = create(CONFIG.model, ATTRIBUTION)
    model.fit(examples)
    return Checkpoint(model, CONFIG.model, ATTRIBUTION, thresholds, {}, calibration, errors)


def test_no_fold_has_a_part_in_its_own_calibration(examples: list[Example], probabilities: np.ndarray) -> None:
    before = cv_rows(CONFIG, ATTRIBUTION, examples, probabilities)
    fold = assign_folds(examples, 2, 0)
    swapped = [
        replace(e, gold=tuple(("denial",) if not g else () for g in e.gold)) if f == 0 else e
        for e, f in zip(examples, fold, strict=True)
    ]
    after = cv_rows(CONFIG, ATTRIBUTION, swapped, probabilities)
    own = np.repeat(fold == 0, [len(e.spans) for e in examples])
    same = [b == a for b, a in zip(before, after, strict=True)]
    assert all(s for s, o in zip(same, own, strict=True) if o)
    assert not all(s for s, o in zip(same, own, strict=True) if not o)


def test_a_checkpoint_applies_its_calibration_before_its_thresholds(
    examples: list[Example], checkpoint: Checkpoint, tmp_path: Path
) -> None:
    checkpoint.save(tmp_path / "c")
    loaded = Checkpoint.load(tmp_path / "c")
    assert (loaded.calibration, loaded.errors) == (checkpoint.calibration, checkpoint.errors)
    assert loaded.calibration is not None
    rows = loaded.predict(examples)
    expected = loaded.calibration.apply(loaded.model.predict_proba(examples))
    assert np.allclose([list(r.probabilities.values()) for r in rows], expected, atol=1e-6)
    decided = decide(expected, loaded.thresholds, ATTRIBUTION)
    assert [r.labels is not None and len(r.labels) for r in rows] == decided.sum(axis=1).tolist()


def test_an_older_checkpoint_still_loads(examples: list[Example], checkpoint: Checkpoint, tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "c")
    head = json.loads((tmp_path / "c" / "checkpoint.json").read_text())
    del head["calibration"], head["errors"], head["model"]["calibration"]
    (tmp_path / "c" / "checkpoint.json").write_text(json.dumps(head))
    old = Checkpoint.load(tmp_path / "c")
    raw = checkpoint.model.predict_proba(examples)
    assert np.allclose([list(r.probabilities.values()) for r in old.predict(examples)], raw, atol=1e-6)
    with pytest.raises(ResearchError, match=r"^model x \(attribution\) holds no out-of-fold errors: train it"):
        abstaining({"attribution": (old, {"name": "x"})}, 0.05)
    result = CliRunner().invoke(app, ["classify", "-", "--model", str(tmp_path / "c"), "--abstain", "0.05"], input="A.")
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("calibration", {"kind": "sigmoids", "scale": [1], "shift": [0]}, "not one map for each of 3 labels"),
        ("calibration", {"kind": "steps", "single": False, "x": [[0, 1]], "y": [[0]]}, "as many y as x"),
        ("errors", {"risk": [], "sums": [[1, 2]]}, "expected 19 numbers"),
    ],
)
def test_damaged_extras_are_named(checkpoint: Checkpoint, tmp_path: Path, key: str, value: dict, problem: str) -> None:
    checkpoint.save(tmp_path / "c")
    head = json.loads((tmp_path / "c" / "checkpoint.json").read_text())
    (tmp_path / "c" / "checkpoint.json").write_text(json.dumps(head | {key: value}))
    with pytest.raises(ResearchError, match=problem):
        Checkpoint.load(tmp_path / "c")


def test_applying_needs_no_scikit_learn(checkpoint: Checkpoint, tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "c")
    script = f"""
import sys
from typer.testing import CliRunner
from research.cli import app
arguments = ["classify", "-", "--model", {str(tmp_path / "c")!r}, "--abstain", "0.3"]
result = CliRunner().invoke(app, arguments, input="It rained.")
assert result.exit_code == 0, result.stderr
assert not [m for m in ("sklearn", "mlflow", "scipy.optimize") if m in sys.modules]
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# --- abstention -----------------------------------------------------------------------------------------------


def judged_rows(chances: list[float], right: list[bool]):
    gold = [Row("attribution", f"a{i}", 0, 1, ("denial",) if r else ()) for i, r in enumerate(right)]
    given = [
        Row(
            "attribution",
            f"a{i}",
            0,
            1,
            ("denial",),
            probabilities=dict.fromkeys(ATTRIBUTION.labels, 0.0) | {"denial": p},
        )
        for i, p in enumerate(chances)
    ]
    return join(gold, given)


def test_as_many_rows_are_kept_as_the_error_allows() -> None:
    judged = judged_rows([0.9, 0.8, 0.7, 0.6, 0.5], [True, True, False, True, False])
    risk = risk_table(risk_curve(judged))
    assert [point[1:] for point in risk] == [(0.2, 0), (0.4, 0), (0.6, 0.333333), (0.8, 0.25), (1, 0.4)]
    assert least_confidence(risk, 0) == pytest.approx(0.75)
    assert least_confidence(risk, 0.3) == pytest.approx(0.55)  # past the bump at three rows
    assert least_confidence(risk, 0.4) == 0
    wrong = risk_table(risk_curve(judged_rows([0.9, 0.8], [False, False])))
    assert least_confidence(wrong, 0.9) == math.inf
    many = risk_table(risk_curve(judged_rows(np.linspace(0.1, 0.9, 2000).tolist(), [True] * 2000)))
    assert len(many) == 100


@pytest.mark.parametrize("task", [ATTRIBUTION, PRIMARY], ids=lambda t: t.name)
def test_confidence_is_that_of_the_scores(task) -> None:
    p, gold = overconfident(task, 50, 2)
    decided = decide(p, (0.4,) * p.shape[1], task)
    label = [tuple(n for n, d in zip(task.labels, row, strict=True) if d) for row in decided]
    truth = [tuple(n for n, g in zip(task.labels, row, strict=True) if g) for row in gold]
    chances = [dict(zip(task.labels, row, strict=True)) for row in p.tolist()]
    judged = join(
        [Row(task.name, f"{i:02}", 0, 1, t) for i, t in enumerate(truth)],
        [
            Row(task.name, f"{i:02}", 0, 1, given, probabilities=c)
            for i, (given, c) in enumerate(zip(label, chances, strict=True))
        ],
    )
    assert np.allclose(confidence(p, decided, task), sureness(judged))


def test_abstaining_keeps_the_promised_error(examples: list[Example], checkpoint: Checkpoint) -> None:
    assert checkpoint.errors is not None
    full = checkpoint.errors.risk[-1][2]
    kept = {}
    for error in (0.0, full / 2, full):
        ((silent, _),) = abstaining({"attribution": (checkpoint, {"name": "x"})}, error).values()
        rows = silent.predict(examples)
        judged = [row for row in rows if row.labels is not None]
        assert all(row.probabilities for row in rows)
        kept[error] = len(judged) / len(rows)
    assert kept[0.0] < kept[full / 2] < kept[full] == 1
    with pytest.raises(ResearchError, match=r"--abstain 1.5: expected a share"):
        abstaining({}, 1.5)


def test_the_command_abstains_and_says_how_often(checkpoint: Checkpoint, tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "c")
    text = (ROOT / "docs" / "sample-article.txt").read_text()

    def run(*more: str):
        return CliRunner().invoke(app, ["classify", "-", "--model", str(tmp_path / "c"), *more], input=text)

    assert checkpoint.errors is not None
    target = f"{checkpoint.errors.risk[-1][2] / 2:.3f}"
    result = run("--abstain", target, "--format", "jsonl")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    nulls = [s["labels"] for s in found["sentences"]].count(None)
    assert 0 < nulls < len(found["sentences"])
    articles = int(found["primary"]["label"] is None)
    counts = f"{nulls} of {len(found['sentences'])} sentences, {articles} of 1 articles"
    assert result.stderr == f"abstained: {counts} (expected error of the others: at most {float(target):g})\n"
    assert run("--abstain", target, "--format", "table").stdout.count("\n ?") == nulls
    assert None not in [s["labels"] for s in json.loads(run("--format", "jsonl").stdout)["sentences"]]


def test_a_derived_primary_abstains_with_the_sentence_that_decides() -> None:
    text = "Head. Lead."
    article = Article("a", text, sentences=(Sentence(0, 5, "Head."), Sentence(6, 11, "Lead.")))

    def primary(*labels: tuple[str, ...] | None) -> tuple[str, ...] | None:
        spans = ((0, 5), (6, 11))
        return derive_primary(
            article, [Row("attribution", "a", *span, given) for span, given in zip(spans, labels, strict=True)]
        ).labels

    assert primary(None, ("denial",)) is None
    assert primary((), None) is None
    assert primary(("denial",), None) == ("denial",)
    assert primary((), ()) == ("background",)
