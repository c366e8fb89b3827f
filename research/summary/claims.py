"""Claims as people read them: who says what of each one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from research.records import UNRELATED
from research.summary.predictions import STANCE_STYLES

if TYPE_CHECKING:
    from rich.console import RenderableType

    from research.workflows.claims import RollUp


def claims_tables(found: RollUp) -> Iterator[RenderableType]:
    """Each claim with its counts, then the articles that have to do with it, by date."""
    from rich.table import Table
    from rich.text import Text

    for claim in found.claims:
        counts = found.counts[claim.claim_id]
        yield Text(f"{claim.claim_id}  ", style="bold").append(claim.claim)
        yield Text(", ".join(f"{label} {n}" for label, n in counts.items()) or f"{UNRELATED} 0", style="dim")
        voices = found.voices[claim.claim_id]
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
