"""What must stay out of everything a model learns from before the gold: gold dev and its near-duplicates."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from research.config import AttributionGold
from research.datasets.attribution_gold import load_attribution_gold, read_standoff
from research.datasets.audit import find_pairs
from research.datasets.dataset import Dataset, Entry
from research.datasets.standoff import text_sha256
from research.records import ResearchError

log = logging.getLogger(__name__)


def gold_here() -> Dataset | None:
    """attribution-gold, as far as its texts are on this machine; None, with a warning that says why, without any."""
    try:
        return load_attribution_gold(AttributionGold())
    except ResearchError as e:
        log.warning("near-duplicates of gold dev are looked for without its texts: %s", e)
        return None


def without_gold_dev(entries: Sequence[Entry], gold: Dataset | None) -> list[Entry]:
    """The entries less the articles of gold dev and what nearly equals one of them or holds most of it.

    Gold dev is told by the stand-off file (origin or sha256 of the text), near-duplicates by the texts that are here:
    those found among the entries and those of `gold`.
    """
    rows = [row for row in read_standoff() if row["split"] == "dev"]
    known = {f"{row['corpus']}:{row['ref']}" for row in rows} | {row["sha256"] for row in rows}
    dev = [e.article for e in entries if known & {e.article.origin, text_sha256(e.article.text)}]
    ids = {article.article_id for article in dev}
    free = [e for e in entries if e.article.article_id not in ids]
    dev += gold.articles("dev") if gold and "dev" in gold.splits else []
    placed = [*(("dev", article) for article in dev), *(("free", e.article) for e in free)]
    copies = {pair.right for pair in find_pairs(placed) if (pair.left_split, pair.right_split) == ("dev", "free")}
    return [e for e in free if e.article.article_id not in copies]
