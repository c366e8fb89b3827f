"""Shares of labels by group, for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from research.scoring import Share

if TYPE_CHECKING:
    from rich.table import Table


def prevalence_table(by: Sequence[str], groups: Iterable[tuple[Sequence[str], Sequence[Share]]]) -> Table:
    """A line per group and label; `raw` is the share of decisions, nothing corrected."""
    from rich.table import Table

    table = Table(*by, "label", "share", "95 % interval", "raw", "articles", "sentences", "", box=None)
    for values, shares in groups:
        for one in shares:
            share = "" if one.share is None else f"{one.share:.1%}"
            interval = "" if one.low is None else f"{one.low:.1%} to {one.high:.1%}"
            table.add_row(
                *values, one.label, share, interval, f"{one.raw:.1%}", str(one.articles), str(one.sentences), one.note
            )
    return table
