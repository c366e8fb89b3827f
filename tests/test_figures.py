"""Figures: every word is inside the picture, the numbers shown are those given, no pyplot state is left."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from research.records import TASKS, Row
from research.scoring import Judged, confusions, join, precision_recall, reliability, risk_curve
from research.summary.figures import (
    confusion_figure,
    precision_recall_figure,
    reliability_figure,
    risk_coverage_figure,
)


def judged(task: str, abstain: bool = False) -> Judged:
    rng = np.random.default_rng(0)
    labels = TASKS[task].labels
    gold, predicted = [], []
    for i in range(200):
        probabilities = dict(zip(labels, rng.dirichlet(np.ones(len(labels))).tolist(), strict=True))
        guess = (max(probabilities, key=lambda label: probabilities[label]),)
        unsure = abstain and i % 10 == 0
        gold.append(Row(task, f"a{i // 5}", i, i + 1, (labels[int(rng.integers(len(labels)))],)))
        predicted.append(Row(task, f"a{i // 5}", i, i + 1, None if unsure else guess, probabilities=probabilities))
    return join(gold, predicted)


def words(figure: Any) -> list[Any]:
    """The texts drawn, each with something in it."""
    from matplotlib.text import Text

    return [text for text in figure.findobj(Text) if text.get_text().strip() and text.get_visible()]


CASES = {
    "confusion, several labels": lambda: confusion_figure(confusions(judged("attribution")), "test"),
    "confusion, single label": lambda: confusion_figure(confusions(judged("primary", abstain=True)), "test"),
    "precision-recall": lambda: precision_recall_figure(precision_recall(judged("primary")), "test"),
    "reliability": lambda: reliability_figure(reliability(judged("stance")), "test"),
    "risk-coverage": lambda: risk_coverage_figure(risk_curve(judged("stance", abstain=True)), "test"),
    "nothing to show": lambda: reliability_figure(()),
}


@pytest.mark.parametrize("draw", CASES.values(), ids=CASES.keys())
def test_every_word_is_inside_the_picture(draw: Callable[[], Any]) -> None:
    figure = draw()
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    assert picture.getvalue().startswith(b"\x89PNG")
    box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()  # of all that is drawn
    assert 0 <= box.x0 < box.x1 <= width
    assert 0 <= box.y0 < box.y1 <= height


def test_confusion_cells_hold_the_counts_given() -> None:
    tables = confusions(judged("primary", abstain=True))
    shown = [text.get_text() for text in words(confusion_figure(tables))]
    for count, share in zip(tables[0].counts.flat, tables[0].shares.flat, strict=True):
        assert f"{count}\n{share:.0%}" in shown
    assert {"official_statement", "(abstained)", "predicted", "gold"} <= set(shown)


def test_every_label_has_its_own_colour_and_marker() -> None:
    curves = precision_recall(judged("primary"))
    lines = precision_recall_figure(curves).axes[0].get_lines()
    named = [line for line in lines if not line.get_label().startswith("_")]
    assert len({line.get_color() for line in named}) == len({line.get_marker() for line in named}) == len(curves) == 4
    assert [line.get_label() for line in named] == [f"{c.label} (AP {c.average_precision:.3f})" for c in curves]


def test_no_pyplot_figure_is_left_open() -> None:
    from matplotlib import pyplot

    before = pyplot.get_fignums()
    confusion_figure(confusions(judged("attribution")))
    assert pyplot.get_fignums() == before
