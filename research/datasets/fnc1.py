"""The Fake News Challenge, stage 1: does a news article agree with a headline, disagree, discuss it, or is it about
something else? The headline is the claim.

Three quarters of the pairs are `unrelated`, made by pairing at random, so they are easy. The official test split is
for final measurement. Ten of its bodies and ten of its headlines stand in train, too: training needs --drop-leaks,
which takes them out of train. The headlines are those of Emergent.

The event of a body is its story: bodies that share a headline which is not unrelated tell the same one. So folds do
not cut stories, which is what tells models apart on the test split, whose stories are others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from research.config import Fnc1
from research.datasets.card import read_cards
from research.datasets.dataset import Dataset, Entry
from research.datasets.jsonl import segmenter
from research.datasets.pairs import Pair, judged_entries, mapped, read_csv, stance_rows
from research.datasets.store import cached, corpus_folder
from research.records import UNRELATED, Article, Row

NAME = "fnc-1"
VERSION = 1
BODIES = {"train": "train_bodies.csv", "test": "competition_test_bodies.csv"}
STANCES = {"train": "train_stances.csv", "test": "competition_test_stances.csv"}
LABELS = {"agree": "supports", "disagree": "denies", "discuss": "discusses", "unrelated": "unrelated"}
PUBLISHED = {
    "talos": "published_predictions/talos_averaged_2models_cor4.csv",
    "athene": "published_predictions/athene_official_FNC_submission.csv",
}


def load_fnc1(config: Fnc1) -> Dataset:
    """The official splits. ResearchError when the corpus is not here."""
    folder = _folder(config)
    files = [folder / name for name in (*BODIES.values(), *STANCES.values())]
    settings = {"segmenter": segmenter()}
    return cached(NAME, read_cards()[NAME], files, VERSION, lambda: (_entries(folder), {}), settings)


def published_fnc1(config: Fnc1) -> dict[str, list[Row]]:
    """What the challenge's first (Talos) and second (Athene) said of the test split, by system; those whose file is
    here."""
    folder = _folder(config)
    bodies = _bodies(folder, "test")
    files = {system: folder / name for system, name in PUBLISHED.items() if (folder / name).is_file()}
    return {system: stance_rows(bodies, _pairs(file)) for system, file in files.items()}


def _folder(config: Fnc1) -> Path:
    return corpus_folder(NAME, config.path, STANCES["train"], f"research data fetch {NAME} --from DIR")


def _entries(folder: Path) -> list[Entry]:
    found = []
    for split in BODIES:
        pairs = _pairs(folder / STANCES[split])
        stories = _stories(pairs)
        bodies = {i: replace(body, event=stories.get(i)) for i, body in _bodies(folder, split).items()}
        found += judged_entries(split, bodies, pairs)
    return found


def _stories(pairs: Sequence[Pair]) -> Mapping[str, str]:
    """By article: the first article of its story."""
    first: dict[str, str] = {}

    def root(name: str) -> str:
        while first.setdefault(name, name) != name:
            name = first[name]
        return name

    for pair in pairs:
        article = root(pair.article_id)
        if pair.label != UNRELATED:
            first[root(f"headline {pair.claim}")] = article
    return {pair.article_id: root(pair.article_id) for pair in pairs}


def _bodies(folder: Path, split: str) -> Mapping[str, Article]:
    """By id; those of train and test have ids of their own."""
    file = folder / BODIES[split]
    articles = (
        Article(f"{NAME}/{row['Body ID']}", row["articleBody"], f"{NAME}:{row['Body ID']}", fields={"corpus": NAME})
        for row in read_csv(file, ("Body ID", "articleBody"))
    )
    return {article.article_id: article for article in articles}


def _pairs(file: Path) -> list[Pair]:
    rows = read_csv(file, ("Headline", "Body ID", "Stance"))
    labels = mapped(LABELS, rows, "Stance", file)
    return [Pair(f"{NAME}/{row['Body ID']}", row["Headline"], label) for row, label in zip(rows, labels, strict=True)]
