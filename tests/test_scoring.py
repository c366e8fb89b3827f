"""Scoring: values worked out by hand, values from scikit-learn, and the behaviour of intervals and tests."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from research.records import TASKS, ResearchError, Row, Score
from research.scoring import best_threshold, compare, confusions, floor, join, precision_recall, reliability, score_by
from research.scoring.counts import Counts
from research.scoring.intervals import bootstrap, score
from research.scoring.metrics import average_precision, calibration_error, count_metrics
from research.scoring.rows import Judged
from research.workflows.results import to_jsonl
from research.workflows.score import read_rows_file

OFFICIAL, SPECULATION, DENIAL = TASKS["attribution"].labels
Labels = tuple[str, ...] | None


def attribution(article: str, at: int, labels: Labels, probabilities: Sequence[float] = (), **fields: str) -> Row:
    named = dict(zip(TASKS["attribution"].labels, probabilities, strict=False))
    return Row("attribution", article, at, at + 5, labels, probabilities=named, fields=fields)


def primary(article: str, label: str | None) -> Row:
    return Row("primary", article, 0, 9, None if label is None else (label,))


GOLD = [
    attribution("a1", 0, (OFFICIAL,), outlet="x"),
    attribution("a1", 5, (OFFICIAL, DENIAL), outlet="x"),
    attribution("a2", 0, (), outlet="y"),
    attribution("a2", 5, (SPECULATION,), outlet="y"),
    attribution("a3", 0, ()),
]
PREDICTED = [
    attribution("a1", 0, (OFFICIAL,)),
    attribution("a1", 5, (OFFICIAL, SPECULATION)),
    attribution("a2", 0, (DENIAL,)),
    attribution("a2", 5, None),
    attribution("a3", 0, ()),
]


def random_judged(seed: int, n: int = 300, articles: int = 40, task: str = "attribution") -> Judged:
    """Arrays of a plausible system; the probabilities are rounded, so that ties occur."""
    rng = np.random.default_rng(seed)
    labels = len(TASKS[task].labels)
    article = np.sort(np.concatenate([np.arange(articles), rng.integers(articles, size=n - articles)]))
    if TASKS[task].multi_label:
        gold = rng.random((n, labels)) < [0.3, 0.2, 0.1]
        probabilities = np.clip(0.4 * gold + 0.7 * rng.random((n, labels)), 0, 1).round(2)
        predicted = probabilities > 0.5
    else:
        gold = np.eye(labels, dtype=bool)[rng.integers(labels, size=n)]
        probabilities = rng.dirichlet(np.ones(labels), n) * 0.6 + 0.4 * gold
        predicted = np.eye(labels, dtype=bool)[probabilities.argmax(axis=1)]
    keys = tuple((task, f"a{i:04}", "", row, row + 1) for row, i in enumerate(article))
    return Judged(TASKS[task], keys, article, gold, predicted, np.zeros(n, bool), probabilities, ({},) * n)


def values(judged: Judged) -> dict[str, float]:
    return {s.metric: s.value for s in score(judged, draws=0)}


def test_join_does_not_depend_on_order() -> None:
    straight, shuffled = join(GOLD, PREDICTED), join(GOLD[::-1], PREDICTED[2:] + PREDICTED[:2])
    assert straight.keys == shuffled.keys
    assert straight.article.tolist() == [0, 0, 1, 1, 2]
    assert straight.abstained.tolist() == [False, False, False, True, False]
    assert straight.predicted.astype(int).tolist() == [[1, 0, 0], [1, 1, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0]]
    assert np.isnan(straight.probabilities).all()
    assert score(straight) == score(shuffled)


@pytest.mark.parametrize(
    ("gold", "predicted", "message"),
    [
        (GOLD, PREDICTED[:3], r"2 gold rows without prediction, the first: attribution a2 \[5:10\]"),
        (GOLD[1:], PREDICTED, r"1 predicted row without gold, the first: attribution a1 \[0:5\]"),
        (GOLD[1:], PREDICTED[:-1], r"a3 \[0:5\]; 1 predicted row without gold"),
        (GOLD, [*PREDICTED, PREDICTED[1]], r"1 predicted row given twice, the first: attribution a1 \[5:10\]"),
        ([*GOLD, GOLD[0]], PREDICTED, r"1 gold row given twice"),
        ([], [], "no rows"),
        ([attribution("a", 0, None)], [attribution("a", 0, ())], r"1 gold row with labels null"),
        ([attribution("a", 0, ())], [attribution("a", 0, ("rumour",))], f"unknown label 'rumour'.*{OFFICIAL}"),
        ([attribution("a", 0, ())], [attribution("a", 0, (), [0.1, 0.2])], "one probability in"),
        ([attribution("a", 0, ())], [attribution("a", 0, (), [0.1, 0.2, 1.5])], "one probability in"),
        ([attribution("a", 0, ())], [attribution("a", 0, (), [0.1, 0.2, float("nan")])], "one probability in"),
        ([Row("primary", "a", 0, 9, (OFFICIAL, DENIAL))], [primary("a", DENIAL)], "gold row without exactly one"),
        ([primary("a", DENIAL)], [Row("primary", "a", 0, 9, ())], "predicted row without exactly one label"),
        ([Row("mood", "a", 0, 9, ())], [Row("mood", "a", 0, 9, ())], "unknown task 'mood': known are attribution"),
        ([primary("a", DENIAL), GOLD[0]], [primary("a", DENIAL), GOLD[0]], "several tasks"),
    ],
)
def test_join_says_what_does_not_fit(gold: list[Row], predicted: list[Row], message: str) -> None:
    with pytest.raises(ResearchError, match=message):
        join(gold, predicted)


ROW = {"task": "attribution", "article_id": "a", "start": 0, "end": 5, "labels": ["denial"]}


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "2: not a row: Invalid JSON"),
        ("[1]", "2: not a row: should be an object"),
        (json.dumps(ROW | {"article_id": 3}), "2: not a row: article_id: should be a valid string"),
        (json.dumps(ROW | {"start": "0"}), "2: not a row: start: should be a valid integer"),
        (json.dumps(ROW | {"labels": "denial"}), "2: not a row: labels: should be a valid array"),
        (json.dumps(ROW | {"labels": [["denial"]]}), "2: not a row: labels.0: should be a valid string"),
        (json.dumps(ROW | {"probabilities": [0.5]}), "2: not a row: probabilities: "),
        (json.dumps(ROW | {"probabilities": {"denial": "high"}}), "2: not a row: probabilities.denial: "),
        (json.dumps({k: v for k, v in ROW.items() if k != "labels"}), "2: not a row: labels: Field required"),
    ],
)
def test_what_is_no_row_is_named_by_line_and_key(tmp_path: Path, line: str, problem: str) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(f"{json.dumps(ROW)}\n{line}\n")
    with pytest.raises(ResearchError) as caught:
        read_rows_file(file)
    assert str(caught.value).startswith(f"{file}:{problem}") and "\n" not in str(caught.value)


def test_rows_come_back_as_they_were_written(tmp_path: Path) -> None:
    rows = [*GOLD, attribution("a4", 0, None, (0.5, 0.25, 0), outlet="one\u2028two\x85three")]
    file = tmp_path / "rows.jsonl"
    file.write_text(to_jsonl(rows) + "\n", encoding="utf-8")
    assert read_rows_file(file) == rows
    with pytest.raises(ResearchError, match=r"Is a directory$"):
        read_rows_file(tmp_path)


def test_stance_rows_of_one_article_differ_by_claim() -> None:
    rows = [Row("stance", "a", 0, 9, ("denies",), claim_id=c) for c in ("c1", "c2")]
    judged = join(rows, rows)
    assert (len(judged), judged.articles) == (2, 1)
    with pytest.raises(ResearchError, match=r"stance a claim c2 \[0:9\]"):
        join(rows, rows[:1])


def test_multi_label_metrics_by_hand() -> None:
    found = values(join(GOLD, PREDICTED))
    # official: tp 2; speculation: fp in row 2, fn in the abstained row; denial: fn in row 2, fp in row 3.
    assert found[f"{OFFICIAL}/f1"] == found[f"{OFFICIAL}/mcc"] == 1
    assert found[f"{SPECULATION}/f1"] == found[f"{SPECULATION}/precision"] == found[f"{DENIAL}/recall"] == 0
    assert found[f"{DENIAL}/mcc"] == (0 * 3 - 1 * 1) / (1 * 1 * 4 * 4) ** 0.5
    assert found["macro_f1"] == pytest.approx(1 / 3)
    assert found["accuracy"] == 2 / 5
    assert found[f"{OFFICIAL}/prevalence"] == 2 / 5
    assert "mcc" not in found and "brier" not in found  # one label set per row; no probabilities


def test_an_abstention_is_not_the_answer_background() -> None:
    gold = [attribution("a", 0, ())]
    assert values(join(gold, [attribution("a", 0, ())]))["accuracy"] == 1
    assert values(join(gold, [attribution("a", 0, None)]))["accuracy"] == 0


def test_single_label_metrics_count_an_abstention_as_a_class_of_its_own() -> None:
    gold = [OFFICIAL, OFFICIAL, SPECULATION, "background"]
    guess = [OFFICIAL, SPECULATION, SPECULATION, None]
    judged = join([primary(f"a{i}", g) for i, g in enumerate(gold)], [primary(f"a{i}", g) for i, g in enumerate(guess)])
    found = values(judged)
    assert found["accuracy"] == 2 / 4
    assert found["macro_f1"] == pytest.approx((2 / 3 + 2 / 3 + 0 + 0) / 4)
    assert found["mcc"] == pytest.approx(sk.matthews_corrcoef(gold, [str(g) for g in guess]))
    (table,) = confusions(judged)
    assert table.predicted[-1] == "(abstained)"
    assert table.counts.tolist() == [[1, 1, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 1]]
    assert table.shares[0].tolist() == [0.5, 0.5, 0, 0, 0]


def test_calibration_error_by_hand() -> None:
    found = calibration_error(np.array([0.05, 0.15, 0.15, 0.95]), np.array([False, False, True, True]))
    assert found == pytest.approx(0.05 / 4 + abs(0.15 - 0.5) * 2 / 4 + 0.05 / 4)
    assert calibration_error(np.array([0.0, 1.0]), np.array([False, True])) == 0


def test_average_precision_by_hand() -> None:
    # The tie at .8 enters as one cut: P = 1/2 at R = 1/2, then P = 2/3 at R = 1.
    found = average_precision(np.array([0.8, 0.8, 0.3, 0.1]), np.array([True, False, True, False]))
    assert found == pytest.approx(1 / 2 * 1 / 2 + 1 / 2 * 2 / 3)
    assert average_precision(np.array([0.8]), np.array([False])) == 0


def test_floor_by_hand() -> None:
    always = [2 * p / (1 + p) for p in (2 / 5, 1 / 5, 1 / 5)]
    assert floor(join(GOLD, PREDICTED)) == pytest.approx(sum(always) / 3)
    labels = [DENIAL, DENIAL, "background"]
    rows = [primary(f"a{i}", label) for i, label in enumerate(labels)]
    assert floor(join(rows, rows)) == pytest.approx(4 / 5 / 4)


@pytest.mark.parametrize("task", ["attribution", "primary"])
@pytest.mark.parametrize("seed", range(3))
def test_metrics_agree_with_sklearn(task: str, seed: int) -> None:
    judged = random_judged(seed, task=task)
    found = values(judged)
    gold, predicted, probabilities = judged.gold, judged.predicted, judged.probabilities
    expected = {
        "macro_f1": sk.f1_score(gold, predicted, average="macro", zero_division=0),
        "accuracy": sk.accuracy_score(gold, predicted),
        "brier": np.mean([sk.brier_score_loss(y, p) for y, p in zip(gold.T, probabilities.T, strict=True)]),
    }
    if task == "primary":
        expected["mcc"] = sk.matthews_corrcoef(gold.argmax(1), predicted.argmax(1))
    for i, label in enumerate(judged.labels):
        expected[f"{label}/f1"] = sk.f1_score(gold[:, i], predicted[:, i])
        expected[f"{label}/precision"] = sk.precision_score(gold[:, i], predicted[:, i])
        expected[f"{label}/recall"] = sk.recall_score(gold[:, i], predicted[:, i])
        expected[f"{label}/mcc"] = sk.matthews_corrcoef(gold[:, i], predicted[:, i])
        expected[f"{label}/ap"] = sk.average_precision_score(gold[:, i], probabilities[:, i])
        expected[f"{label}/prevalence"] = gold[:, i].mean()
    for name in ("precision", "recall", "ap", *(["mcc"] if task == "attribution" else [])):
        expected[f"macro_{name}"] = np.mean([expected[f"{label}/{name}"] for label in judged.labels])
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    assert found.keys() - expected.keys() == {"ece", "aurc"}


def test_probability_metrics_are_of_the_rows_that_have_probabilities() -> None:
    gold = [attribution("a1", 0, (OFFICIAL,)), attribution("a2", 0, ()), attribution("a3", 0, (DENIAL,))]
    guess = [attribution("a1", 0, (OFFICIAL,), [1, 0, 0.5]), attribution("a2", 0, (), [0, 0, 0])]
    found = {s.metric: s for s in score(join(gold, [*guess, attribution("a3", 0, None)]))}
    assert found["brier"].value == pytest.approx(0.25 / 6)
    assert (found["brier"].n, found["brier"].articles) == (2, 2)
    assert (found["macro_f1"].n, found["macro_f1"].articles) == (3, 3)


def test_every_draw_is_the_metric_of_the_resampled_articles() -> None:
    judged = random_judged(1)
    counts = Counts.per_article(judged)
    drawn = count_metrics(counts.of(bootstrap(counts.table, 5, seed=3)))
    for draw, times in enumerate(bootstrap(np.eye(judged.articles), 5, seed=3)):
        assert times.sum() == judged.articles
        weights = times[judged.article]
        expected = sk.f1_score(judged.gold, judged.predicted, average="macro", sample_weight=weights)
        assert drawn["macro_f1"][draw] == pytest.approx(expected)


def test_intervals_hold_the_value_and_depend_on_the_seed_only() -> None:
    judged = random_judged(2)
    scores = score(judged, seed=0)
    assert scores == score(judged, seed=0)
    assert scores != score(judged, seed=1)
    for found in scores:
        assert (found.n, found.articles) == (300, 40)
        assert found.low is not None and found.high is not None
        assert found.low < found.value < found.high
    wide, narrow = score(judged, confidence=0.99)[0], score(judged, confidence=0.5)[0]
    assert wide.low < narrow.low < narrow.high < wide.high


def test_one_article_has_no_interval() -> None:
    judged = join(GOLD[:2], PREDICTED[:2])
    assert score(judged)[0] == Score("macro_f1", pytest.approx(1 / 3), None, None, 2, 1)
    tested = compare(judged, judged)
    assert (tested.low, tested.high, tested.detectable, tested.p) == (None, None, None, 1)


def right_and_wrong(right: int) -> tuple[Judged, Judged]:
    """Single-sentence articles that a gets right and b does not."""
    gold = [attribution(f"a{i}", 0, (DENIAL,)) for i in range(right)]
    return join(gold, gold), join(gold, [replace(row, labels=()) for row in gold])


@pytest.mark.parametrize("articles", [2, 3, 8])
def test_p_by_hand(articles: int) -> None:
    # Only "swap all" and "swap none" of the 2**articles patterns give a difference as large.
    tested = compare(*right_and_wrong(articles), metric="accuracy")
    assert (tested.a, tested.b, tested.difference) == (1, 0, 1)
    assert tested.p == pytest.approx(2 / 2**articles, abs=0.02)


def test_a_system_against_itself() -> None:
    tested = compare(judged := random_judged(0), judged)
    assert (tested.difference, tested.low, tested.high, tested.p, tested.detectable) == (0, 0, 0, 1, 0)


def test_a_clear_difference_is_found_and_its_sign_follows_the_order() -> None:
    better = random_judged(0)
    flip = np.random.default_rng(1).random(better.gold.shape) < 0.2
    worse = replace(better, predicted=better.predicted ^ flip)
    tested, back = compare(better, worse, draws=2000), compare(worse, better, draws=2000)
    assert tested.p == pytest.approx(1 / 2001, abs=1e-3)
    assert tested.low is not None and tested.high is not None and tested.detectable is not None
    assert 0 < tested.low < tested.difference < tested.high
    # 2.8 standard errors, an interval being about 3.92 of them wide.
    assert tested.detectable == pytest.approx(2.8 * (tested.high - tested.low) / 3.92, rel=0.1)
    assert (back.difference, back.p) == (-tested.difference, tested.p)
    assert back.low == pytest.approx(-tested.high)
    assert compare(better, worse, draws=2000) == tested


def test_compare_refuses_other_gold_and_unknown_metrics() -> None:
    judged, (other, _) = join(GOLD, PREDICTED), right_and_wrong(2)
    with pytest.raises(ResearchError, match=r"5 and 2 rows, first apart at attribution a1 \[0:5\] and"):
        compare(judged, other)
    with pytest.raises(ResearchError, match=r"same gold.*labels of attribution a0 \[0:5\]"):
        compare(other, replace(other, gold=~other.gold))
    with pytest.raises(ResearchError, match="no paired test for metric 'ece': known are macro_f1, accuracy"):
        compare(judged, judged, metric="ece")


def test_slices_are_the_scores_of_their_rows() -> None:
    judged = join(GOLD, PREDICTED)
    found = score_by(judged, "outlet")
    assert list(found) == ["(none)", "x", "y"]
    assert [scores[0].n for scores in found.values()] == [1, 2, 2]
    assert found["x"] == score(join(GOLD[:2], PREDICTED[:2]))
    with pytest.raises(ResearchError, match="no row has the field 'outlets': known are outlet"):
        score_by(judged, "outlets")


def test_confusions_of_several_labels_are_two_by_two() -> None:
    judged = random_judged(4)
    for i, table in enumerate(confusions(judged)):
        expected = sk.confusion_matrix(judged.gold[:, i], judged.predicted[:, i])
        assert table.counts.tolist() == expected.tolist()
        assert table.gold == table.predicted == (f"not {judged.labels[i]}", judged.labels[i])


def test_precision_recall_points_agree_with_sklearn() -> None:
    judged = random_judged(5)
    for i, curve in enumerate(precision_recall(judged)):
        precision, recall, _ = sk.precision_recall_curve(judged.gold[:, i], judged.probabilities[:, i])
        # scikit-learn goes from low to high and ends in an invented point (1, 0).
        assert curve.precision == pytest.approx(precision[:-1][::-1])
        assert curve.recall == pytest.approx(recall[:-1][::-1])
    assert precision_recall(join(GOLD, PREDICTED)) == reliability(join(GOLD, PREDICTED)) == ()


def test_reliability_bins_by_hand() -> None:
    gold = [attribution("a", i, (OFFICIAL,) if i in (5, 10) else ()) for i in (0, 5, 10)]
    guess = [attribution("a", i, (), [p, 0, 0]) for i, p in ((0, 0.3), (5, 0.35), (10, 1.0))]
    table = reliability(join(gold, guess))[0]
    assert table.rows.tolist() == [0, 0, 0, 2, 0, 0, 0, 0, 0, 1]
    assert table.mean[[3, 9]].tolist() == pytest.approx([0.325, 1])
    assert table.rate[[3, 9]].tolist() == [0.5, 1]
    assert np.isnan(table.rate[0])


def test_best_threshold_by_hand() -> None:
    gold = np.array([True, True, False, False])
    assert best_threshold(np.array([0.9, 0.6, 0.2, 0.1]), gold) == pytest.approx(0.4)
    assert best_threshold(np.array([0.9, 0.6, 0.2, 0.1]), ~gold) == pytest.approx(0.05)  # all of them
    assert best_threshold(np.array([0.9, 0.6]), np.array([False, False])) == 0.5
    # F1 is 2/3 at .9 (1 of 1, 1 of 2) and at all four (2 of 4): the gap .9 to .5 is the widest.
    assert best_threshold(np.array([0.9, 0.5, 0.4, 0.1]), np.array([True, False, False, True])) == pytest.approx(0.7)
    with pytest.raises(ValueError, match="nan"):
        best_threshold(np.array([0.9, np.nan]), np.array([True, False]))


EDGES = [0.0, 0.1, 0.5, float(np.nextafter(0.5, 1)), float(np.nextafter(0.5, 0)), 1.0]


@settings(max_examples=100)
@given(st.lists(st.tuples(st.floats(0, 1) | st.sampled_from(EDGES), st.booleans()), min_size=1, max_size=30))
def test_no_threshold_is_better_than_the_best(rows: list[tuple[float, bool]]) -> None:
    probabilities, gold = np.array([p for p, _ in rows]), np.array([y for _, y in rows])
    if gold.any():
        reached = sk.f1_score(gold, probabilities >= best_threshold(probabilities, gold))
        assert reached == pytest.approx(max(sk.f1_score(gold, probabilities >= t) for t in probabilities))


@settings(max_examples=50)
@given(st.integers(0, 10_000), st.integers(1, 40))
def test_metrics_stay_in_range_and_perfect_is_one(seed: int, n: int) -> None:
    judged = random_judged(seed, n=n, articles=min(n, 5))
    for name, value in values(judged).items():
        assert (-1 if name.endswith("mcc") else 0) <= value <= 1 + 1e-12, name
    perfect = values(replace(judged, predicted=judged.gold))
    assert perfect["accuracy"] == 1
    assert all(perfect[f"{label}/f1"] == judged.gold[:, i].any() for i, label in enumerate(judged.labels))
