"""Several systems or seeds on one gold, systems label by label, and systems that know when they are wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics as sk

from research.records import TASKS, ResearchError, Row
from research.scoring import (
    Judged,
    compare,
    compare_all,
    holm,
    join,
    mcnemar,
    risk_curve,
    score,
    seed_spread,
)
from research.scoring.intervals import _ranked_draws, bootstrap
from research.summary.figures import risk_coverage_figure

LABELS = TASKS["attribution"].labels


def system(seed: int, n: int = 300, articles: int = 40) -> Judged:
    """Rounded probabilities, so that ties occur; the gold is that of every seed, `denial` has none."""
    rng = np.random.default_rng(0)
    article = np.sort(np.concatenate([np.arange(articles), rng.integers(articles, size=n - articles)]))
    gold = rng.random((n, 3)) < [0.3, 0.2, 0]
    probabilities = np.clip(0.4 * gold + 0.7 * np.random.default_rng(seed).random((n, 3)), 0, 1).round(2)
    keys = tuple(("attribution", f"a{i:04}", "", row, row + 1) for row, i in enumerate(article))
    empty = np.zeros(n, bool)
    return Judged(TASKS["attribution"], keys, article, gold, probabilities > 0.5, empty, probabilities, ({},) * n)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.6]) == [1, 1]
    assert holm([]) == []
    with pytest.raises(ValueError, match="probabilities"):
        holm([0.1, float("nan")])


def test_compare_all_is_compare_with_p_corrected() -> None:
    reference = system(0)
    systems = {"worse": replace(reference, predicted=~reference.predicted), "other": system(2), "same": reference}
    found = compare_all(reference, systems, "accuracy", draws=500)
    assert list(found) == ["worse", "other", "same"]
    for name, against in found.items():
        assert against.test == compare(systems[name], reference, "accuracy", draws=500)
        assert against.test.detectable is not None
    assert [one.p_holm for one in found.values()] == holm([one.test.p for one in found.values()])
    assert found["worse"].p_holm == pytest.approx(3 * found["worse"].test.p)
    assert found["worse"].test.difference < 0 == found["same"].test.difference


def test_mcnemar_by_hand() -> None:
    gold = [Row("primary", f"a{i}", 0, 9, ("denial",)) for i in range(10)]
    a = [replace(row, labels=("denial",) if i < 8 else ("speculation",)) for i, row in enumerate(gold)]
    b = [replace(row, labels=("denial",) if i in (0, 1, 8) else ("background",)) for i, row in enumerate(gold)]
    found = {one.label: one for one in mcnemar(join(gold, a), join(gold, b))}
    denial = found["denial"]  # a alone in 6 rows, b alone in 1: P(6 or more heads of 7) is 8/128
    assert (denial.a_only, denial.b_only, denial.difference, denial.n) == (6, 1, 0.5, 10)
    assert denial.p == pytest.approx(2 * 8 / 128)
    assert denial.detectable == pytest.approx(2.8 * (7 - 25 / 10) ** 0.5 / 10)
    assert (found["speculation"].a_only, found["speculation"].b_only) == (0, 2)
    assert found["official_statement"].p == 1
    assert [one.p_holm for one in found.values()] == holm([one.p for one in found.values()])
    with pytest.raises(ResearchError, match="same gold"):
        mcnemar(join(gold, a), join(a, a))


def test_the_spread_of_seeds() -> None:
    found = seed_spread([0.6, 0.7, 0.8])
    assert (found.mean, found.sd, found.seeds) == (pytest.approx(0.7), pytest.approx(0.1), 3)
    assert seed_spread([0.6]).sd is None
    with pytest.raises(ValueError, match="at least one seed"):
        seed_spread([])


def test_risk_curve_by_hand() -> None:
    # Confidence of the answer, not of the first label: .9 x .8 x 1, .5 x .9 x .9 (wrong), .8 x .9 x 1 and .4 (wrong).
    rows = [((0.9, 0.2, 0.0), LABELS[:1]), ((0.5, 0.1, 0.1), ()), ((0.2, 0.1, 0.0), ()), ((0.4, 1.0, 0.0), ())]
    guess = [LABELS[:1], LABELS[:1], (), LABELS[:2]]
    gold = [Row("attribution", f"a{i}", 0, 9, labels) for i, (_, labels) in enumerate(rows)]
    predicted = [
        replace(row, labels=given, probabilities=dict(zip(LABELS, p, strict=True)))
        for row, given, (p, _) in zip(gold, guess, rows, strict=True)
    ]
    curve = risk_curve(join(gold, predicted))
    assert curve.confidence == pytest.approx([0.72, 0.405, 0.4])
    assert curve.coverage == pytest.approx([2 / 4, 3 / 4, 1])
    assert curve.risk == pytest.approx([0, 1 / 3, 2 / 4])
    assert curve.aurc == pytest.approx(1 / 4 * 1 / 3 + 1 / 4 * 2 / 4)
    abstained = [replace(predicted[0], labels=None), *predicted[1:]]
    assert risk_curve(join(gold, abstained)).confidence[-1] == 0
    assert risk_curve(join(gold, abstained)).risk[-1] == 3 / 4


def test_risk_curve_without_probabilities_is_empty_and_still_a_figure() -> None:
    bare = [Row("attribution", "a", 0, 9, ())]
    curve = risk_curve(join(bare, bare))
    assert len(curve.risk) == 0 and np.isnan(curve.aurc)
    assert "aurc" not in {one.metric for one in score(join(bare, bare))}
    assert len(risk_coverage_figure(curve).axes[0].get_lines()) == 0


def test_the_figure_shows_the_curve_and_the_risk_of_all_rows() -> None:
    judged = system(1)
    curve = risk_curve(judged)
    steps, all_rows = risk_coverage_figure(curve).axes[0].get_lines()
    assert steps.get_xydata() == pytest.approx(np.column_stack([curve.coverage, curve.risk]))
    accuracy = next(one.value for one in score(judged, draws=0) if one.metric == "accuracy")
    assert all_rows.get_ydata()[0] == pytest.approx(1 - accuracy)
    assert f"{curve.aurc:.3f}" in steps.get_label()


def test_every_draw_of_a_ranked_metric_is_that_of_the_resampled_articles() -> None:
    judged = system(1)
    drawn = _ranked_draws(judged, 4, seed=3)
    for draw, times in enumerate(bootstrap(np.eye(judged.articles), 4, seed=3)):
        rows = np.repeat(np.arange(len(judged)), times[judged.article].astype(int))
        for i, label in enumerate(LABELS[:2]):
            expected = sk.average_precision_score(judged.gold[rows, i], judged.probabilities[rows, i])
            assert drawn[f"{label}/ap"][draw] == pytest.approx(expected)
        again = replace(
            judged,
            keys=tuple(judged.keys[i] for i in rows),
            article=np.zeros(len(rows), np.int64),
            **{name: getattr(judged, name)[rows] for name in ("gold", "predicted", "abstained", "probabilities")},
        )
        assert drawn["aurc"][draw] == pytest.approx(risk_curve(again).aurc)
    assert drawn["denial/ap"].tolist() == [0] * 4  # no gold


def test_fnc_score_by_hand() -> None:
    gold = ["supports", "denies", "discusses", "unrelated", "unrelated", "supports", "unrelated"]
    guess = ["supports", "supports", "unrelated", "unrelated", "denies", None, None]
    # 1 right, 1/4 for a related one called related, 0, 1/4, 0, and nothing for abstaining; of 4 x 1 + 3 x 1/4.
    rows = [Row("stance", f"a{i}", 0, 9, (label,)) for i, label in enumerate(gold)]
    answers = [replace(row, labels=None if one is None else (one,)) for row, one in zip(rows, guess, strict=True)]
    found = {one.metric: one.value for one in score(join(rows, answers))}
    assert found["fnc_score"] == pytest.approx((1 + 0.25 + 0.25) / 4.75)
    assert "fnc_score" not in {one.metric for one in score(system(1), draws=0)}
