"""Labelled articles as one page: an index to search and sort, and every article with its sentences marked.

The page is one HTML file that needs no network and is written while the predictions come, so that it takes no more
memory for many articles than for one. Its scripts parse a text only when it is opened.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

from research.records import ATTRIBUTION_LABELS, PRIMARY_LABELS, STANCE_LABELS, UNRELATED, Prediction, Row
from research.summary.predictions import LETTERS

FOLDER = Path(__file__).parent
TEMPLATE, STYLE = "article_page.html", "article_page.css"
SCRIPTS = tuple(f"article_page{part}.js" for part in ("", "_reading", "_index", "_overview"))
SILENT = -1  # in the place of a label: the model abstained
NAMES = {
    "labels": ATTRIBUTION_LABELS,
    "letters": tuple(LETTERS[label] for label in ATTRIBUTION_LABELS),
    "primary": PRIMARY_LABELS,
    "stances": STANCE_LABELS,
    "unrelated": STANCE_LABELS.index(UNRELATED),
}
# Markup, halves of characters (they cannot be written as UTF-8; names of files may hold them), and what would turn
# the source of the page around: line separators and bidirectional controls.
_UNSAFE = re.compile("[<\ud800-\udfff\u2028-\u202e\u2066-\u2069]")


def article_page(predictions: Iterable[Prediction]) -> Iterator[str]:
    """The page as HTML, in pieces, each as soon as it is known. The sentences of an article do not overlap. Whatever
    comes from articles and claims is escaped or set as text, never as markup."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    claims: dict[tuple[str, str], int] = {}  # (claim_id, claim) -> its number; filled, as `models`, on the way
    models: dict[str, Mapping[str, str]] = {}

    def entries() -> Iterator[dict[str, Any]]:
        for prediction in predictions:
            models.update(prediction.models)
            numbers = [claims.setdefault((s.claim.claim_id, s.claim.claim), len(claims)) for s in prediction.stances]
            yield {
                "title": _whole(prediction.article.title or prediction.article.article_id),
                "primary": _primary_words(prediction),
                "row": _row(prediction, numbers),
                "body": _body(prediction, numbers),
            }

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(json=lambda value: Markup(json_line(value)), words=_words)
    style = _read(STYLE)
    script = "\n".join(_read(name) for name in SCRIPTS)
    template = environment.from_string(_read(TEMPLATE))
    yield from template.generate(
        style=Markup(style),
        script=Markup(script),
        style_hash=_hash(style),
        script_hash=_hash(script),
        names=NAMES,
        entries=entries(),
        claims=claims,
        models=models,
    )


def json_line(value: Any) -> str:
    """JSON on one line that may stand inside a <script> element of a page in UTF-8."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _row(prediction: Prediction, claims: list[int]) -> list[Any]:
    """What the index shows of an article; article_page.js names the places. Probabilities are in per cent, shares in
    hundredths of a per cent, labels are numbers."""
    article, primary = prediction.article, prediction.primary
    label = None if primary is None else PRIMARY_LABELS.index(primary.labels[0]) if primary.labels else SILENT
    return [
        article.article_id,
        article.outlet,
        article.published,
        article.origin,
        article.url,
        label,
        _percents(primary, PRIMARY_LABELS) if primary else [],
        int(prediction.derived),
        [round(share * 10_000) for share in prediction.shares.values()] if prediction.sentences else [],
        prediction.abstentions["silent sentences"],
        len(_spans(prediction)),
        [item for n, stance in zip(claims, prediction.stances, strict=True) for item in (n, _stance_label(stance.row))],
    ]


def _body(prediction: Prediction, claims: list[int]) -> list[Any]:
    """The text, once, as the pieces between, inside, between ... its sentences; for every sentence its labels (one bit
    each, or SILENT) and their probabilities, all in one list; the stances with the numbers of their evidence and, where
    sentences were asked for, [number, stance, probabilities] of each one that was judged."""
    text, spans = prediction.article.text, _spans(prediction)
    cuts = [0, *(offset for span in spans for offset in span), len(text)]
    marks: list[int | None] = []
    for row in prediction.sentences:
        marks.append(SILENT if row.labels is None else sum(1 << ATTRIBUTION_LABELS.index(one) for one in row.labels))
        marks += _percents(row, ATTRIBUTION_LABELS)
    number = {span: i for i, span in enumerate(spans)}
    stances = [
        [
            n,
            _percents(stance.row, STANCE_LABELS),
            [number[span] for span in stance.evidence],
            [[number[row.span], _stance_label(row), _percents(row, STANCE_LABELS)] for row in stance.sentences],
        ]
        for n, stance in zip(claims, prediction.stances, strict=True)
    ]
    return [[text[start:end] for start, end in pairwise(cuts)], marks, stances]


def _spans(prediction: Prediction) -> list[tuple[int, int]]:
    """Of the judged sentences, or of all where none was judged."""
    judged = [(row.start, row.end) for row in prediction.sentences]
    return judged or [sentence.span for sentence in prediction.article.sentences]


def _stance_label(row: Row) -> int:
    return STANCE_LABELS.index(row.labels[0]) if row.labels else SILENT


def _percents(row: Row, labels: tuple[str, ...]) -> list[int | None]:
    """A probability per label, None where the row has none."""
    chances = [row.probabilities.get(label) for label in labels]
    return [None if p is None else round(100 * p) for p in chances]


def _primary_words(prediction: Prediction) -> str:
    if prediction.primary is None:
        return ""
    return _words(prediction.primary.labels[0]) if prediction.primary.labels else "abstained"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _whole(text: str) -> str:
    """Without halves of characters."""
    return text.encode("utf-8", "replace").decode()


def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """As a Content-Security-Policy names an inline script or style."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
