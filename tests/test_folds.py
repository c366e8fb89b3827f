"""Without folds: one part of train is held out by article and event, thresholds are chosen on it, nothing is cv/; and
what an interrupted training with folds finds again. Folds themselves are in test_models.py."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from research.cli.output import progress_printer
from research.config import RunConfig, Shipped, run_config
from research.datasets import load_dataset
from research.models import create
from research.models.protocol import gold_matrix
from research.records import TASKS, Article, Example, ResearchError, examples_for
from research.scoring import best_threshold
from research.workflows.folds import choose_thresholds, cv_rows, hold_out, out_of_fold
from research.workflows.tracking import open_store
from research.workflows.train import train

TASK = TASKS["attribution"]
GROUPS = ("characters", "neighbours", "quotation", "carry", "cues")
FAST = ["scoring.draws=100", "model.calibration=none", *(f"model.features.{group}=false" for group in GROUPS)]


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    return list(examples_for(TASK, load_dataset(Shipped()).articles("train")[:40]))


def config(*assignments: str, **keys: Any) -> RunConfig:
    return run_config(model="tfidf-svm", assignments=[*FAST, *assignments], **{"folds": 0, **keys})


def events(examples: list[Example]) -> set[str]:
    return {e.article.event or e.article.article_id for e in examples}


def articles(number: int) -> list[Example]:
    return [Example(Article(f"a{i}", "x"), ((0, 1),), ((),)) for i in range(number)]


@pytest.mark.parametrize("share", [0.15, 0.25])
def test_a_part_is_held_out_with_its_events_whole(examples: list[Example], share: float) -> None:
    fitted, held = hold_out(config(f"train.held_out={share}"), examples)
    assert sorted(e.article.article_id for e in (*fitted, *held)) == sorted(e.article.article_id for e in examples)
    assert not events(fitted) & events(held)
    assert len(events(held)) == pytest.approx(share * len(events(examples)), abs=1)
    assert hold_out(config(f"train.held_out={share}"), examples) == (fitted, held)
    assert hold_out(config(f"train.held_out={share}", seed=1), examples)[1] != held


@pytest.mark.parametrize(("number", "held"), [(4, 2), (6, 2), (19, 3), (100, 10)])
def test_of_few_articles_two_are_held_out_at_least(number: int, held: int) -> None:
    fitted, chosen = hold_out(config(), articles(number))
    assert (len(fitted), len(chosen)) == (number - held, held)


def test_too_few_articles_to_hold_out_some() -> None:
    with pytest.raises(
        ResearchError, match=r"^train.held_out: needs 4 articles or events to hold out some; train has 3$"
    ):
        hold_out(config(), articles(3))


def test_a_run_without_folds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    whole = config()
    result = train(whole, save=tmp_path / "model")
    assert set(result.scores) == {"dev", "test"}
    assert not [name for name in open_store().get_run(result.run_id).data.metrics if name.startswith("cv/")]
    learned = [e for e in examples_for(TASK, load_dataset(Shipped()).articles("train")) if e.gold]
    fitted, held = hold_out(whole, learned)
    model = create(whole.model, TASK, whole.train.seed)
    model.fit(fitted)
    probabilities, gold = model.predict_proba(held), gold_matrix(held, TASK)
    chosen = [best_threshold(p, g) for p, g in zip(probabilities.T, gold.T, strict=True)]
    assert list(result.thresholds.values()) == chosen
    rows = cv_rows(whole, TASK, held, probabilities)  # what the checkpoint knows of its errors
    assert len(rows) == len(gold) and choose_thresholds(whole, TASK, probabilities, gold) == tuple(chosen)


def test_a_fold_that_is_done_is_not_fitted_again(examples: list[Example], tmp_path: Path) -> None:
    two = config(folds=2)
    first = out_of_fold(two, TASK, examples, state=tmp_path)
    file = tmp_path / "fold-1" / "probabilities.npy"
    np.save(file, np.load(file) + 7)
    again = out_of_fold(two, TASK, examples, state=tmp_path)
    assert ((again == first) | (again == first + 7)).all() and (again > 5).any() and (again < 5).any()


def test_progress_of_many_steps_is_a_line_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, *range(100, 1000)])
    monkeypatch.setattr("time.monotonic", lambda: float(next(clock)))
    report = progress_printer()
    report("read 5 tokens", 0, 1)
    for step in range(60, 85):  # an interrupted training goes on
        report(f"train, loss 0.{step}, batch", step, 160)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "[  100 s] read 5 tokens",
        "[  101 s] train, loss 0.60, batch 61/160",
        "[  111 s] train, loss 0.70, batch 71/160, 90 s left",
        "[  121 s] train, loss 0.80, batch 81/160, 80 s left",
    ]
