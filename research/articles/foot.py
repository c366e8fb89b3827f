"""The foot of a page: what stands below the last paragraph of an article, sentences among it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile

from research.articles.boxes import LOOK, Words, is_label
from research.articles.dumps import Line, ends_sentence

PAGE_LINES = 4  # sentences at the foot of a page that may go with what stands around them
BRIEF = 12  # words of each of them when only one line tells that the page is over
CLOSING = frozenset(
    {"footer", "tags", "follow", "comments", "byline", "contact", "note"}
)  # a page rarely goes on below
WITHIN = frozenset({"advert", "subscription", "read-more", "credit"})  # furniture below which articles often go on

_ABOUT_AUTHOR = re.compile(
    r"(?:[A-Z][\w.’'-]*\s){2,4}(?:(?:is|was|has been) (?:a|an|the|our)\b.{0,80}"
    r"\b(?:columnist|reporter|correspondent|journalist|writer|editor|fellow|freelancer?|contributor|author of)\b"
    r"|(?:writes|teaches|covers|reports) \w+\b|reported from\b|is the author of\b).{0,160}"
)


def drop_foot(lines: Sequence[Line]) -> list[Line]:
    """Marks what is no part of the body below it: from the first furniture there, what is no sentence; behind what
    ends a page, also sentences, when none of them has to do with the body."""
    out = _drop_about(lines)
    bodies = [i for i, line in enumerate(out) if line.is_body]
    last = bodies[-1] if bodies else len(out)
    words = Words(out)
    below = len(out)
    for i in range(last, max(last - LOOK, 0), -1):
        words.count(out[i:below], -1)
        below = i
        if sum(n < i for n in bodies[-PAGE_LINES - 3 :]) > 2 and _ends_page(out[i - 1], out[i:], words):
            last = i - 1
    while 0 < last < len(out) and out[last].is_body and _ABOUT_AUTHOR.fullmatch(out[last].text):
        out[last] = replace(out[last], rule="byline")
        last = max((i for i, line in enumerate(out) if line.is_body), default=0)
    last = _last_words(out, last)
    seen = False
    for i in range(last + 1, len(out)):
        seen = seen or out[i].rule is not None
        if seen and out[i].rule is None:
            out[i] = replace(out[i], rule="tail")
    return out


def _last_words(lines: Sequence[Line], last: int) -> int:
    """The place of the last sentence, one too short for a paragraph ("Nobody was hurt.") and behind a box included."""
    for i in range(last + 1, min(last + LOOK, len(lines))):
        if lines[i].rule is None:
            if not ends_sentence(lines[i].text) or len(lines[i].text.split()) < 2:
                break
            last = i
        elif lines[i].rule not in WITHIN:
            break
    return last


def _ends_page(line: Line, below: Sequence[Line], words: Words) -> bool:
    """Whether nothing below the line is the article's: it closes a page, or is one of a block of such lines, and what
    is left below is little and has nothing to do with the article, whose `words` are those above."""
    if line.rule is None:
        return False
    rest = [other.text for other in below if other.rule is None and not is_label(other)]
    if len(rest) > PAGE_LINES or not all(words.strange(text) for text in rest):
        return False
    mates = [line, *takewhile(lambda other: not other.apart, below)]
    block = line.apart and sum(mate.rule is not None for mate in mates) * 2 > len(mates) > 1
    return block or (line.rule in CLOSING and all(len(text.split()) <= BRIEF for text in rest))


def _drop_about(lines: Sequence[Line]) -> list[Line]:
    """Marks what a press release ends with: "About Harrow Seed", and what stands below."""
    for i, line in enumerate(lines):
        name = line.text.removeprefix("About ")
        named = name != line.text and line.rule is None and not ends_sentence(name)
        named = named and (name == name.title() or name.startswith(("this ", "the ", "our ")))
        if named and sum(other.is_body for other in lines[i:]) <= PAGE_LINES < 2 * sum(
            one.is_body for one in lines[:i]
        ):
            return [*lines[:i], *(replace(other, rule=other.rule or "about") for other in lines[i:])]
    return list(lines)
