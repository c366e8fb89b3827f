"""The foot of a page: what stands below the last paragraph of an article, sentences among it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile

from research.articles.boxes import LOOK, PAGE_WORDS, WEAK, Words, is_label, is_spaced
from research.articles.dumps import Line, ends_sentence, plain_words

PAGE_LINES = 4  # sentences at the foot of a page that may go with what stands around them
BRIEF = 12  # words of each of them when only one line tells that the page is over
CLOSING = frozenset(
    {"footer", "tags", "follow", "comments", "byline", "contact", "note"}
)  # a page rarely goes on below
BLOCK = frozenset({"subscription", "metadata", "related"})  # stands in the block at the foot of a page, too
WITHIN = frozenset({"advert", "subscription", "read-more", "credit"})  # furniture below which articles often go on
ENDS = frozenset({"end", "ends", "fin", "notes to editors", "notes for editors", "editor's notes", "30"})

_ABOUT_AUTHOR = re.compile(
    r"(?:(?:[A-Z][\w.’'-]*\s){2,4}|[Tt]he (?:author|writer) )(?:(?:is|was|has been) (?:a|an|the|our)\b.{0,80}"
    r"\b(?:columnist|reporter|correspondent|journalist|writer|editor|fellow|freelancer?|contributor|author of)\b"
    r"|(?:writes|teaches|covers|reports) \w+\b|reported from\b|is the author of\b).{0,160}"
)


def drop_foot(lines: Sequence[Line]) -> list[Line]:
    """Marks what is no part of the body below it: from the first furniture there, what is no sentence; behind what
    ends a page, also sentences, when none of them has to do with the body."""
    out = _drop_block(_drop_notes(lines))
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
    out = [
        replace(line, rule="byline") if i >= last and line.rule is None and _ABOUT_AUTHOR.fullmatch(line.text) else line
        for i, line in enumerate(out)
    ]
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


def _drop_notes(lines: Sequence[Line]) -> list[Line]:
    """Marks what stands below the end of a press release: "ENDS", "Notes to editors", "About Harrow Seed"."""
    for i, line in enumerate(lines):
        if _is_end(line):
            above, below = (sum(other.is_body for other in part) for part in (lines[:i], lines[i:]))
            most = above - 1 if line.rule else PAGE_LINES
            if below <= most and above * 2 > PAGE_LINES:
                return [*lines[:i], *(replace(other, rule=other.rule or "about") for other in lines[i:])]
    return list(lines)


def _is_end(line: Line) -> bool:
    if plain_words(line.text) in ENDS:
        return True
    name = line.text.removeprefix("About ")
    named = name != line.text and line.rule is None and not ends_sentence(name)
    return named and (name == name.title() or name.startswith(("this ", "the ", "our ")))


def _drop_block(lines: list[Line]) -> list[Line]:
    """Marks the last lines between which no blank line stands, in a text whose paragraphs have one, when one of them
    closes a page and the article has nothing to do with the sentences among them."""
    i = max((i for i, line in enumerate(lines) if line.apart and line.rule not in WEAK | {"repeated"}), default=0)
    block = lines[i:]
    if not any(line.rule in CLOSING | BLOCK for line in block) or not 2 <= len(block) <= LOOK or not is_spaced(lines):
        return lines
    words = Words(lines[max(i - LOOK, 0) : i])
    rest = [line.text for line in block if line.rule is None and not is_label(line)]
    if block[0].text in rest or len(rest) * 2 > len(block) or any(words.shared(text) > PAGE_WORDS for text in rest):
        return lines
    return [*lines[:i], *(replace(line, rule=line.rule or "tail") for line in block)]
