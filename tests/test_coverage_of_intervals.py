"""Simulated articles with a known answer: intervals hold it as often as they say, tests find no more than they may.

Ten sentences an article, and how often a system errs differs from article to article, so that rows are not independent.
A label that an article flips with probability e has F1 2 pi (1 - E[e]) / (2 pi (1 - E[e]) + E[e]) in the long run.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from research.records import TASKS
from research.scoring import Judged, compare, score
from research.scoring.counts import Counts
from research.scoring.intervals import bootstrap, percentiles
from research.scoring.metrics import count_metrics

PREVALENCE = np.array([0.4, 0.3, 0.2])
ERRS = 0.2  # the mean of Beta(1, 4)
SENTENCES = 10
TRUTH = {
    "macro_f1": float((2 * PREVALENCE * (1 - ERRS) / (2 * PREVALENCE * (1 - ERRS) + ERRS)).mean()),
    "denial/recall": 1 - ERRS,
    "denial/prevalence": 0.2,
}


def clustered(rng: np.random.Generator, articles: int, skill: float = 0.0) -> Judged:
    """A system that errs in an article with probability Beta(1, 4), times 1 - skill."""
    article = np.repeat(np.arange(articles), SENTENCES)
    gold = rng.random((len(article), 3)) < PREVALENCE
    errs = rng.random(gold.shape) < (rng.beta(1, 4, articles) * (1 - skill))[article, None]
    nan = np.full(gold.shape, np.nan)
    return judged(article, gold, gold ^ errs, nan)


def judged(article: NDArray, gold: NDArray, predicted: NDArray, probabilities: NDArray) -> Judged:
    keys = tuple(("attribution", f"a{i:06}", "", row, row) for row, i in enumerate(article))
    empty = np.zeros(len(article), bool)
    return Judged(TASKS["attribution"], keys, article, gold, predicted, empty, probabilities, ({},) * len(article))


def with_errors_of(system: Judged, gold: Judged) -> Judged:
    """A second system on the gold of `gold`: it errs where `system` did on its own."""
    return replace(gold, predicted=gold.gold ^ system.gold ^ system.predicted)


def rows_as_articles(system: Judged) -> Judged:
    """What a bootstrap over rows takes them for."""
    return replace(system, article=np.arange(len(system)))


def covered(systems: list[Judged], draws: int = 400) -> dict[str, float]:
    """How often the interval of each metric of TRUTH holds it."""
    inside = dict.fromkeys(TRUTH, 0)
    for seed, system in enumerate(systems):
        counts = Counts.per_article(system)
        drawn = count_metrics(counts.of(bootstrap(counts.table, draws, seed)))
        for name, truth in TRUTH.items():
            low, high = percentiles(drawn[name], 0.95)
            inside[name] += low <= truth <= high
    return {name: times / len(systems) for name, times in inside.items()}


@pytest.mark.slow
def test_intervals_over_articles_hold_the_truth_and_those_over_rows_do_not() -> None:
    rng = np.random.default_rng(0)
    systems = [clustered(rng, 150) for _ in range(1500)]
    for share in covered(systems).values():
        assert 0.93 <= share <= 0.97
    over_rows = covered([rows_as_articles(system) for system in systems[:200]], draws=200)
    assert over_rows["macro_f1"] < 0.85 and over_rows["denial/recall"] < 0.9
    assert over_rows["denial/prevalence"] > 0.9  # the gold itself is no more alike within an article


@pytest.mark.slow
def test_under_no_difference_the_paired_test_rejects_as_often_as_its_level_says() -> None:
    rng = np.random.default_rng(0)
    systems = [(clustered(rng, 60), clustered(rng, 60)) for _ in range(600)]
    pairs = [(first, with_errors_of(second, first)) for first, second in systems]
    for metric in ("macro_f1", "accuracy"):
        p = np.array([compare(a, b, metric, draws=300).p for a, b in pairs])
        for level in (0.01, 0.05, 0.2):
            assert np.mean(p <= level) <= level + 2.6 * (level * (1 - level) / len(p)) ** 0.5
        assert np.mean(p <= 0.05) > 0.02  # nor is it idle
    over_rows = [compare(rows_as_articles(a), rows_as_articles(b), "accuracy", draws=200).p for a, b in pairs[:200]]
    assert np.mean(np.array(over_rows) <= 0.05) > 0.1


@pytest.mark.slow
def test_the_detectable_difference_is_found_in_80_percent_of_the_tests() -> None:
    rng, skill = np.random.default_rng(0), 0.22
    systems = ((clustered(rng, 100, skill), clustered(rng, 100)) for _ in range(200))
    tests = [compare(first, with_errors_of(second, first), draws=300) for first, second in systems]
    power = np.mean([t.p < 0.05 for t in tests])
    ratio = np.mean([t.difference for t in tests]) / np.mean([t.detectable for t in tests])
    # Power at a difference of `ratio` detectable ones, by the normal approximation the number rests on.
    expected = sum(rng.standard_normal(100_000) + 2.8 * ratio > 1.96) / 100_000
    assert power == pytest.approx(expected, abs=0.1)


def calibrated(rng: np.random.Generator, articles: int, slope: float, shift: float) -> Judged:
    """True probabilities vary from article to article; the system reports them with its log-odds times `slope` plus
    `shift`."""
    article = np.repeat(np.arange(articles), SENTENCES)
    odds = rng.normal(-1, 1.2, (len(article), 3)) + rng.normal(0, 0.7, (articles, 3))[article]
    gold = rng.random(odds.shape) < 1 / (1 + np.exp(-odds))
    probabilities = 1 / (1 + np.exp(-(slope * odds + shift)))
    return judged(article, gold, probabilities >= 0.5, probabilities)


@pytest.mark.slow
@pytest.mark.parametrize(("slope", "shift"), [(1, 0), (1, 0.3), (1.3, 0.8)], ids=["perfect", "slight", "clear"])
def test_intervals_of_probability_metrics_hold_the_truth(slope: float, shift: float) -> None:
    rng = np.random.default_rng(1)
    truth = {one.metric: one.value for one in score(calibrated(rng, 50_000, slope, shift), draws=0)}
    if (slope, shift) == (1, 0):
        truth["ece"] = 0.0
    names = ("ece", "brier", "aurc", "macro_ap", "denial/ap")
    inside = dict.fromkeys(names, 0)
    rounds = 300
    for seed in range(rounds):
        found = {one.metric: one for one in score(calibrated(rng, 100, slope, shift), draws=300, seed=seed)}
        for name in names:
            inside[name] += found[name].low <= truth[name] <= found[name].high
    for name, times in inside.items():
        assert 0.91 <= times / rounds <= 0.99, (name, times / rounds)  # .95 give or take three standard errors
