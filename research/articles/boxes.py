"""Boxes: what stands between and below the paragraphs of an article and is told by its neighbours alone. The lines
beside an advert or a newsletter form, links to other articles, what closes a page, what is said of the author.

A line is judged by its shape (a sentence or a label), by whether the rest of the article has its words, too, and by
what stands beside it. A sentence with a quotation or a word of speech in it is always the article's.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from research.articles.dumps import META, TITLE_WORDS, Line, content, ends_sentence
from research.articles.furniture import READER
from research.articles.shapes import QUOTATION

LOOK = 60  # lines looked at for a judgement, so that a dump of a million lines takes no longer for each
PAGE_WORDS = 1  # words that a line which is not the article's may share with it
LABEL_WORDS = 14  # the most of a line without a full stop that is a label, a link or a slogan
LINK_WORDS = 5  # the least of such a line that is a link to another article when it shares no word with this one
BRIEF = 30  # words; the most of a sentence that goes with the box beside it
TALK = 0.2  # share of the paragraphs that speak of "you" and "us" from which on that tells nothing: interviews, columns

BOXES = frozenset({"subscription", "cookies", "follow", "footer", "comments"})  # what has sentences of its own
LINKS = frozenset({"related", "item", "read-more", "advert", "box"})  # what stands among headlines of other articles
WEAK = frozenset({"ruler", "repeated-title", "date", "header", "aside"})  # lines that say nothing of their neighbours

_YOU = frozenset("you your you've you're yourself".split())
_SPEECH = re.compile(
    r"\b(?:sa(?:id|ys?|ying)|told|tells?|spoke|according|understood|reached|comment|wrote|reads|den(?:y|ie[sd]|ying)|argu(?:es?|ed)"
    r"|(?:claim|insist|confirm|reject|warn|suggest|suspect|expect|fear|doubt|think|deem|contend)(?:s|ed|ly|edly)?"
    r"|(?:report|add|ask)(?:s|ed|edly)"
    r"|(?:believe|allege|announce|dispute|decline|refuse|promise|acknowledge|dismisse?|accuse)(?:d|s|dly)?|thought|may|might)\b"
    r"|^(?-i:(?:[A-Z][A-Z.’'-]+ ?){1,3}|(?:[A-Z][a-z’'-]+ ?){1,2}):.*[.!?…]$",  # a speaker and what he says
    re.I,
)
# In a label, a sentence before what is none: "Live. Follow the inquiry".
BROKEN = re.compile(r"[a-z]{3}[.!?] [A-Z$€£\d]")
_TAGGED = re.compile(r"#[A-Za-z]|pic\.twitter|\bt\.co/")  # as in a post that the article quotes
_SHOUT = re.compile(  # "KID YOU NOT Mum has goat"
    r"(?:[A-Z][A-Z’'-]*[A-Z][:,!?]? |(?<=[A-Z] )[A&] ){2,}(?:.*[^.!?…\"”’')\]:]|[^a-z]*)"
)


class Words:
    """The words of the lines that are left of an article, and in how many of them each stands."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self.counts: Counter[str] = Counter()
        self.count(lines, 1)

    def count(self, lines: Iterable[Line], times: int) -> None:
        for line in lines:
            if line.rule is None:
                for word in set(content(line.text)):
                    self.counts[word] += times

    def shared(self, text: str, times: int = 0) -> int:
        """How many words of the text stand in more than so many lines."""
        return sum(self.counts[word] > times for word in set(content(text)))

    def strange(self, text: str, times: int = 0) -> bool:
        """Whether nothing ties the text to the article."""
        return not is_news(text) and self.shared(text, times) <= PAGE_WORDS


def is_news(text: str) -> bool:
    """Whether the text quotes or tells what somebody said."""
    return bool(QUOTATION.search(text) or _SPEECH.search(text))


def has(text: str, words: frozenset[str]) -> bool:
    """Whether one of the words stands in the text."""
    return not words.isdisjoint(re.findall(r"[a-z]+(?:'[a-z]+)?", text.lower().replace("’", "'")))


def is_label(line: Line) -> bool:
    """Whether the line is no sentence and no item of a list in one: a link, a slogan, a button, a sub-heading."""
    text = line.text
    return len(text.split()) <= LABEL_WORDS and not ends_sentence(text) and text[-1:] not in set(":;,\"”'’")


def is_spaced(lines: Iterable[Line]) -> bool:
    """Whether blank lines stand between the paragraphs, and so tell what belongs together."""
    bodies = [line.apart for line in lines if line.is_body]
    return sum(bodies) * 2 > len(bodies)


def drop_boxes(lines: Sequence[Line], first: int, page: bool) -> list[Line]:
    """Marks what stands in boxes below the line `first`, where the body begins. Of a `page` not all that told of it may
    be left; a text in which nothing is furniture has no boxes either."""
    out = list(lines)
    if not page and not any(line.rule and line.rule not in WEAK for line in lines):
        return out
    words = Words(lines)
    listed = _listed(lines)
    bodies = [line for line in lines if line.is_body]
    spaced = is_spaced(lines)
    talk = sum(has(line.text, _YOU) for line in bodies) > 1 + TALK * len(bodies)
    for places in (range(first, len(out)), range(len(out) - 1, first - 1, -1)):
        for i in places:
            if out[i].rule is None and i not in listed:
                above, below = (out[n] if 0 <= n < len(out) else None for n in (i - 1, i + 1))
                if _in_box(out[i], above, below, words, talk, spaced):
                    out[i] = replace(out[i], rule="box")
    return out


def _in_box(line: Line, above: Line | None, below: Line | None, words: Words, talk: bool, spaced: bool) -> bool:
    beside = {other.rule for other in (above, below) if other and other.rule} - WEAK
    block = [
        other for other, lower in ((above, line), (below, below)) if spaced and other and lower and not lower.apart
    ]
    near = {other.rule for other in block if other.rule} - WEAK
    if (
        line.text[1:2].isupper()
        and len(line.text.split()) <= BRIEF
        and _SHOUT.fullmatch(line.text)
        and not _TAGGED.search(line.text)
        and (not ends_sentence(line.text) or words.strange(line.text, 1))
    ):
        return True
    if is_label(line):
        if QUOTATION.search(line.text):
            return False
        if near & LINKS or (beside and not is_news(line.text)):
            return True
        return (
            (below is None or _stands_alone(line, below, words, talk) or any(map(_is_open_label, block)))
            and words.strange(line.text, 1)
            and not _TAGGED.search(line.text)
        )
    if line.text.endswith(":") and below and below.rule and len(line.text.split()) <= LINK_WORDS:
        return not is_news(line.text)
    if not ends_sentence(line.text) or len(line.text.split()) > BRIEF or not words.strange(line.text, 1):
        return False
    closed = all(other is None or other.rule or lower.apart for other, lower in ((above, line), (below, below or line)))
    walled = bool(above and below and {above.rule, below.rule} <= BOXES | {"box"})
    reader = has(line.text, _YOU) and not talk and not line.text.endswith("?")
    return bool(closed and near & (BOXES | {"advert", "box"})) or walled or (reader and bool(beside - META))


def _stands_alone(line: Line, below: Line, words: Words, talk: bool) -> bool:
    """Whether a label tells by itself that it is none of the article's: a link, a word to the reader, a broken-off
    sentence that does not go on in the line below."""
    link = len(line.text.split()) >= LINK_WORDS and not words.shared(line.text, 1)
    broken = BROKEN.search(line.text) and (below.rule or below.apart)
    return link or bool(broken) or (has(line.text, READER) and not talk)


def _is_open_label(line: Line) -> bool:
    """Whether a line is a label that is left: of several in a block each is one of a list of links."""
    return line.rule is None and is_label(line)


def _listed(lines: Sequence[Line]) -> set[int]:
    """Places of the lines without a full stop that follow a sentence with a colon: what somebody demands or writes,
    and of posts, below which a dash and a name stand."""
    found: set[int] = set()
    opened = False
    for i, line in enumerate(lines):
        quoted = i + 1 < len(lines) and lines[i + 1].text.startswith("—") and lines[i + 1].rule
        if (
            (opened or quoted)
            and line.rule is None
            and not ends_sentence(line.text)
            and len(line.text.split()) <= TITLE_WORDS[1]
        ):
            found.add(i)
        elif line.rule is None:
            opened = line.text.endswith(":") and len(line.text.split()) > LINK_WORDS - 2
    return found
