"""Dumps: texts that hold one article or several, with all that stood around them. Their lines, and where the next
article begins.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile

from research.articles.furniture import READER, furniture
from research.articles.shapes import SENTENCE_END

WRAPPED = 40  # characters, the least of a line that goes on in the next one
NARROW = 30  # characters; the least width of a column in which shorter lines go on, too
KICKER_WORDS = 3  # the most of a label beside a headline ("Opinion", a town), which no sentence is
OFTEN = 3  # times that a line stands in a dump before it is taken for a ticker or a banner
NUMBERED = 2  # times, when the lines differ in their numbers only: "Item 3 of 8"
HEAD = 100  # characters; the most of a line at the head of a page
TITLE_WORDS = (3, 24)
BODY_WORDS = 5  # the least of a line that is a part of the body and no label, wherever it stands
HEADLINE_WORDS = 18  # the most of a headline that nothing but the topic tells from a sub-heading or a caption
TOPIC = 60  # lines looked at for the topic above and below it
TOPIC_WORDS = 8  # the least of different words there are
SHARED = 0.15  # the most of the words below that may stand above, too
LOOK = 9  # lines below a headline in which its body begins
META = frozenset({"byline", "date", "codes", "metadata"})
ENDS = frozenset({"read-more", "footer", "ruler", "repeated"})  # lines after which a headline begins another article

INVISIBLE = re.compile("[\u200b\u200c\u2060\ufeff\u00ad]+")
NUMBER = re.compile('(?:#|No\\.? ?|[\\[(])?(\\d{1,2})(?:\\s?[.)\\]/:–-]|\ufe0f?\u20e3)\\s+(?=["“‘]?[A-Z])')
_NUMBER_ALONE = re.compile(r"(\d{1,2})[.):]")
_CLOCK = re.compile(r"\d{1,2}[:.]\d\d(?: ?[ap]\.?m\.?)?", re.I)  # as above each entry of a live blog
_NUMBERED = re.compile(r"(?:^|\D)\d{1,4}\s*$|^\s*\d{1,4}\s")  # as pages are
_DATELINE = re.compile(r"[A-Z][\w.,’' /-]{1,40} \([A-Z][\w./ -]{1,20}\) ?(?:-{1,2}|[–—])\s")
# In a line that ends with a link: "It fell. LISTEN: The bell".
_INNER_END = re.compile(r"[a-z]{3}[.!?][\"”]? [\"“]?[A-Z]")
_ORNAMENT = re.compile(r"^[\W_]+")
_NAME = re.compile(r"(?<=[a-z,;] )[A-Z][\w’'-]{2,}")
_ADDRESS = re.compile(r"https?:|www\.|\S{1,40}@")
_POSTED = re.compile(r"@|#\w|//|pic\.twitter")  # in a post, which has a date as headlines have
_CAPTION = re.compile(
    r"\d{4}|\?$|\((?:left|right|pictured|photo)\b|^[\"“][^\"”]*[\"”]$", re.I
)  # or a question, a quote
KEY = re.compile(r"(?:title|headline)\s*[:=]\s*(?=\S)", re.I)
_UNDONE = re.compile(
    r"(?:[,;]|\s(?:[Aa]n?|[Tt]he|and|or|of|to|in|on|at|by|for|from|with|that|[Ii]s|was|as|[Hh]is|her|its?))$|\([^)]*$"
)  # how a line ends that goes on in the next one
_FUNCTION = frozenset(
    """about after again also because been before being both could does down during each even from have here into just
    like made make many more most much must never only other over said same says should since some still such than that
    their them then there these they this those through under until upon very want were what when where which while who
    whom whose will with would your monday tuesday wednesday thursday friday saturday sunday""".split()
)


@dataclass(frozen=True, slots=True)
class Line:
    start: int
    end: int
    text: str
    rule: str | None = None
    apart: bool = True  # a blank line stands before it

    @property
    def is_body(self) -> bool:
        words = len(self.text.split())
        ended = ends_sentence(self.text) or (self.text.endswith(":") and words > BODY_WORDS) or words > TITLE_WORDS[1]
        ended = ended or (words > HEADLINE_WORDS and bool(_INNER_END.search(self.text)))
        return self.rule is None and words >= BODY_WORDS and ended

    @property
    def is_headline(self) -> bool:
        least, most = TITLE_WORDS
        given = _ORNAMENT.sub("", self.text)
        return (
            self.rule is None
            and least <= len(re.findall(r"\w+", self.text)) <= most
            and (given[:1].isupper() or given[:1].isdigit())
            and not self.text.startswith("About ")
            and not re.search(r"[.;:,…][\"”’')\]]*$", self.text)
        )


def read_lines(raw: str) -> list[Line]:
    spans = list(_paragraphs(raw))
    texts = [" ".join(html.unescape(INVISIBLE.sub("", raw[i:j])).split()) for i, j, _ in spans]
    counts = Counter(map(plain_words, texts))
    shapes = Counter(map(_shape, {plain_words(text) for text in texts}))
    lines: list[Line] = []
    for (i, j, apart), text in zip(spans, texts, strict=True):
        plain = plain_words(text)
        numbered = _shape(plain) != plain and shapes[_shape(plain)] >= NUMBERED and not ends_sentence(text)
        repeated = (
            "repeated"
            if counts[plain] >= (2 if len(plain.split()) <= 2 and not ends_sentence(text) else OFTEN) or numbered
            else None
        )
        value = bool(lines) and not apart and lines[-1].rule == "metadata" and lines[-1].text.endswith(":")
        lines.append(Line(i, j, text, furniture(text) or repeated or ("metadata" if value else None), apart))
    return lines


def _paragraphs(raw: str) -> Iterator[tuple[int, int, bool]]:
    """Spans of the lines, those of a hard-wrapped paragraph as one, and whether a blank line stands before each."""
    block: list[tuple[int, int]] = []
    position = 0
    heads = _running_heads(raw)
    column = max(map(len, raw.splitlines()), default=0)
    for line in [*raw.splitlines(keepends=True), ""]:
        end = position + len(line.rstrip())
        start = end - len(line.strip())
        head = end - start <= HEAD and _shape(plain_words(raw[start:end])) in heads
        if start < end and not head:
            block.append((start, end))
        elif block:
            yield from ((i, j, n == 0) for n, (i, j) in enumerate(_unwrap(raw, block, column)))
            block = []
        if start < end and head:
            yield start, end, True
        position += len(line)


def _running_heads(raw: str) -> set[str]:
    """What stands at the top or foot of each page of a print, among the lines of its paragraphs: short lines of two
    words or more that come back with another number."""
    found = {" ".join(line.split()) for line in raw.splitlines() if len(line) <= HEAD and _NUMBERED.search(line)}
    shapes = Counter(_shape(plain_words(line)) for line in found if not ends_sentence(line))
    return {shape for shape, count in shapes.items() if count >= NUMBERED and len(shape.split()) > 2}


def _unwrap(raw: str, block: Sequence[tuple[int, int]], column: int) -> Iterator[tuple[int, int]]:
    """Spans of the paragraphs in a block of lines. They are one when all but the last are long, or leave no room for
    the next word in their column, and another one goes on with a small letter, or each breaks off at a comma, in
    brackets, or behind a little word, or all the text stands in one `column` that they fill; where some lines are
    indented, each of these begins a paragraph."""
    indented = [start for start, _ in block if raw[max(start - 2, 0) : start] == "  "]
    first = 0
    for i in range(1, len(block) + 1):
        if i == len(block) or (0 < len(indented) < len(block) and block[i][0] in indented):
            own = block[first:i]
            width = max(max(end - start for start, end in own), NARROW)
            long = all(
                end - start >= WRAPPED
                or (len(own) > 2 and end - start + 1 + len(raw[then:after].split(maxsplit=1)[0]) > width)
                for (start, end), (then, after) in pairwise(own)
            )
            filled = WRAPPED <= column <= HEAD and all(
                end - start + 1 + len(raw[then:after].split(maxsplit=1)[0]) > column
                for (start, end), (then, after) in pairwise(own)
            )
            if filled or (
                long
                and (
                    any(raw[i].islower() and not _ADDRESS.match(raw, i) for i, _ in own[1:])
                    or all(_UNDONE.search(raw[max(i, j - WRAPPED) : j]) for i, j in own[:-1])
                )
            ):
                yield own[0][0], own[-1][1]
            else:
                yield from own
            first = i


def separate(lines: Sequence[Line]) -> Iterator[Sequence[Line]]:
    """The lines of each article, cut in front of each headline that begins another one."""
    keyed = sum(bool(KEY.match(line.text)) for line in lines) > 1
    numbered = _numbered_headlines(lines)
    first = bodies = 0
    headed = False  # whether the article that goes on has a headline: in a dump each has one
    signed = False  # whether its author has signed it below
    for i, line in enumerate(lines):
        signed = (signed or line.rule == "signature") and not line.is_body
        begins = bodies and (
            (keyed and KEY.match(line.text))
            or i in numbered
            or (line.rule == "post" and _tells(lines[i + 1 : i + LOOK]))
            or (signed and line.rule is None and any(other.is_body for other in lines[i + 1 : i + 2]))
            or (
                not numbered
                and headed
                and line.is_headline
                and not _POSTED.search(line.text)
                and (_begins_article(lines, i) or _changes_topic(lines, first, i))
            )
        )
        if begins:
            start = i
            while start > first + 1 and _is_kicker(lines[start - 1]):
                start -= 1
            yield lines[first:start]
            first, bodies, headed, signed = start, 0, False, False
        headed = headed or (not bodies and line.is_headline)
        bodies += line.is_body and not line.is_headline
    yield lines[first:]


def _tells(lines: Sequence[Line]) -> bool:
    """Whether a post that begins above the lines is more than a remark."""
    own = takewhile(lambda line: line.rule != "post", lines)
    return any(line.is_body and len(line.text.split()) > HEADLINE_WORDS for line in own)


def _is_kicker(line: Line) -> bool:
    """Whether the line may be a label above a headline: "Opinion", a town."""
    return line.rule is None and not ends_sentence(line.text) and len(line.text.split()) <= KICKER_WORDS


def _begins_article(lines: Sequence[Line], i: int) -> bool:
    """Whether the headline-like line i has a byline or date beside it, or something that ends an article above it, and
    a body below."""
    before = set()
    above = i - 1
    if above > 0 and _is_kicker(lines[above]):
        above -= 1
    while above >= 0 and (rule := lines[above].rule) is not None:
        if _CLOCK.fullmatch(lines[above].text):
            return False
        before.add("related" if rule == "read-more" and re.search("[:|]", lines[above].text) else rule)
        above -= 1
    after = set()
    below: list[Line] = []
    for line in lines[i + 1 : i + 1 + LOOK]:
        if line.is_body and not line.is_headline:
            below.append(line)
        elif below:
            break
        else:
            after.add(line.rule)
    told = after & META or before & META or before & ENDS or (below and _DATELINE.match(below[0].text))
    return bool(below and told) and overlap(lines[i].text, below) > 0


def _changes_topic(lines: Sequence[Line], first: int, i: int) -> bool:
    """Whether the headline-like line i has to do with what stands below it, and that nothing with what stands between
    it and the line `first`: next to no word, and one name or one word of the headline at most."""
    top = i
    while top > first and not lines[top].apart and (lines[top - 1].rule is not None or _is_kicker(lines[top - 1])):
        top -= 1
    text = lines[i].text
    if not lines[top].apart or len(text.split()) > HEADLINE_WORDS or _CAPTION.search(text) or NUMBER.match(text):
        return False
    below: list[str] = []
    for line in lines[i + 1 : i + 1 + TOPIC]:
        if line.is_headline and below:
            break
        if line.is_body:
            below.append(line.text)
        elif not below and line.is_headline and len(line.text.split()) >= BODY_WORDS:
            return False
    above = [line.text for line in lines[max(first, i - TOPIC) : i] if line.is_body]
    mine, theirs = ({word for one in texts for word in content(one)} for texts in (below, above))
    own = set(content(text))
    names, strangers = ({name.lower() for one in texts for name in _NAME.findall(one)} for texts in (below, above))
    return (
        len(own & mine) > max(len(own & theirs), 1)
        and len(mine) >= TOPIC_WORDS <= len(theirs)
        and len(mine & theirs) <= SHARED * len(mine)
        and len(own & theirs) + len((names & strangers) - _FUNCTION) <= 1
    )


def _numbered_headlines(lines: Sequence[Line]) -> list[int]:
    """Where "1. Headline", "2. Headline" ... stand, or "1." above a headline, when each has a paragraph below, and they
    are no sections of an article that begins above them, with which they share a word each; else []."""
    found = [(i, int(m[1])) for i, line in enumerate(lines) if line.is_headline and (m := NUMBER.match(line.text))]
    found = found or [
        (i, int(m[1]))
        for i, (line, below) in enumerate(pairwise(lines))
        if below.is_headline and (m := _NUMBER_ALONE.fullmatch(line.text))
    ]
    if len(found) < 2 or [number for _, number in found] != list(range(1, len(found) + 1)):
        return []
    places = [i for i, _ in found]
    parts = [lines[start:end] for start, end in pairwise([*places, len(lines)])]
    above = {
        word
        for line in lines[: places[0]]
        if line.is_body and READER.isdisjoint(line.text.lower().split())
        for word in content(line.text)
    }
    own = [{word for line in part if line.is_body for word in content(line.text)} for part in parts]
    listed = len(above) >= TOPIC_WORDS and sum(len(words & above) for words in own) >= len(own)
    return places if all(own) and not listed else []


def overlap(line: str, body: Sequence[Line]) -> float:
    """The share of the line's words of four letters or more that the body has, too."""
    words = set(content(line))
    known = {word for other in body for word in content(other.text)}
    return len(words & known) / max(len(words), 1)


def content(text: str) -> list[str]:
    return [word.removesuffix("s") for word in re.findall(r"[^\W\d_]{4,}", text.lower()) if word not in _FUNCTION]


def _shape(plain: str) -> str:
    return re.sub(r"\d+(?:st|nd|rd|th)?", "0", plain)


def ends_sentence(text: str) -> bool:
    return bool(SENTENCE_END.search(text))


def plain_words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))
