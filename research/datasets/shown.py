"""The counts that `research data show` prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from itertools import chain
from typing import Any

from research.datasets.dataset import Dataset
from research.records import ATTRIBUTION_LABELS, BACKGROUND, PRIMARY_LABELS, STANCE_LABELS, Article

SLICES = ("corpus", "sampling", "register", "dataset", "annotators")  # fields worth counting


def summarise(dataset: Dataset) -> dict[str, Any]:
    """What a dataset holds, ready for JSON.

    `splits` maps a split to counts, `all` has those of the whole: articles, sentences, judged (sentences with gold),
    labels (of judged sentences; background is the empty set, so they may sum to more than judged), two_labels
    (sentences with more than one), primary, stances, events, kinds of event, rules, and one count per field that
    slices it (corpus, sampling, register ...). The rest is the card, the revision and `missing`.
    """
    articles = {split: dataset.articles(split) for split in dataset.splits}
    rules = {split: dataset.rules(split) for split in dataset.splits}
    return {
        "name": dataset.name,
        "revision": dataset.revision,
        **asdict(dataset.card),
        "missing": dict(dataset.missing),
        "splits": {split: _counts(articles[split], rules[split]) for split in dataset.splits},
        "all": _counts([a for some in articles.values() for a in some], chain.from_iterable(rules.values())),
    }


def _counts(articles: list[Article], rules: Iterable[str]) -> dict[str, Any]:
    judged = [s.labels for article in articles for s in article.sentences if s.labels is not None]
    counts: dict[str, Any] = {
        "articles": len(articles),
        "sentences": sum(len(article.sentences) for article in articles),
        "judged": len(judged),
        "labels": _ordered(
            (label for labels in judged for label in labels or (BACKGROUND,)), (*ATTRIBUTION_LABELS, BACKGROUND)
        ),
        "two_labels": sum(len(labels) > 1 for labels in judged),
        "primary": _ordered((a.primary for a in articles if a.primary), PRIMARY_LABELS),
        "stances": _ordered((c.label for a in articles for c in a.claims if c.label), STANCE_LABELS),
        "events": len({a.event for a in articles if a.event}),
        "kinds": len({a.fields["kind"] for a in articles if "kind" in a.fields}),
        "rules": dict(Counter(rules).most_common()),
    }
    for name in SLICES:
        if found := Counter(a.fields[name] for a in articles if name in a.fields):
            counts[name] = dict(found.most_common())
    return counts


def _ordered(found: Iterable[str], labels: tuple[str, ...]) -> dict[str, int]:
    """Counts of all labels in the codebook's order; empty when nothing was judged."""
    counts = Counter(found)
    return {label: counts[label] for label in labels} if counts else {}
