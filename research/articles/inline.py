"""What is no part of the article inside a line that is: shortcodes, adverts, sub-headings glued to a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from research.articles.dumps import BODY_WORDS, INVISIBLE, Line
from research.articles.shapes import QUOTATION, shortcodes

GLUED_CHARACTERS = 500_000  # the longest text in which words are looked for again; a longer one is no article
HEADING_WORDS = 10  # the most of a glued sub-heading
_INLINE = re.compile(r"(?:(?<=[.!?”\"’)])|^)\s*[\[(]?(?:ADVERTISEMENT|Advertisement)[\])]?(?=\s+[\"“]?[A-Z])")
_LINK = re.compile(  # to another article: in brackets, at the end of the line, or before a sentence
    r" ?\((?i:see also|also read|read also|read more|related|watch|listen|photos?|video|gallery):? [^()]{3,120}\)"
    r"|(?<=[.!?”\"’)] )(?:(?:[A-Z]{4,}(?: [A-Z]+)?|(?i:see also|also read|read also|read more|related)): [^.!?]{5,100}$"
    r"|(?i:see also|also read|read also|read more): [^.!?]{5,100}?(?= (?:The|An?|In|On|It|He|She|They|But) [a-z]))"
)
_SHARES = re.compile(
    r"(?:^|(?<=[.!?”\"’)] ))(?:(?:Share|Tweet|Pin|Mail|E-?mail|Print|Facebook|Twitter|X|WhatsApp|SMS|LinkedIn|Reddit"
    r"|Telegram|Messenger|Pinterest|Flipboard|Copy|Link|Save)\s+){3,}(?=[\"“]?[A-Z])"
)
_JOIN = re.compile(r"(?<![\w#’'-])[A-Z]?[a-z]{3,}[”)?]?(?=[A-Z“\"])")
_OPENERS = frozenset(
    """The A An In On At By For From After Before According As And But If When While He She It They We Some Many Most
    Officials Mr Mrs Ms Dr This That These Those There His Her Their Its Meanwhile However Earlier Later Two Three Four
    Five Several One No Not With Since Until Despite Both All Residents Witnesses Police Speaking Asked Under
    Over""".split()
)
_PREFIXES = re.compile(r"(?:^|\s)(?:Mc|Mac|De|Di|Le|La|Van|Fitz|O)$")


def find_inside(raw: str, line: Line, prefixes: Sequence[re.Pattern[str]] = ()) -> Iterator[tuple[str, int, int]]:
    """Rule, start and end in `raw` of what is removed inside a line that stays; `prefixes` are those of a headline."""
    own = raw[line.start : line.end]
    for start, end in shortcodes(own):
        yield "shortcode", line.start + start, line.start + end
    for found in _INLINE.finditer(own):
        yield "advert", line.start + found.start(), line.start + found.end()
    for rule, pattern in (("read-more", _LINK), ("share", _SHARES)):
        for found in pattern.finditer(own):
            yield rule, line.start + found.start(), line.start + found.end()
    for found in INVISIBLE.finditer(own):
        yield "invisible", line.start + found.start(), line.start + found.end()
    if ends := [match.end() for prefix in prefixes if (match := prefix.match(own))]:
        yield "prefix", line.start, line.start + ends[0]
    if prefixes and own.startswith("**") and own.endswith("**"):
        yield "prefix", line.end - 2, line.end
    if line.is_body and len(raw) <= GLUED_CHARACTERS:
        for start, end in _glued_headings(own, raw):
            yield "glued-heading", line.start + start, line.start + end


def _glued_headings(line: str, text: str) -> Iterator[tuple[int, int]]:
    """Spans of sub-headings that run into the next sentence: "Border closedThe ministry said". What follows the join
    opens a sentence, or is a word that the text has elsewhere."""
    start = 0
    for stop in [*(m.end() for m in re.finditer(r"[.!?][\"”’]?\s+", line)), len(line)]:
        for join in _JOIN.finditer(line, start, stop):
            heading, rest = line[start : join.end()], line[join.end() : stop]
            word = re.match(r"[\"“]?([A-Z][\w’'-]*)", rest)
            token = heading.split()[-1] + rest.split(maxsplit=1)[0]
            if (
                word
                and re.match(r" *“?[A-Z\d]", heading)
                and len(heading.split()) <= HEADING_WORDS
                and len(rest.split()) >= BODY_WORDS
                and not _PREFIXES.search(heading)
                and (heading[0] + heading[-1] == "“”" or not QUOTATION.search(heading[:-1]))
                and text.count(token) == 1
                and (
                    word[1] in _OPENERS
                    or rest[0] in '"“'
                    or _recurs(word[1], text)
                    or (start == 0 and _is_plain(token))
                )
                and (" " in heading or word[1] in _OPENERS or _recurs(heading.lower(), text))
                and (" " not in heading or token[0].islower())
            ):
                yield start, join.end()
                break
        start = stop


def _is_plain(token: str) -> bool:
    """Whether a token is two words run together, and no "YouTube" or "eBay"."""
    return bool(re.fullmatch(r"[a-z]{3,}[A-Z][a-z]{3,}", token))


def _recurs(word: str, text: str) -> bool:
    """Whether a text has a word by itself."""
    return bool(re.search(rf"(?<!\w){re.escape(word)}\b", text))
