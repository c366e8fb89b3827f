"""Predictions as people and spreadsheets read them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

from research.records import ATTRIBUTION_LABELS, BACKGROUND, UNRELATED, Prediction, Row

if TYPE_CHECKING:
    from rich.console import RenderableType

# Told apart without colour, too: every label has its own letter in front of the sentence.
STYLES = {"official_statement": "cyan", "speculation": "yellow", "denial": "magenta", BACKGROUND: "dim"}
LETTERS = {"official_statement": "O", "speculation": "S", "denial": "D"}
STANCE_STYLES = {"supports": "green", "denies": "red", "discusses": "yellow", UNRELATED: "dim"}
FIRST = ("article_id", "origin", "title", "primary", "stances")
COLUMNS = (*FIRST, "start", "end", "text", "labels", *ATTRIBUTION_LABELS)


def prediction_view(prediction: Prediction) -> Iterator[RenderableType]:
    """For the terminal: headline, primary label and shares, then each sentence with its labels."""
    from rich.table import Table
    from rich.text import Text

    article = prediction.article
    head = Text(article.title or article.article_id, style="bold")
    head.append(f"  {article.origin}", style="dim")
    yield head
    if prediction.primary:
        label = (prediction.primary.labels or ("abstained",))[0]
        line = Text("primary: ").append(label, style=STYLES.get(label, ""))
        if prediction.derived:
            line.append(" (derived from headline and lead)", style="dim")
        yield line
    for stance in prediction.stances:
        label = (stance.row.labels or ("abstained",))[0]
        line = Text(f"claim {stance.claim.claim_id}: ").append(label, style=STANCE_STYLES.get(label, ""))
        if label in stance.row.probabilities:
            line.append(f" ({stance.row.probabilities[label]:.2f})", style="dim")
        yield line.append(f"  {stance.claim.claim}")
        said = {row.span: (row.labels or ("abstained",))[0] for row in stance.sentences}
        for start, end in said or (stance.evidence if label != UNRELATED else ()):
            own = said.get((start, end), "")
            yield Text(f"    {own:10}" if own else "    ", style=STANCE_STYLES.get(own, "")).append(
                article.text[start:end], style="dim"
            )
    if prediction.sentences:
        yield Text("sentences: ").append(", ".join(f"{k} {v:.0%}" for k, v in prediction.shares.items() if v))
        table = Table(box=None, show_header=False, padding=(0, 1))
        table.add_column(width=3)
        table.add_column(overflow="fold")
        for row in prediction.sentences:
            known = "?" if row.labels is None else "".join(LETTERS[label] for label in row.labels)
            letters = Text(known, style=_style(row))
            table.add_row(letters, Text(article.text[row.start : row.end], style=_style(row)))
        yield table
    yield Text()


def legend() -> RenderableType:
    from rich.text import Text

    text = Text()
    for label, letter in LETTERS.items():
        text.append(f"{letter} {label}  ", style=STYLES[label])
    return text


def csv_header() -> str:
    return _line(list(COLUMNS))


def prediction_csv(prediction: Prediction) -> str:
    """One line per sentence; the article's own where there are no sentences."""
    article = prediction.article
    primary = (prediction.primary.labels or ("abstained",))[0] if prediction.primary else ""
    stances = "|".join(f"{s.claim.claim_id}:{(s.row.labels or ('abstained',))[0]}" for s in prediction.stances)
    first = [article.article_id, article.origin, article.title or "", primary, stances]
    if not prediction.sentences:
        return _line([*first, *[""] * (len(COLUMNS) - len(first))])
    lines = []
    for row in prediction.sentences:
        labels = "abstained" if row.labels is None else "|".join(row.labels)
        chances = [str(row.probabilities.get(label, "")) for label in ATTRIBUTION_LABELS]
        lines.append(_line([*first, str(row.start), str(row.end), article.text[row.start : row.end], labels, *chances]))
    return "".join(lines)


def _style(row: Row) -> str:
    """Denial is the rarest and tells most, so it gives the colour of a sentence with two labels."""
    return STYLES[
        next((one for one in ("denial", "speculation", "official_statement") if one in (row.labels or ())), BACKGROUND)
    ]


def _line(values: list[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(values)
    return out.getvalue()
