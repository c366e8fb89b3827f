"""The dataset record, and the one place where articles become Hugging Face rows and rows articles again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from research.datasets.card import Card
from research.records import (
    ATTRIBUTION_LABELS,
    PRIMARY_LABELS,
    STANCE_LABELS,
    Article,
    Claim,
    ResearchError,
    Sentence,
)

if TYPE_CHECKING:
    import datasets as hf

SPLITS = ("extra", "train", "dev", "test")  # extra: learned from besides train, never held out or scored


@dataclass(frozen=True, slots=True)
class Entry:
    """What an adapter makes of one article. `rules` names, sentence by sentence, the codebook rule that its gold
    follows; empty where the corpus names none."""

    split: str
    article: Article
    rules: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dataset:
    """Examples and splits at one revision.

    `revision` is 12 hex digits of the sha256 of the sources, the settings and the adapter's version. `splits` are
    Hugging Face datasets, one row per article, with the columns of `features()`. `missing` counts, by corpus, the
    articles that are known but whose text is not on this machine.
    """

    name: str
    revision: str
    card: Card
    splits: Mapping[str, hf.Dataset]
    missing: Mapping[str, int]

    def articles(self, split: str) -> list[Article]:
        """The articles of a split, in the order of the source, with all gold. ResearchError for an unknown split."""
        if split not in self.splits:
            raise ResearchError(f"{self.name}: unknown split '{split}'; known: {', '.join(self.splits)}")
        return [_article(row) for row in self._rows(split)]

    def rules(self, split: str) -> list[str]:
        """The rule of every sentence of a split that carries one, for counting."""
        return [s["rule"] for row in self._rows(split) for s in row["sentences"] if s["rule"]]

    def without(
        self, article_ids: Mapping[str, Iterable[str]], claims: Mapping[str, Iterable[str]] | None = None
    ) -> Dataset:
        """The same dataset less some articles of some splits, and some claims (by their words) of some; what is left is
        another revision."""
        gone = {split: set(ids) for split, ids in article_ids.items() if ids}
        unsaid = {split: set(words) for split, words in (claims or {}).items() if words}
        if not gone and not unsaid:
            return self
        splits = {}
        for split, rows in self.splits.items():
            ids = rows["article_id"]
            kept = rows.select([i for i, one in enumerate(ids) if one not in gone.get(split, ())])
            splits[split] = _without_claims(kept, unsaid[split]) if unsaid.get(split) else kept
        named = "".join(
            f"\n{split} {i}" for some in (gone, unsaid) for split in sorted(some) for i in sorted(some[split])
        )
        return replace(self, splits=splits, revision=digest(self.revision + named))

    def _rows(self, split: str) -> list[dict[str, Any]]:
        # Through Arrow: plain labels come back as integers either way, and this is some ten times faster than
        # iterating over a Hugging Face dataset. `with_format` applies a selection that `.data` would ignore.
        rows: list[dict[str, Any]] = self.splits[split].with_format("arrow")[:].to_pylist()
        return rows


def _without_claims(rows: hf.Dataset, words: set[str]) -> hf.Dataset:
    from datasets import Dataset as HfDataset

    kept = [
        {**row, "claims": [claim for claim in row["claims"] if claim["claim"] not in words]}
        for row in rows.with_format("arrow")[:].to_pylist()
    ]
    return HfDataset.from_list(kept, features=features())


def digest(text: str) -> str:
    """12 hex digits that name `text`."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def features() -> hf.Features:
    """The columns of every split. `primary`, a sentence's `labels` and a claim's `label` are None where nobody
    judged; `labels: []` is background. `fields` are the further scalars of the article (corpus, register ...)."""
    from datasets import ClassLabel, Features, List, Value

    text = Value("string")
    return Features(
        {
            "article_id": text,
            "origin": text,
            "title": text,
            "outlet": text,
            "published": text,
            "url": text,
            "event": text,
            "text": text,
            "primary": ClassLabel(names=list(PRIMARY_LABELS)),
            "sentences": List(
                {
                    "start": Value("int32"),
                    "end": Value("int32"),
                    "text": text,
                    "labels": List(ClassLabel(names=list(ATTRIBUTION_LABELS))),
                    "rule": text,
                }
            ),
            "claims": List({"claim_id": text, "claim": text, "label": ClassLabel(names=list(STANCE_LABELS))}),
            "fields": List({"name": text, "value": text}),
        }
    )


def to_splits(entries: Iterable[Entry]) -> dict[str, hf.Dataset]:
    """Entries as Hugging Face datasets, in the order of SPLITS; a split without articles is left out."""
    from datasets import Dataset as HfDataset

    rows: dict[str, list[dict[str, Any]]] = {split: [] for split in SPLITS}
    for entry in entries:
        rows[entry.split].append(_row(entry))
    return {split: HfDataset.from_list(some, features=features()) for split, some in rows.items() if some}


def _index(names: tuple[str, ...], label: str | None) -> int | None:
    return None if label is None else names.index(label)


def _row(entry: Entry) -> dict[str, Any]:
    article = entry.article
    rules = entry.rules or (None,) * len(article.sentences)
    row: dict[str, Any] = {
        name: getattr(article, name)
        for name in ("article_id", "origin", "title", "outlet", "published", "url", "event", "text")
    }
    row["primary"] = _index(PRIMARY_LABELS, article.primary)
    row["sentences"] = [
        {
            "start": s.start,
            "end": s.end,
            "text": s.text,
            "labels": None if s.labels is None else [ATTRIBUTION_LABELS.index(label) for label in s.labels],
            "rule": rule,
        }
        for s, rule in zip(article.sentences, rules, strict=True)
    ]
    row["claims"] = [
        {"claim_id": c.claim_id, "claim": c.claim, "label": _index(STANCE_LABELS, c.label)} for c in article.claims
    ]
    row["fields"] = [{"name": name, "value": value} for name, value in article.fields.items()]
    return row


def _article(row: Mapping[str, Any]) -> Article:
    primary = row["primary"]
    return Article(
        article_id=row["article_id"],
        text=row["text"],
        origin=row["origin"],
        title=row["title"],
        outlet=row["outlet"],
        published=row["published"],
        url=row["url"],
        event=row["event"],
        sentences=tuple(
            Sentence(
                s["start"],
                s["end"],
                s["text"],
                None if s["labels"] is None else tuple(ATTRIBUTION_LABELS[i] for i in s["labels"]),
            )
            for s in row["sentences"]
        ),
        primary=None if primary is None else PRIMARY_LABELS[primary],
        claims=tuple(
            Claim(c["claim_id"], c["claim"], None if c["label"] is None else STANCE_LABELS[c["label"]])
            for c in row["claims"]
        ),
        fields={f["name"]: f["value"] for f in row["fields"]},
    )
