"""Articles cut into sentences: spans into the text as it stands, never into a changed copy of it.

The cutting inside a line is sentencex's (MIT, Wikimedia); ours are the lines (paragraphs, headline, hard-wrapped
text), the guarantee on offsets, and a few repairs for what news text does. A double-quoted quotation that closes in
its paragraph stays in one sentence, however many full stops it holds: its source is named once for all of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import sentencex  # type: ignore[import-untyped]

from research.records import Article, Sentence

HEADLINE_LENGTH = 200  # characters; the longest headlines of news sites, section and site name included
WRAP_WIDTHS = range(40, 121)  # columns at which mail, wire copy and plain-text archives break their lines
CONTEXT = 200  # characters on each side of a cut that a repair looks at
WRAP_SLACK = 8  # columns a wrapped line may stay short of the width; programs that balance lines leave that much

# Never the end of a sentence. Abbreviations that may end one (U.S., Inc., a.m.) are left to sentencex.
_TITLES = (
    "Adm Amb Atty Brig Capt Cdr Cmdr Col Cpl Det Dr Fr Gen Gov Hon Insp Lieut Lt Maj Messrs Mme Mr Mrs Ms "
    "Pfc Pres Prof Pte Pvt Rep Reps Rev Sen Sens Sgt Spc St Supt vs"
)
_ABBREVIATION = re.compile(rf"(?<![\w.])(?:\w+\.-)?(?:{_TITLES.replace(' ', '|')})\.$")
_CLOCK = re.compile(r"\b[ap]\.?m\.$", re.IGNORECASE)
_DAY_OR_ZONE = re.compile(r"(?:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|[A-Z]{1,3}T|UTC|[A-Z][a-z]+ [Tt]ime)\b")
_LIST_MARKER = re.compile(r"\(?(?:\d{1,3}|[A-Za-z]|[ivx]+)[.)]$|[-*•–—]$")
_OPENING_MARK = re.compile(r"(?<=\s)[\"“‘(\[]\s*$")
_ENDED_QUOTATION = re.compile(r"(?<![A-Z])[.!?…][\"”]\s+(?=[\"“‘(]?[A-Z])")
_ENDED_BRACKET = re.compile(r"^\([^()]*[.!?]\)\s+(?=[\"“‘(]?[A-Z])")
_ASKED = re.compile(r"[?!][\"”’]$")
_SPEAKER = re.compile(
    r"(?:[A-Z][\w.’'-]*\s+){1,4}(?:said|says|asks?|asked|wrote|writes|adds|added|told|replied|tweeted|shouted|demanded)\b"
)
_GLUED_END = re.compile(r"(?:[^\W\d_A-Z]{2}|\d\d|%)[.!?][\"”’)]?$")
_GLUED_START = re.compile(r"[\"“‘(]?[^\W\d_a-z](?:[^\W\d_A-Z]|\s)|[@#—–―]")
_ADDRESS = re.compile(r"/|\w@\w")


def segment(article: Article) -> Article:
    """The article with its sentences; sentences it already has are kept as they are."""
    if article.sentences:
        return article
    text = article.text
    return replace(article, sentences=tuple(Sentence(s, e, text[s:e]) for s, e in sentence_spans(text)))


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Half-open character spans of the sentences of `text`, in order.

    They do not overlap, none is empty or begins or ends with white space, and every other character lies in one.
    A headline (see `is_headline`) is one sentence; no sentence reaches over a blank line, nor over a line break
    unless the text was hard-wrapped at a fixed width.
    """
    units = list(_units(text))
    spans = []
    for number, (start, end) in enumerate(units):
        # sentencex sees a copy of equal length: any white space is a space, and lone surrogates cannot reach Rust.
        line = re.sub(r"[\ud800-\udfff]", "\ufffd", re.sub(r"\s", " ", text[start:end]))
        headline = number == 0 and len(units) > 1 and is_headline(line)
        cuts = [] if headline else _cuts(line)
        for left, right in pairwise([0, *cuts, len(line)]):
            piece = line[left:right]
            spans.append((start + left + len(piece) - len(piece.lstrip()), start + left + len(piece.rstrip())))
    return spans


def find_headline(text: str) -> str | None:
    """The first paragraph of a text of several, on one line, when it reads like a headline."""
    units = _units(text)
    line = " ".join(text[slice(*next(units, (0, 0)))].split())
    return line if is_headline(line) and next(units, None) else None


def is_headline(line: str) -> bool:
    """Whether a text's first paragraph reads as its headline: one short line that no full stop ends."""
    line = line.strip()
    return 0 < len(line) <= HEADLINE_LENGTH and len(line.splitlines()) == 1 and not re.search(r"[.!…][\"”’)\]]*$", line)


def _units(text: str) -> Iterator[tuple[int, int]]:
    """Spans of the stretches no sentence reaches out of: lines, or runs of hard-wrapped lines."""
    lines = []
    position = 0
    for raw in text.splitlines(keepends=True):
        lead = len(raw) - len(raw.lstrip())
        lines.append((position + lead, position + max(lead, len(raw.rstrip()))))
        position += len(raw)
    width = _wrap_width([text[s:e] for s, e in lines])
    open_unit: tuple[int, int] | None = None
    previous = (0, 0)
    for start, end in lines:
        if open_unit and start < end and width and _is_wrapped(text[slice(*previous)], text[start:end], width):
            open_unit = (open_unit[0], end)
        else:
            if open_unit:
                yield open_unit
            open_unit = (start, end) if start < end else None
        previous = (start, end)
    if open_unit:
        yield open_unit


def _wrap_width(lines: list[str]) -> int:
    """The column at which the text was hard-wrapped, 0 when it was not."""
    width = max((len(line) for line in lines if " " in line), default=0)
    breaks = [(upper, lower) for upper, lower in pairwise(lines) if upper and lower]
    if width not in WRAP_WIDTHS or len(breaks) < 2:
        return 0
    full = sum(_is_wrapped(upper, lower, width) for upper, lower in breaks)
    within = sum(lower[0].islower() for _, lower in breaks)  # wrapping cuts sentences; a list of short lines does not
    return width if full >= 0.8 * len(breaks) and within >= 0.3 * len(breaks) else 0


def _is_wrapped(upper: str, lower: str, width: int) -> bool:
    """Whether the line broke because the next word did not fit, and not because something ended."""
    marker, *rest = lower.split(maxsplit=1)
    return not (rest and _LIST_MARKER.match(marker)) and len(upper) + 1 + len(marker) > width - WRAP_SLACK


def _cuts(line: str) -> list[int]:
    """Offsets in `line` at which a new sentence begins, the first sentence left out."""
    candidates = {boundary["start_index"] for boundary in sentencex.get_sentence_boundaries("en", line)}
    candidates |= set(_ended_quotations(line))
    cuts: list[int] = []
    last = 0
    for candidate in sorted(candidates - {0, len(line)}):
        cut = candidate
        if opening := _OPENING_MARK.search(line[max(last, cut - CONTEXT) : cut]):
            cut -= len(opening[0])  # `he said. " We ...`: the mark opens the next sentence
        if cut > last and not _belong_together(line, last, cut):
            cuts.append(cut)
            last = cut
    # A sentence that is one bracket ends with it; sentencex runs on.
    pieces = list(pairwise([0, *cuts, len(line)]))
    brackets = [start + found.end() for start, end in pieces if (found := _ENDED_BRACKET.match(line[start:end]))]
    return sorted([*cuts, *brackets])


def _ended_quotations(line: str) -> Iterator[int]:
    """Where a sentence begins behind a quotation that ends with a full stop, the marks before it being balanced."""
    marks = position = 0
    for ended in _ENDED_QUOTATION.finditer(line):
        marks += sum(line.count(mark, position, ended.end()) for mark in '"“”')
        position = ended.end()
        if marks % 2 == 0:
            yield position


def _belong_together(line: str, start: int, cut: int) -> bool:
    """Whether the cut between line[start:cut] and what follows is one sentencex should not have made."""
    left = line[max(start, cut - CONTEXT) : cut].rstrip()
    right = line[cut : cut + CONTEXT].lstrip()
    if not left or not right or right[0] in ",;:)]" or _ABBREVIATION.search(left) or _LIST_MARKER.fullmatch(left):
        return True
    if (_ASKED.search(left) and _SPEAKER.match(right)) or (_CLOCK.search(left) and _DAY_OR_ZONE.match(right)):
        return True
    if line[cut - 1].isspace() or line[cut].isspace():
        return False
    # No space at the cut: two sentences run together ("stopped.Then"), or an address, a site name, initials.
    token = left.rpartition(" ")[2] + right.partition(" ")[0]
    return bool(_ADDRESS.search(token)) or not (_GLUED_END.search(left) and _GLUED_START.match(right))
