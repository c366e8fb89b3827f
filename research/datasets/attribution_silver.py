"""News sentences labelled by fine-tuned MiniLM, to learn from besides the gold (distillation; silver, not gold).

Its texts are articles of FNC-1 train and PolNeAR that the gold does not hold, nor anything nearly equal to it. The
file holds no text: it is joined with the corpora that stand on this machine.
"""

from __future__ import annotations

import json
from pathlib import Path

from research.articles import segment
from research.articles.copies import Copies
from research.config import AttributionGold, AttributionSilver, Fnc1, Polnear
from research.datasets.attribution_gold import load_attribution_gold
from research.datasets.audit import find_pairs
from research.datasets.dataset import Dataset
from research.datasets.fnc1 import load_fnc1
from research.datasets.polnear import load_polnear
from research.datasets.standoff import join_corpora, row_without_text, text_sha256, write_rows
from research.datasets.store import data_folders
from research.records import Article

NAME = "attribution-silver"
VERSION = 1
STANDOFF = Path(__file__).parent / "attribution_silver" / "standoff.json"


def load_attribution_silver(config: AttributionSilver) -> Dataset:
    """One split, train, as far as its corpora are here. ResearchError when none is; `Dataset.missing` counts others."""
    roots = [config.path] if config.path else data_folders()
    return join_corpora(NAME, VERSION, STANDOFF, roots, "fnc-1` and `research data fetch polnear")


def unlabelled_articles() -> list[Article]:
    """What there is to label: articles of FNC-1 train and PolNeAR, segmented, of which none nearly equals another one
    or one of the gold, or holds most of it. `fields` hold the corpus and the article's key in it."""
    gold = load_attribution_gold(AttributionGold())
    known = [("gold", article) for split in gold.splits for article in gold.articles(split)]
    copies = Copies()
    for _, article in known:
        copies.group(article)
    found = []
    for dataset, splits in ((load_fnc1(Fnc1()), ("train",)), (load_polnear(Polnear()), ("train", "dev"))):
        for given in (article for split in splits if split in dataset.splits for article in dataset.articles(split)):
            corpus, _, ref = given.origin.partition(":")
            article = Article(f"silver/{given.article_id}", given.text, fields={"corpus": corpus, "ref": ref})
            if copies.group(article) == article.article_id:
                found.append(article)
    pairs = find_pairs([*known, *(("free", article) for article in found)])
    leaking = {pair.right for pair in pairs if (pair.left_split, pair.right_split) == ("gold", "free")}
    return [segment(article) for article in found if article.article_id not in leaking]


def write_standoff(labelled: Path, out: Path) -> int:
    """Write the labels in `labelled` (what `classify --labelled` made of the articles above), without the texts, to
    `out`; returns the articles."""
    rows = []
    for line in labelled.read_bytes().splitlines():
        row = json.loads(line)
        row["sha256"] = text_sha256(row["text"])
        row.pop("primary", None)  # derived from the sentences: it would teach nothing
        rows.append(row_without_text(row, "train"))
    write_rows(sorted(rows, key=lambda row: (row["corpus"], row["ref"])), out)
    return len(rows)
