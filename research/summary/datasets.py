"""Datasets as people read them: what there is, what one holds, what its audit found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from research.datasets import Audit, leaks

if TYPE_CHECKING:
    from rich.console import RenderableType

SHOWN_PAIRS = 20
SHOWN_TOKENS = 30


def datasets_table(found: Sequence[Mapping[str, Any]]) -> RenderableType:
    from rich.table import Table

    columns = list(dict.fromkeys(key for one in found for key in one))
    table = Table(*columns, box=None)
    for one in found:
        table.add_row(*("" if one.get(c) is None else str(one[c]) for c in columns))
    return table


def summary_tables(summary: Mapping[str, Any]) -> Iterator[RenderableType]:
    """The card, then the counts with a column per split and one for the whole."""
    from rich.table import Table

    card = Table("", "", box=None, show_header=False)
    for key, value in summary.items():
        if key not in ("splits", "all", "missing"):
            card.add_row(key, str(value))
    for corpus, n in summary["missing"].items():
        card.add_row("missing", f"{n} articles of {corpus}: their corpus is not here")
    yield card
    splits: Mapping[str, Mapping[str, Any]] = {**summary["splits"], "all": summary["all"]}
    counts = Table("", *splits, box=None)
    for key in dict.fromkeys(k for split in splits.values() for k in split):
        values = {name: split.get(key, {}) for name, split in splits.items()}
        if any(isinstance(v, Mapping) for v in values.values()):
            for entry in dict.fromkeys(e for v in values.values() for e in v):
                counts.add_row(f"{key}: {entry}", *(str(v.get(entry, 0)) for v in values.values()))
        else:
            counts.add_row(key, *(str(v) for v in values.values()))
    yield counts


def audit_tables(found: Audit) -> Iterator[RenderableType]:
    """Leaks first, then duplicates inside a split, shared events and giveaway tokens."""
    from rich.table import Table

    across = leaks(found)
    total = sum(found.articles.values())
    yield (
        f"{found.dataset} {found.revision}: {total} articles, {len(across)} pairs across splits, "
        f"{len(found.pairs) - len(across)} within one, {len(found.events)} events and {len(found.claims)} claims in "
        f"several splits"
    )
    ordered = [*across, *(p for p in found.pairs if p not in across)]
    if ordered:
        table = Table("kind", "article", "split", "article", "split", "similarity", box=None)
        for p in ordered[:SHOWN_PAIRS]:
            table.add_row(p.kind, p.left, p.left_split, p.right, p.right_split, f"{p.similarity:.2f}")
        yield table
    if found.claims:
        table = Table("claim, or an article of its words", "split", "split", box=None)
        for c in found.claims[:SHOWN_PAIRS]:
            table.add_row(c.claim, c.left_split, c.right_split)
        yield table
    if found.giveaways:
        table = Table("token", "label", "precision", "prevalence", "sentences", "articles", box=None)
        for g in found.giveaways[:SHOWN_TOKENS]:
            table.add_row(
                g.token, g.label, f"{g.precision:.2f}", f"{g.prevalence:.2f}", str(g.sentences), str(g.articles)
            )
        yield table
