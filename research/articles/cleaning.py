"""Copies and crawls of pages to clean articles: several in one dump are separated, what stood around each is removed.

What a line is by itself says furniture.py, where the next article begins dumps.py. What its neighbours tell is here
for sections ("Related", "Comments"), in headlines.py for what stands above the body, in boxes.py for what stands
between the paragraphs, in foot.py for what stands below. A line that reads like a sentence is removed by its own words,
or where nothing ties it to the article and its place tells. Every removal is recorded.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain, repeat

from research.articles.boxes import LABEL_WORDS, LOOK, drop_boxes, is_news
from research.articles.dumps import (
    BODY_WORDS,
    KEY,
    KICKER_WORDS,
    META,
    NUMBER,
    TITLE_WORDS,
    Line,
    ends_sentence,
    read_lines,
    separate,
)
from research.articles.foot import drop_foot
from research.articles.headlines import find_title, greets
from research.articles.inline import find_inside
from research.articles.languages import is_foreign
from research.articles.shapes import QUOTATION
from research.records import Article, Removal, ResearchError

WITH_ITEMS = frozenset({"share", "pages", "credit", "tags"})  # lines that stand with such headlines, as dates do
SECTIONS = frozenset({"related"})  # lines below which other articles' headlines stand

_ITEM = re.compile(r"[-–—*•] \w")
_MARKED = re.compile(r"(?:[#*•–—-]+|[^\w\s\"“”‘’'()\[\]$£€¿¡.…]+) +(?=\S)|\*+")


@dataclass(frozen=True, slots=True)
class Cleaned:
    """One article of a dump: its text (headline, blank line, paragraphs), its headline if it has one, and what was
    removed around and inside it, as spans of the raw text."""

    text: str
    title: str | None
    removals: tuple[Removal, ...]


def articles_from_dump(text: str, article_id: str, origin: str) -> list[Article]:
    """The articles of a text, cleaned; of several ones the ids and origins are numbered: "news.txt#2".

    ResearchError when nothing in it is an article.
    """
    if not text.strip():
        raise ResearchError("no text")
    found = clean(text)
    if not found:
        raise ResearchError("no article text found, only what stands around articles")
    return [
        Article(f"{article_id}{number}", one.text, f"{origin}{number}", title=one.title, removals=one.removals)
        for i, one in enumerate(found, start=1)
        for number in (f"#{i}" if len(found) > 1 else "",)
    ]


def clean_article(article: Article, names: Sequence[str] = ()) -> Article:
    """An article whose text was taken out of a page or a file, without what is still around it; its title stays.
    `names` are those of outlet and author, with which lines of the page begin."""
    found = clean(article.text, several=False, names=names)
    if not found:
        raise ResearchError("no article text found, only what stands around articles")
    return replace(article, text=found[0].text, title=article.title or found[0].title, removals=found[0].removals)


def clean(raw: str, *, several: bool = True, names: Sequence[str] = ()) -> list[Cleaned]:
    """The articles of a text, in order; [] when nothing in it is one. Without `several` the text is what was found in
    one page or file. A text in which nothing is to be removed comes back as it is."""
    lines = _drop_sections(_keep_items(read_lines(raw)))
    if not lines:
        return []
    articles = list(separate(lines)) if several else [lines]
    found = [
        _clean_article(raw, own, names, several=len(articles) > 1, page=not several or len(articles) > 1)
        for own in articles
    ]
    found = [one for one in found if one.text]
    if len(found) == 1 and not found[0].removals and found[0].text == _joined(raw, lines, repeat(())):
        return [replace(found[0], text=raw)]
    return found


def _clean_article(raw: str, lines: Sequence[Line], names: Sequence[str], several: bool, page: bool) -> Cleaned:
    marked = _drop_comments(_drop_foreign(lines))
    marked, title = find_title(marked, names)
    first = next((i for i, line in enumerate(marked) if line.is_body and line is not title), len(marked))
    marked = drop_foot(drop_boxes(marked, first, page))
    removals = [Removal(line.rule, line.start, line.end, raw[line.start : line.end]) for line in marked if line.rule]
    kept = [line for line in marked if not line.rule]
    if not any(
        line.is_body and (not several or _is_told(line)) for line in kept
    ):  # a headline, a table, a poem: nothing tells what is furniture there
        empty = several or (not kept and len(lines) > 1)
        return Cleaned("" if empty else raw, title.text.lstrip("# ") if title else None, ())
    prefixes = (KEY, _MARKED, NUMBER) if several else (KEY, _MARKED)
    inside = [
        [Removal(rule, i, j, raw[i:j]) for rule, i, j in find_inside(raw, line, prefixes if line is title else ())]
        for line in kept
    ]
    text = _joined(raw, kept, inside)
    head = text.split("\n\n", 1)[0] if title and kept and kept[0] is title else None
    return Cleaned(
        text, head and " ".join(head.split()), tuple(sorted(chain(removals, *inside), key=lambda r: r.start))
    )


def _drop_foreign(lines: Sequence[Line]) -> list[Line]:
    """Marks the lines in other languages around an article in English: menus, notices and links of a site that has
    several editions."""
    foreign = [
        line.rule is None
        and len(line.text.split()) <= LABEL_WORDS
        and not QUOTATION.search(line.text)
        and is_foreign(line.text)
        for line in lines
    ]
    told = [other for line, other in zip(lines, foreign, strict=True) if line.is_body]
    if not any(foreign) or sum(told) * 4 > len(told):
        return list(lines)
    return [replace(line, rule="foreign") if other else line for line, other in zip(lines, foreign, strict=True)]


def _is_told(line: Line) -> bool:
    """Whether the line tells something, as "Good morning. Here are today's stories." does not."""
    return is_news(line.text) or (len(line.text.split()) > LABEL_WORDS and not greets(line.text))


def _keep_items(lines: Sequence[Line]) -> list[Line]:
    """The items of a list below a sentence with a colon are what somebody demands or promises: "- Let us go."."""
    out: list[Line] = []
    listed = False
    for line in lines:
        item = bool(_ITEM.match(line.text))
        if listed and item:
            line = replace(line, rule=None)
        listed = (listed and item) or (
            line.rule is None and line.text.endswith(":") and len(line.text.split()) >= BODY_WORDS
        )
        out.append(line)
    return out


def _drop_sections(lines: Sequence[Line]) -> list[Line]:
    """Marks the headlines that stand below "Related" and its like: up to the next blank line where they follow at once,
    else up to the next sentence."""
    out: list[Line] = []
    opened: str | None = None
    close = False  # whether a blank line ends the section
    for i, line in enumerate(lines):
        if line.rule in SECTIONS:
            opened = line.rule if not re.search(r"[:|]\s*\S", line.text) else None
        elif opened and line.rule is None:
            close = not line.apart if out[-1].rule in SECTIONS else close
            told = [other.is_body and not other.apart for other in lines[i + 1 : i + 2]]
            headline = any(other.rule in META for other in lines[i + 1 : i + 3]) or (line.apart and any(told))
            if headline or (line.apart and close) or len(line.text.split()) > TITLE_WORDS[1] or line.text.endswith("."):
                opened = None
            else:
                line = replace(line, rule="item")
        elif line.rule not in META | WITH_ITEMS:
            opened = None
        out.append(line)
    return out


def _drop_comments(lines: Sequence[Line]) -> list[Line]:
    """Marks all that stands below "Comments", once the body has begun."""
    bodies = 0
    for i, line in enumerate(lines):
        if line.rule == "comments" and bodies and _are_comments(lines[i + 1 : i + 1 + LOOK]):
            return [*lines[:i], *(replace(other, rule=other.rule or "comments") for other in lines[i:])]
        bodies += line.is_body
    return list(lines)


def _are_comments(lines: Sequence[Line]) -> bool:
    """Whether the lines look like readers' comments: names or dates above each, "Reply" below."""
    marks = sum(
        line.rule in {"comments", "date", "share", "byline"}
        or (len(line.text.split()) <= KICKER_WORDS and not ends_sentence(line.text))
        or bool(re.match(r"[\w.@ -]{2,30}(?: says| said| wrote)?:(?:\s|$)", line.text))
        for line in lines
    )
    return not lines or marks * 2 >= len(lines)


def _joined(raw: str, lines: Iterable[Line], inside: Iterable[Sequence[Removal]]) -> str:
    """The lines without what is removed inside each, a blank line between."""
    out = []
    for line, removals in zip(lines, inside, strict=False):
        own, position = "", line.start
        for removal in sorted(removals, key=lambda r: r.start):
            own += raw[position : removal.start] if removal.start > position else ""
            position = max(position, removal.end)
        own += raw[position : line.end]
        out.append(html.unescape(re.sub(r" {2,}", " ", own) if own != raw[line.start : line.end] else own).strip())
    return "\n\n".join(one for one in out if one)
