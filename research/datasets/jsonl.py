"""Your own labelled articles: one JSON object a line (Article JSONL, as `classify` reads it, plus gold)."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from importlib import metadata
from pathlib import Path

from research.config import Jsonl
from research.datasets.card import Card
from research.datasets.dataset import SPLITS, Dataset, Entry
from research.datasets.problems import Problems
from research.datasets.store import cached, file_sha256
from research.records import Article

VERSION = 1


def load_jsonl(config: Jsonl) -> Dataset:
    """The labelled articles of a file, named by the file's stem.

    A row's `split` wins. Of the other rows, whole events (or single articles that have none) go to test, about
    `config.test_share` of the articles, chosen by a hash of the event's name, the rest to train. Articles without
    `sentences` are segmented and carry no gold for attribution.
    """
    card = Card(
        title=config.path.stem,
        description=f"Articles of {config.path.name}.",
        licence="not stated",
        citation="",
        homepage="",
        synthetic=False,
    )
    settings = {"test_share": config.test_share, "segmenter": segmenter()}
    return cached(
        config.path.stem,
        card,
        [config.path],
        VERSION,
        lambda: (read_labelled(config.path, config.test_share), {}),
        settings,
    )


def read_labelled(path: Path, test_share: float) -> list[Entry]:
    """The articles of a labelled Article JSONL file with their splits. ResearchError tells the bad lines."""
    from research.articles import read_articles, segment

    problems = Problems()
    rows: list[tuple[str, Article]] = []
    first: dict[str, str] = {}
    for article in read_articles([str(path)], lambda origin, message: problems.add(f"{origin}: {message}")):
        line = article.origin.removeprefix(f"{path}:")
        split = article.fields.get("split", "")
        if split and split not in SPLITS:
            problems.add(f"{article.origin}: unknown split '{split}'; known: {', '.join(SPLITS)}")
        if article.article_id in first:
            where = first[article.article_id]
            problems.add(f"{article.origin}: article_id '{article.article_id}' stands already in line {where}")
        first.setdefault(article.article_id, line)
        fields = {name: value for name, value in article.fields.items() if name != "split"}
        # the cache outlives the folder the file lies in: keep its name only
        rows.append((split, replace(segment(article), origin=f"{path.name}:{line}", fields=fields)))
    problems.check()
    held_out = _held_out([article for split, article in rows if not split], test_share)
    return [Entry(split or ("test" if _group(article) in held_out else "train"), article) for split, article in rows]


def segmenter() -> str:
    """What cuts articles that come without sentences: other sentences are another revision."""
    from research.articles import segmentation

    return f"{file_sha256(Path(segmentation.__file__))} sentencex {metadata.version('sentencex')}"


def _group(article: Article) -> str:
    """What must not be torn apart: the event, or the article itself."""
    return f"event {article.event}" if article.event else f"article {article.article_id}"


def _held_out(articles: list[Article], share: float) -> set[str]:
    """The groups to hold out: in the order of their hash until the share is reached, never all of them.

    Not one draw a group: on a few events that would often give no test split at all.
    """
    sizes: dict[str, int] = {}
    for article in articles:
        sizes[_group(article)] = sizes.get(_group(article), 0) + 1
    chosen: set[str] = set()
    held = 0
    for group in sorted(sizes, key=lambda g: hashlib.sha256(g.encode("utf-8", "replace")).hexdigest())[:-1]:
        if held >= share * len(articles):
            break
        chosen.add(group)
        held += sizes[group]
    return chosen
