"""Shares of labels: corrected closer to the truth than raw ones, with intervals that cover; groups and the command."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from research.cli import app
from research.config import Cues, Shipped
from research.datasets import load_dataset
from research.models import create
from research.models.checkpoint import Checkpoint
from research.records import TASKS, Row
from research.scoring import error_sums, join, prevalence, sample_sums, shift
from research.scoring.prevalence import FEWEST
from research.workflows.folds import measure_errors
from research.workflows.prevalence import published_day
from research.workflows.train import annotated

TASK = TASKS["attribution"]
Sentences = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # article, gold, decided, probability


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def other_share(rng: np.random.Generator, articles: int, log_odds: float) -> Sentences:
    """Sentences of a label are alike in all streams, and only how many there are differs (trained at log-odds -1)."""
    size = 3 + rng.poisson(9, articles)
    article = np.repeat(np.arange(articles), size)
    gold = rng.random(len(article)) < sigmoid(rng.normal(log_odds, 1, articles))[article]
    x = rng.normal(np.where(gold, 1.2, -1.2)) + rng.normal(0, 0.3, articles)[article]
    p = sigmoid(2.2 * x - 1)
    return article, gold, p >= 0.35, p


def other_texts(rng: np.random.Generator, articles: int, mean: float) -> Sentences:
    """Sentences of a kind have the same chance of a label in all streams, and the kinds differ."""
    size = 3 + rng.poisson(9, articles)
    article = np.repeat(np.arange(articles), size)
    x = 0.8 * rng.normal(mean, 1, articles)[article] + rng.normal(size=len(article))
    p = sigmoid(1.5 * x - 1)
    return article, rng.random(len(article)) < p, p >= 0.35, p


def sums(article: np.ndarray, *columns: np.ndarray) -> np.ndarray:
    return np.column_stack([np.bincount(article, weights=c) for c in (np.ones(len(article)), *columns)])


def errors_of(sentences: Sentences) -> np.ndarray:
    article, gold, decided, p = sentences
    return sums(article, gold & decided, decided, gold, p, p**2, p * gold)


@pytest.mark.parametrize(
    ("method", "stream", "trained", "new"),
    [("adjusted", other_share, -1.0, -3.0), ("calibrated", other_texts, -0.3, -1.5)],
)
def test_corrected_share_beats_the_raw_one_and_its_interval_covers(
    method: str, stream: Callable[..., Sentences], trained: float, new: float
) -> None:
    rng = np.random.default_rng(0)
    truth = stream(rng, 100_000, new)[1].mean()
    covered, corrected, raw = [], [], []
    for i in range(300):
        article, _, decided, p = stream(rng, 60, new)
        errors = errors_of(stream(rng, 200, trained))
        (found,) = prevalence(["x"], sums(article, decided, p), errors, method, draws=300, seed=i)  # type: ignore[arg-type]
        assert found.share is not None and found.low is not None and found.high is not None
        assert 0 <= found.low <= found.high <= 1
        covered.append(found.low <= truth <= found.high)
        corrected.append(abs(found.share - truth))
        raw.append(abs(found.raw - truth))
    assert np.mean(corrected) < 0.8 * np.mean(raw)
    assert 0.92 <= np.mean(covered) <= 0.98


def test_expectation_maximisation_finds_the_share_and_mends_the_probabilities() -> None:
    _, gold, _, p = other_share(np.random.default_rng(1), 2000, -3.0)
    trained = np.array([1 - 0.3, 0.3])
    before = np.column_stack([1 - p, p])
    share, after = shift(before, trained)
    assert share.sum() == pytest.approx(1) and np.allclose(after.sum(axis=1), 1)
    assert abs(share[1] - gold.mean()) < 0.03 < abs(p.mean() - gold.mean())
    assert ((after[:, 1] - gold) ** 2).mean() < ((p - gold) ** 2).mean()
    same, kept = shift(before, before.mean(axis=0))  # one step moves nothing, but the likeliest share may be elsewhere
    assert same.shape == (2,) and kept.shape == before.shape


def test_em_of_articles_is_near_em_of_their_sentences() -> None:
    article, gold, decided, p = other_share(np.random.default_rng(2), 150, -3.0)
    training = other_share(np.random.default_rng(3), 400, -1.0)
    parts = [article == i for i in range(150)]
    lines = np.stack([sample_sums(decided[m][:, None].astype(float), p[m][:, None]) for m in parts])
    (found,) = prevalence(["x"], lines, errors_of(training), "em", draws=100)
    rate = training[1].mean()
    exact = shift(np.column_stack([1 - p, p]), np.array([1 - rate, rate]))[0][1]
    assert found.share == pytest.approx(exact, abs=0.005)
    assert found.low is not None and found.high is not None and found.low < gold.mean() < found.high


def test_what_cannot_be_had_says_so() -> None:
    rng = np.random.default_rng(4)
    errors = errors_of(other_share(rng, 100, -1.0))
    article, _, decided, p = other_share(rng, FEWEST - 1, -1.0)
    (few,) = prevalence(["x"], sums(article, decided, p), errors)
    assert few.share is not None and few.low is None and few.note == f"no interval: fewer than {FEWEST} articles"
    article, _, decided, p = other_share(rng, 40, -1.0)
    sample = sums(article, decided, p)
    blind = errors.copy()
    blind[:, 1] = 0  # no label was ever found
    (unknown,) = prevalence(["x"], sample, blind, "adjusted")
    assert unknown.share is None and "nothing to correct with" in unknown.note
    rare = errors.copy()
    rare[1:, [1, 3]] = 0  # all the gold stands in one article, which many draws miss
    (unsure,) = prevalence(["x"], sample, rare, "adjusted")
    assert unsure.low is None and "too few articles with this label" in unsure.note
    (empty,) = prevalence(["x"], sample[:0], errors)
    assert (empty.share, empty.note) == (None, "no sentences")


def test_error_sums_by_hand() -> None:
    def row(i: int, labels: tuple[str, ...], p: float) -> Row:
        chances = {"official_statement": 0.0, "speculation": 0.0, "denial": p}
        return Row("attribution", "b" if i == 2 else "a", i, i + 1, labels, probabilities=chances)

    gold = [row(0, ("denial",), 0), row(1, (), 0), row(2, ("denial",), 0)]
    given = [row(0, ("denial",), 0.8), row(1, ("denial",), 0.6), row(2, (), 0.1)]
    denial = [0, 3, 6, 9, 12, 15, 18]  # the rows, then the third label of each block
    found = error_sums(join(gold, given))[:, denial]
    assert found == pytest.approx(np.array([[2, 1, 2, 1, 1.4, 1.0, 0.8], [1, 0, 0, 1, 0.1, 0.01, 0.1]]))


@pytest.mark.parametrize(
    ("published", "day"),
    [
        ("2026-02-14", "2026-02-14"),
        ("2026-02-14T23:59:00+02:00", "2026-02-14"),
        ("Sat, 07 Sep 2002 00:00:01 GMT", "2002-09-07"),
        ("last week", "None"),
        ("Sat, 07 Sep 99999999999999 00:00:00 GMT", "None"),
        ("", "None"),
    ],
)
def test_published_day(published: str, day: str) -> None:
    assert str(published_day(published)) == day


# --- the command ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The labelling rules, with their errors on the shipped corpus."""
    rules = create(Cues(), TASK)
    examples = annotated(TASK, load_dataset(Shipped()).articles("train")[:40])
    checkpoint = Checkpoint(rules, Cues(), TASK, (0.5,) * 3)
    errors = measure_errors(TASK, examples, checkpoint.predict(examples))
    folder = tmp_path_factory.mktemp("model")
    Checkpoint(rules, Cues(), TASK, (0.5,) * 3, errors=errors).save(folder)
    return folder


@pytest.fixture(scope="module")
def news(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """25 articles of one outlet in one week, 3 of another, one without a date."""
    file = tmp_path_factory.mktemp("news") / "news.jsonl"
    text = "The ministry denied the report on Tuesday. It rained. Troops may have crossed the border."
    rows = [
        {"article_id": f"a{i}", "text": text, "outlet": "Gazette" if i < 25 else "Herald", "published": "2026-02-14"}
        for i in range(28)
    ]
    file.write_text("".join(json.dumps(r) + "\n" for r in [*rows, {"article_id": "b", "text": text}]))
    return file


def measure(news: Path, model: Path, *more: str) -> Result:
    return CliRunner().invoke(app, ["prevalence", str(news), "--model", str(model), *more])


def test_groups_by_field_and_period(news: Path, model: Path) -> None:
    result = measure(news, model, "--by", "outlet,week", "--format", "json")
    assert (result.exit_code, result.stderr) == (0, "")
    found = json.loads(result.stdout)
    groups = [("(none)", "(none)", 1), ("Gazette", "2026-W07", 25), ("Herald", "2026-W07", 3)]
    assert [(r["outlet"], r["week"], r["articles"]) for r in found[::3]] == groups
    assert [r["label"] for r in found[:3]] == list(TASK.labels)
    gazette = {r["label"]: r for r in found[3:6]}
    assert all(r["sentences"] == 75 for r in gazette.values())
    assert gazette["denial"]["raw"] == pytest.approx(1 / 3)
    assert gazette["denial"]["low"] <= gazette["denial"]["share"] <= gazette["denial"]["high"]
    assert found[-1]["low"] is None and "fewer than" in found[-1]["note"]


def test_copies_can_count_once(news: Path, model: Path) -> None:
    result = measure(news, model, "--by", "outlet", "--copies", "first", "--format", "json")
    assert (result.exit_code, result.stderr.splitlines()[0]) == (0, "29 articles, 28 of them copies, left out")
    assert {(r["outlet"], r["articles"]) for r in json.loads(result.stdout)} == {("Gazette", 1)}


def test_every_format_says_the_same(news: Path, model: Path) -> None:
    shown = {form: measure(news, model, "--by", "month", "--format", form).stdout for form in ("json", "jsonl", "csv")}
    records = json.loads(shown["json"])
    assert [json.loads(line) for line in shown["jsonl"].splitlines()] == records
    assert [r["share"] for r in csv.DictReader(io.StringIO(shown["csv"]))] == [str(r["share"]) for r in records]
    table = measure(news, model).stdout
    assert "denial" in table and "29" in table and "95 % interval" in table


def test_refusals_are_one_line(news: Path, model: Path, tmp_path: Path) -> None:
    known = "day, language, month, outlet, week, year"
    assert measure(news, model, "--by", "region").stderr == (
        f"error: --by region: no article has this field; known: {known}\n"
    )
    assert (
        "--method median: unknown; known: calibrated, adjusted, em" in measure(news, model, "--method", "median").stderr
    )
    Checkpoint(create(Cues(), TASK), Cues(), TASK, (0.5,) * 3).save(tmp_path / "bare")
    assert "holds no out-of-fold errors" in measure(news, tmp_path / "bare").stderr
    primary = TASKS["primary"]
    Checkpoint(create(Cues(), primary), Cues(), primary, (0.5,) * 4).save(tmp_path / "primary")
    assert measure(news, tmp_path / "primary").stderr == (
        "error: prevalence needs a model for task 'attribution'; given: primary\n"
    )
    missing = measure(tmp_path / "none.jsonl", model)
    assert missing.exit_code == 2 and missing.stdout == ""
