"""What the lines around an article are: adverts, navigation, bylines, share lines ... The phrases and words are in
furniture.yaml, whose head says how they are compared; here is the comparison. What is told by a pattern and not by
words is in shapes.py.

Every rule asks for the whole line, so that a sentence which only mentions cookies or newsletters is safe from it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from research.articles.shapes import (
    ADDRESSED,
    CAPTION,
    CORRECTED,
    LONG,
    NOTE,
    ORNATE,
    PART,
    QUOTATION,
    RULER,
    SENTENCE_END,
    SHORT,
    is_ticker,
    shape,
)

CHARACTERS = 1000  # so that no pattern takes long
LONGEST = 60  # words; whatever is longer is a paragraph of somebody's article
READER = frozenset("you your you've you're we us our here".split())
TOLD = 20  # words; of more, in several sentences, the last one must speak to the reader, too
LISTED = frozenset("related read-more tags credit follow share advert metadata".split())  # may go on after a colon
BETWEEN = frozenset({"date", "share"})  # rules whose words may stand between phrases
SEPARATOR = re.compile(r"\s*[|•·]\s*|\s[/»]\s|\s[–—-]{1,2}\s|\s{3,}")
_WORD = re.compile(r"(\d[\d:.,/'-]*)?([^\W\d_]+(?:['.][^\W\d_]+)*)?")
_QUOTED = re.compile(r"\wed:\s*['‘]")
_SENTENCES = re.compile(r"[.!?] +[A-Z].*[.!?]$")
_CRUMB = re.compile(r"\s*[|›»>•·☰]\s*|\s+[/<]\s+")


@dataclass(frozen=True)
class Rule:
    """One entry of furniture.yaml, as sets of words."""

    name: str
    line: frozenset[str] = frozenset()
    begins: tuple[str, ...] = ()  # with a space behind
    opens: tuple[str, ...] = ()
    holds: tuple[tuple[frozenset[str], ...], ...] = ()
    words: frozenset[str] = frozenset()
    needs: frozenset[str] = field(default=frozenset())


@cache
def rules() -> tuple[Rule, ...]:
    import yaml  # most runs clean nothing

    found: dict[str, dict[str, Any]] = yaml.load(
        Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    )
    return tuple(_rule(name, given) for name, given in found.items())


def _rule(name: str, given: dict[str, Any]) -> Rule:
    line, begins, opens = (
        [" ".join(_words(str(phrase))) for phrase in given.get(key, ())] for key in ("line", "begins", "opens")
    )
    holds = tuple(tuple(frozenset(group.split()) for group in groups.split("+")) for groups in given.get("holds", ()))
    words, needs = (frozenset(str(given.get(key, "")).split()) for key in ("words", "needs"))
    begun, opened = (tuple(f"{phrase} " for phrase in phrases) for phrases in (begins, opens))
    return Rule(name, frozenset(line), begun, opened, holds, words, needs)


def furniture(line: str) -> str | None:
    """The name of the rule that a line falls under; None where it may be a part of the article."""
    text = " ".join(line.split())
    if RULER.fullmatch(text):
        return "ruler"
    words = _words(text)
    if not words or len(words) > LONGEST or len(text) > CHARACTERS:
        return None
    if is_ticker(text):
        return "ticker"
    if ADDRESSED.fullmatch(text):
        return "metadata"
    if CAPTION.fullmatch(text):
        return "credit"
    if ORNATE.fullmatch(text):
        return "aside"
    if NOTE.fullmatch(text) and not (CORRECTED.match(text) and len(words) > SHORT):
        return "note"
    if QUOTATION.search(text):
        return None
    return _by_words(words, text) or shape(text) or _by_parts(text) or _by_crumbs(text)


def _by_words(words: list[str], text: str) -> str | None:
    joined = " ".join(words)
    if name := _as_phrases(words):
        return name
    before, colon, _ = text.replace("|", ":").partition(":")
    if (
        colon
        and not _SENTENCES.search(text)
        and not _QUOTED.search(text)
        and (name := _as_phrases(_words(before))) in LISTED
    ):
        return name
    if words == ["0"]:
        return None  # a number by itself may be anything
    known = set(words)
    sentence = bool(SENTENCE_END.search(text)) and len(words) > 6
    tells = len(words) > TOLD and ". " in text and READER.isdisjoint(_words(text.rpartition(". ")[2]))
    to_reader = not known.isdisjoint(READER) and not tells
    leads = bool(re.match("(?:At|On|In) .*:$", text))  # as to a quotation: "At 09:31:"
    for rule in rules():
        begun = to_reader or (len(words) <= SHORT and not sentence)
        if joined.startswith(rule.opens) or (begun and joined.startswith(rule.begins)):
            return rule.name
        if len(words) <= LONG and not tells and any(all(known & group for group in groups) for groups in rule.holds):
            return rule.name
        if rule.words and known <= rule.words and known & rule.needs and not leads:
            return rule.name
    return None


def _by_parts(text: str) -> str | None:
    """A line in parts of which one is a date, a byline or so, and the others are short: "Courts | A. Brill | 4 May"."""
    parts = [part for part in SEPARATOR.split(text) if part]
    if len(parts) < 2 or SENTENCE_END.search(text) or max(len(part.split()) for part in parts) > PART:
        return None
    found = [_by_words(_words(part), part) or shape(part) for part in parts]
    return min(filter(None, found), key=lambda name: name not in ("byline", "date"), default=None)


def _by_crumbs(text: str) -> str | None:
    parts = [part for part in _CRUMB.split(text) if part]
    longest = max((len(part.split()) for part in (parts[:-1] if re.search("[›»]", text) else parts)), default=0)
    if len(parts) >= 3 and longest <= 4 and (not SENTENCE_END.search(text) or len(parts[-1].split()) > 4):
        return "navigation"
    return None


def _as_phrases(words: list[str]) -> str | None:
    """The rule of the first phrase when the words are nothing but `line` phrases, one after another; numbers and the
    small words of dates and share lines may stand between."""
    phrases, most = _phrases()
    names: list[str | None] = ["", *[None] * len(words)]  # the rule of words[:i] cut into phrases, "" without one yet
    reached = 0
    for end in range(1, len(words) + 1):
        if end - reached > most:
            return None
        for start in range(max(0, end - most), end):
            before = names[start]
            if before is not None and (rule := phrases.get(" ".join(words[start:end]))):
                names[end] = before or rule
                break
        else:
            names[end] = names[end - 1] if words[end - 1] in _between() else None
        if names[end] is not None:
            reached = end
    return names[-1] or None


@cache
def _between() -> frozenset[str]:
    return frozenset().union(*(rule.words for rule in rules() if rule.name in BETWEEN))


@cache
def _phrases() -> tuple[dict[str, str], int]:
    """The rule of each phrase that is a whole line, and the words of the longest one."""
    known = {phrase: rule.name for rule in reversed(rules()) for phrase in rule.line}
    return known, max(len(phrase.split()) for phrase in known)


def _words(text: str) -> list[str]:
    plain = text.lower().replace("’", "'")
    return [("0" if m[1] else "") + (m[2] or "") for m in _WORD.finditer(plain) if m[0]]
