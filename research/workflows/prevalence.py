"""How much of the news is official statement, speculation or denial: by outlet, by week, by any field of articles."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from email.utils import parsedate_to_datetime

import numpy as np

from research.records import Article, Prediction, ResearchError
from research.scoring import Share, prevalence, sample_sums
from research.scoring.prevalence import METHODS, Method
from research.scoring.slices import NONE
from research.workflows.classify import known_errors, load_classifiers
from research.workflows.predicting import Classifiers

TASK = "attribution"
PERIODS: dict[str, Callable[[date], str]] = {
    "year": lambda day: f"{day:%Y}",
    "month": lambda day: f"{day:%Y-%m}",
    "week": lambda day: f"{day:%G-W%V}",
    "day": lambda day: f"{day:%Y-%m-%d}",
}
COLUMNS = ("outlet", "event")  # of an article, besides those in `fields`


@dataclass(frozen=True)
class Group:
    """The shares in the articles whose fields have these values (none: all articles)."""

    values: tuple[str, ...]
    shares: Sequence[Share]


def load_attribution(reference: str | None = None) -> Classifiers:
    """The attribution model named, else the champion, else the bundled one; no other."""
    found = load_classifiers([reference] if reference else [])
    if TASK not in found:
        raise ResearchError(f"prevalence needs a model for task '{TASK}'; given: {', '.join(found)}")
    return {TASK: found[TASK]}


def measure_prevalence(
    predictions: Iterable[Prediction],
    classifiers: Classifiers,
    by: Sequence[str] = (),
    method: str = "calibrated",
) -> list[Group]:
    """A group for every combination of the fields' values, in their order. week, month, year and day are those of
    `published`; an article without a value is under "(none)". `classifiers` made the predictions.

    ResearchError when the attribution model kept no out-of-fold errors, or no article has a field.
    """
    if method not in METHODS:
        raise ResearchError(f"--method {method}: unknown; known: {', '.join(METHODS)}")
    checkpoint, origin = classifiers[TASK]
    errors = np.array(known_errors(checkpoint, origin).sums, dtype=np.float64)
    labels = checkpoint.task.labels
    samples: dict[tuple[str, ...], list[np.ndarray]] = {}
    known: set[str] = set()
    for prediction in predictions:
        fields = article_fields(prediction.article)
        known |= fields.keys()
        samples.setdefault(tuple(fields.get(name, NONE) for name in by), []).append(_sums(prediction, labels))
    if samples and (missing := [name for name in by if name not in known]):
        raise ResearchError(
            f"--by {missing[0]}: no article has this field; known: {', '.join(sorted(known)) or 'none'}"
        )
    chosen: Method = method
    return [Group(values, prevalence(labels, np.stack(samples[values]), errors, chosen)) for values in sorted(samples)]


def article_fields(article: Article) -> dict[str, str]:
    """What articles can be grouped by: outlet, event, the periods of `published`, and whatever the file carried."""
    fields = dict(article.fields) | {name: value for name in COLUMNS if (value := getattr(article, name))}
    day = published_day(article.published or "")
    return fields | ({name: shown(day) for name, shown in PERIODS.items()} if day else {})


def published_day(published: str) -> date | None:
    """The day in an ISO date or time, or in the form of feeds and mail ("Sat, 07 Sep 2002 00:00:01 GMT")."""
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            return read(published.strip()).date()
        except (ValueError, OverflowError):  # of numbers that fit into no date
            continue
    return None


def _sums(prediction: Prediction, labels: Sequence[str]) -> np.ndarray:
    decided = [[label in (row.labels or ()) for label in labels] for row in prediction.sentences]
    chances = [[row.probabilities[label] for label in labels] for row in prediction.sentences]
    shape = (len(prediction.sentences), len(labels))
    return sample_sums(np.reshape(np.array(decided, dtype=float), shape), np.reshape(np.array(chances), shape))
