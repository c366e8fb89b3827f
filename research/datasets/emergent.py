"""Emergent: does a news headline support a rumour, deny it, or report it without taking a side (Ferreira and Vlachos
2016)? The headline is the text, the rumour the claim; the body of the article is not given.

The official split, by claim. There is no `unrelated`, so that only the other three labels count. Headlines that FNC-1
has as claims would leak where both are mixed: the audit tells, --drop-leaks takes them out.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from research.config import Emergent
from research.datasets.card import read_cards
from research.datasets.dataset import Dataset, Entry
from research.datasets.jsonl import segmenter
from research.datasets.pairs import Pair, claim_id_of, judged_entries, mapped, read_csv, stance_rows
from research.datasets.store import cached, corpus_folder
from research.records import Article, Row

NAME = "emergent"
VERSION = 1
FILES = {"train": "train.csv", "test": "test.csv"}
LABELS = {"for": "supports", "against": "denies", "observing": "discusses"}
LR = "published_lr_prediction"


def load_emergent(config: Emergent) -> Dataset:
    """The official splits. ResearchError when the corpus is not here."""
    folder = _folder(config)
    files = [folder / name for name in FILES.values()]
    settings = {"segmenter": segmenter()}
    return cached(NAME, read_cards()[NAME], files, VERSION, lambda: (_entries(folder), {}), settings)


def published_emergent(config: Emergent) -> dict[str, list[Row]]:
    """What the paper's logistic regression said of the test split."""
    rows, articles = _rows(_folder(config), "test")
    return {"ferreira-vlachos-lr": stance_rows(articles, _pairs(rows, "test", LR))}


def _folder(config: Emergent) -> Path:
    return corpus_folder(NAME, config.path, FILES["test"], f"research data fetch {NAME} --from DIR")


def _entries(folder: Path) -> list[Entry]:
    found = []
    for split in FILES:
        rows, articles = _rows(folder, split)
        found += judged_entries(split, articles, _pairs(rows, split, "stance"))
    return found


def _rows(folder: Path, split: str) -> tuple[list[dict[str, str]], Mapping[str, Article]]:
    """The lines of a split, and its headlines as articles. The event of a headline is its (first) claim, so that folds
    do not cut claims."""
    rows = read_csv(folder / FILES[split], ("claim", "headline", "stance"))
    articles: dict[str, Article] = {}
    for row in rows:
        name = _article_id(row, split)
        origin = f"{NAME}:{split}"
        event = f"{NAME}/{claim_id_of(row['claim'])}"
        articles.setdefault(name, Article(name, row["headline"], origin, event=event, fields={"corpus": NAME}))
    return rows, articles


def _pairs(rows: list[dict[str, str]], split: str, column: str) -> list[Pair]:
    labels = mapped(LABELS, rows, column, Path(FILES[split]))
    return [Pair(_article_id(row, split), row["claim"], label) for row, label in zip(rows, labels, strict=True)]


def _article_id(row: Mapping[str, str], split: str) -> str:
    return f"{NAME}/{split}/{claim_id_of(row['headline'])}"
