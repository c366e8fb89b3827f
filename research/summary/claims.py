"""Claims as people read them: who says what of each one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from research.records import Claim
from research.summary.predictions import STANCE_STYLES

if TYPE_CHECKING:
    from rich.console import RenderableType


@dataclass(frozen=True, slots=True)
class Voice:
    """An article that has to do with a claim: its stance, how probable that is, and the sentences that bear on it."""

    claim_id: str
    claim: str
    label: str
    probability: float
    article_id: str
    outlet: str
    published: str
    title: str
    url: str
    evidence: str


@dataclass(frozen=True)
class RollUp:
    """`voices` of every claim, by date and article, unrelated articles left out; `counts` of every label by claim id;
    how many articles there were."""

    claims: tuple[Claim, ...]
    voices: Mapping[str, tuple[Voice, ...]]
    counts: Mapping[str, Mapping[str, int]]
    articles: int


def claims_tables(found: RollUp) -> Iterator[RenderableType]:
    """Each claim with its counts, then the articles that have to do with it, by date."""
    from rich.table import Table
    from rich.text import Text

    for claim in found.claims:
        counts = found.counts[claim.claim_id]
        yield Text(f"{claim.claim_id}  ", style="bold").append(claim.claim)
        voices = found.voices[claim.claim_id]
        for label, n in counts.items():
            outlets = Counter(voice.outlet for voice in voices if voice.label == label and voice.outlet)
            named = ", ".join(f"{outlet} {times}" for outlet, times in outlets.most_common())
            yield Text(f"{label} {n}", style=STANCE_STYLES.get(label, "")).append(f"  {named}" if named else "", "dim")
        if voices:
            table = Table("stance", "", "published", "outlet", "article", "evidence", box=None)
            for voice in voices:
                style = STANCE_STYLES.get(voice.label, "")
                table.add_row(
                    Text(voice.label, style=style),
                    f"{voice.probability:.2f}",
                    Text(voice.published[:10]),
                    Text(voice.outlet),
                    Text(voice.title or voice.article_id),
                    Text(voice.evidence, overflow="ellipsis", no_wrap=True),
                )
            yield table
        yield ""
