"""Headlines: which line above the body is the one, and what stands above it, around it, and again below."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice, pairwise, takewhile

from research.articles.boxes import BROKEN, LABEL_WORDS, LOOK, PAGE_WORDS, Words, has, is_news
from research.articles.dumps import (
    BODY_WORDS,
    KEY,
    META,
    TITLE_WORDS,
    Line,
    content,
    ends_sentence,
    overlap,
    plain_words,
)
from research.articles.furniture import READER

STANDFIRST_WORDS = 7  # the least of a line between headline and body that is no sentence and stays
RELATED = 0.3  # share of a line's words that the body has, too
STEM = 5  # letters by which words of a headline are looked for in the body: "counting", "count"
ENOUGH = 4  # of a headline's words that come back in the body
CLOSE = 0.6  # times as many as the best line above the body has: the first line with so many is the headline
NOTICES = 4  # the most sentences above a headline
FOOT = 3  # the last paragraphs, among which one on the outlet or the author may be
BYLINES = 2  # sentences that may stand above the byline
FIELDS = 3  # the least of fields that are a form, and no headline with a label

_GREETING = READER | frozenset("hello hi good welcome dear".split())
_KEY_ALONE = re.compile(r"(?:title|headline):", re.I)
_FIELD = re.compile(r"[A-Z][\w ]{0,20}: ")
_NAME = re.compile(r"\b(?=([A-Z][\w’'-]+ (?:[A-Z]\.? )?[A-Z][\w’'-]+))")


def find_title(lines: Sequence[Line], names: Sequence[str] = ()) -> tuple[list[Line], Line | None]:
    """The lines with the labels above and below the headline, its repetitions, and what repeats the `names` of outlet
    and author marked; and the headline: of the lines above the body the first one whose words come back in it."""
    head = _find_body(lines)
    candidates = [line for i, line in enumerate(lines[:head]) if line.is_headline and not _is_field(lines, i)]
    keyed = [
        line
        for above, line in pairwise(lines[:head])
        if line.is_headline and (KEY.match(line.text) or _KEY_ALONE.fullmatch(above.text))
    ]
    candidates = keyed or sorted(candidates, key=lambda line: " | " in line.text)  # which has the name of the outlet
    if not candidates:
        return list(lines), None
    body = [line for line in lines[head:] if line.rule is None]
    said = [f" {plain_words(line.text)} " for line in body[:LOOK] if line.is_body]
    if unnamed := [line for line in candidates if not any(f" {plain_words(line.text)} " in text for text in said)]:
        candidates = unnamed  # what stands in a sentence word for word is a name
    title = candidates[closest([line.text for line in candidates], [line.text for line in body])]
    shorter = [line for line in candidates if line is not title and repeats(title.text, line.text)]
    title = min([title, *shorter], key=lambda line: len(line.text))
    place = lines.index(title)
    out = []
    for i, line in enumerate(lines):
        if line.rule is None and line is not title:
            if repeats(line.text, title.text):
                line = replace(line, rule="repeated-title")
            elif i < place or (i < head and not _is_standfirst(line, body)):
                line = replace(line, rule="header")
        out.append(line)
    return _drop_names(out, place, names), title


def _is_field(lines: Sequence[Line], i: int) -> bool:
    """Whether the line is one of three fields or more, one below the other: "Prepared for: the ministry"."""
    parts = reversed(lines[max(i - FIELDS, 0) : i + 1]), lines[i : i + FIELDS]
    return sum(1 for part in parts for _ in takewhile(lambda line: _FIELD.match(line.text), part)) > FIELDS


def closest(candidates: Sequence[str], body: Sequence[str]) -> int:
    """The place of the first candidate for a headline whose words come back in the paragraphs of the body."""
    shares = shared_stems(candidates, body)
    return next(i for i, share in enumerate(shares) if share >= CLOSE * max(shares))


def shared_stems(candidates: Sequence[str], body: Sequence[str]) -> list[int]:
    """How many words of each candidate, ENOUGH at most, come back in the paragraphs of the body."""
    long = [text for text in body if len(text.split()) > LABEL_WORDS] or body
    known = {word[:STEM] for text in long for word in content(text)}
    return [min(len({word[:STEM] for word in content(text)} & known), ENOUGH) for text in candidates]


def _find_body(lines: Sequence[Line]) -> int:
    """Where the body begins: at the first sentence that is no notice above the headline."""
    bodies = [i for i, line in enumerate(lines) if line.is_body and not line.is_headline]
    for first, then in islice(pairwise(bodies), NOTICES):
        if not _is_notice(lines, first, then, page=len(bodies) > NOTICES):
            return first
    return bodies[min(NOTICES, len(bodies) - 1)] if bodies else len(lines)


def _is_notice(lines: Sequence[Line], first: int, then: int, page: bool) -> bool:
    """Whether the sentence at `first` stands above a headline that comes before the sentence at `then`: it leads over
    to it, or greets the reader, or the headline has a byline or date below; and nothing else ties it to the article."""
    notice = lines[first].text
    titles = [i for i in range(first + 1, min(then, first + LOOK)) if lines[i].is_headline]
    below = Words(lines[first + 1 : first + LOOK])
    if notice.endswith(":") and greets(notice) and below.shared(notice) <= PAGE_WORDS:
        return True
    own = set(content(notice))
    if not titles or any(
        line.is_headline and max(below.shared(line.text), len(own & set(content(line.text)))) > PAGE_WORDS
        for line in lines[:first][-LOOK:]
    ):
        return False
    told = page and any(line.rule in META for i in titles for line in lines[i + 1 : i + 3])
    leads = (
        notice.endswith(":") and titles[0] == first + 1 and len(notice.split()) <= LABEL_WORDS and not is_news(notice)
    )
    return leads or ((told or greets(notice)) and below.shared(notice) <= PAGE_WORDS)


def greets(text: str) -> bool:
    """Whether a sentence speaks to the reader and tells nothing."""
    return len(text.split()) <= 2 * LABEL_WORDS and has(text, _GREETING) and not is_news(text)


def _drop_names(lines: list[Line], place: int, known: Sequence[str]) -> list[Line]:
    """Marks what repeats a line above the headline or a name of the byline, such as the name of the outlet at the head
    of each page, and what is said of outlet and author at the foot."""
    bodies = [i for i, line in enumerate(lines) if line.is_body]
    names = [*known]
    names += [line.text for line in lines[:place] if line.rule == "header" and " " in line.text]
    names += [
        name
        for line in lines[: bodies[min(BYLINES, len(bodies) - 1)] if bodies else 0]
        if line.rule == "byline"
        for name in _NAME.findall(line.text)
    ]
    spaced = [f" {plain_words(name).removeprefix('the ')} " for name in names[-LOOK:]]
    for i, line in enumerate(lines):
        if line.rule is None and i > place:
            text = f" {plain_words(line.text)} "
            if line.is_body:
                named = (
                    i in bodies[-FOOT:]
                    and not is_news(line.text)
                    and any(text.removeprefix(" the").startswith(name) for name in spaced)
                )
            else:
                named = any(name in text for name in spaced)
            if named:
                lines[i] = replace(line, rule="header")
    return lines


def _is_standfirst(line: Line, body: Sequence[Line]) -> bool:
    words = len(line.text.split())
    related = words >= STANDFIRST_WORDS and overlap(line.text, body) >= RELATED
    return ends_sentence(line.text) or related or (words > TITLE_WORDS[1] // 2 and not BROKEN.search(line.text))


def repeats(line: str, title: str) -> bool:
    """Whether the line is the title, or the title with the name of the outlet behind it."""
    if plain_words(line) == plain_words(title):
        return True
    if re.match(r"[A-Z][\w ]{2,20}: ", line) and plain_words(line.partition(": ")[2]) == plain_words(title):
        return True  # "Print view: ..."
    cuts = (line.rpartition(mark) for mark in (" - ", " | ", " – ", " — ", " :: ", " / "))
    return any(
        mark and plain_words(before) == plain_words(title) and len(after.split()) <= BODY_WORDS
        for before, mark, after in cuts
    )
