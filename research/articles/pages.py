"""HTML pages to articles. The extraction is trafilatura's, the rest of the cleaning ours."""

from __future__ import annotations

import copy
import hashlib
import logging
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from research.articles.boxes import LABEL_WORDS, is_news
from research.articles.cleaning import clean_article
from research.articles.dumps import Line
from research.articles.headlines import repeats, shared_stems
from research.articles.texts import decode_text
from research.records import Article, ResearchError

if TYPE_CHECKING:
    from lxml.html import HtmlElement

LONGEST = 300  # characters of a line that may be a headline
MANY = 200  # elements looked at, so that no page takes long
NAME_WORDS = 5  # the most of a name
BOX_DEPTH = 3  # levels above a field at which its box may begin
BEGINNING = 40  # characters by which the first paragraph is known in the page

_DECLARED = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([A-Za-z0-9_.:-]+)""")


def article_from_page(data: bytes, article_id: str, origin: str, url: str = "", charset: str | None = None) -> Article:
    """An article from the bytes of a page; `charset` is the server's word, which goes before the page's own.

    Its field `sha256` is that of the bytes, besides those of `article_from_html`.
    """
    if charset is None and (declared := _DECLARED.search(data[:4096])):
        charset = declared[1].decode("ascii")
    article = article_from_html(decode_text(data, charset), article_id, origin, url)
    return replace(article, fields={**article.fields, "sha256": hashlib.sha256(data).hexdigest()})


def article_from_html(html: str, article_id: str, origin: str, url: str = "") -> Article:
    """An article whose text is the title, a blank line and the body's paragraphs, with the page's own metadata: the
    canonical address as `url`, the author and what extracted the text in its fields. What trafilatura leaves of the
    page around the article is cleaned away (cleaning.py).

    ResearchError when the page holds no article text.
    """
    import trafilatura  # slow to import, and most runs read no page

    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)  # what it would log is in our one line
    try:
        tree = trafilatura.load_html(html)
        if tree is None:
            raise ResearchError("no article text found in the page")
        _drop_fields(tree)
        found = trafilatura.bare_extraction(
            copy.deepcopy(tree), url=url or None, with_metadata=True, include_comments=False, include_tables=False
        )
    except ResearchError:
        raise
    except Exception as error:  # a stranger's page must never end the stream
        raise ResearchError(f"the page could not be parsed: {type(error).__name__}") from error
    paragraphs = [line.strip() for line in ((found and found.text) or "").splitlines() if line.strip()]
    if not paragraphs:
        raise ResearchError("no article text found in the page")
    paragraphs = _with_lists(_with_mates(paragraphs, tree), tree)
    title = _headline(" ".join((found.title or "").split()), paragraphs, tree)
    if title and " ".join(paragraphs[0].split()).casefold() != title.casefold():
        paragraphs.insert(0, title)
    fields = {"author": " ".join((found.author or "").split()), "extractor": f"trafilatura {trafilatura.__version__}"}
    article = Article(
        article_id,
        "\n\n".join(paragraphs),
        origin,
        title=title or None,
        outlet=found.sitename or None,
        published=found.date or None,
        url=found.url or url or None,
        fields={name: value for name, value in fields.items() if value},
    )
    head = tree.findtext(".//title")
    names = [found.author or "", found.sitename or "", *re.split(r"\s[|•–—-]{1,2}\s", head or "")[1:]]
    return clean_article(
        article, [name for name in names if name and name not in title and len(name.split()) <= NAME_WORDS]
    )


def _drop_fields(tree: HtmlElement) -> None:
    """Takes the boxes out of a page in which something is to be filled in: newsletters, comments, searches."""
    for field in list(islice(tree.iter("input", "textarea", "form"), MANY)):
        box = None
        for element in islice(field.iterancestors(), BOX_DEPTH) if field.tag != "form" else [field]:
            text = _text(element)
            if len(text) > LONGEST or is_news(text) or element.find(".//h1") is not None:
                break
            box = element
        if box is not None and box.getparent() is not None and box.tag not in {"body", "html"}:
            box.drop_tree()


def _with_mates(paragraphs: Sequence[str], tree: HtmlElement) -> list[str]:
    """The paragraphs, with sentences above the first one that were left out though they stand below the headline of the
    page in elements of the same class."""
    above: list[tuple[str, str]] = []  # class and text
    for element in islice(tree.iter("h1", "p", "div"), 10 * MANY):
        if element.tag == "h1":
            above = []
        elif (name := element.get("class")) and element.find(".//div") is None:
            text = " ".join(element.text_content().split())
            if text == " ".join(paragraphs[0].split()):
                known = " ".join(" ".join(paragraphs).split())
                mates = [one for mate, one in above if mate == name and Line(0, 0, one).is_body and one not in known]
                return [*mates, *paragraphs]
            above.append((name, text))
    return list(paragraphs)


def _with_lists(paragraphs: Sequence[str], tree: HtmlElement) -> list[str]:
    """The paragraphs, with the items of short lists that were left out behind the sentence that announces them."""
    lists: dict[str, list[str]] = {}
    for element in islice(tree.iter("ul", "ol"), MANY):
        lead = element.getprevious()
        if lead is not None and (text := _text(lead)).endswith(":"):
            lists[text] = [item for child in islice(element.iter("li"), MANY) if (item := _text(child))]
    everything = " ".join(" ".join(paragraphs).split())
    out: list[str] = []
    for paragraph in paragraphs:
        items = lists.get(" ".join(paragraph.split()), ())
        out += [paragraph, *(f"- {item}" for item in items if item not in everything)]
    return out


def _headline(title: str, paragraphs: Sequence[str], tree: HtmlElement) -> str:
    """The title, or a line above the body that has more to do with it, where the title is that of the outlet."""
    bodies = [" ".join(text.split()) for text in paragraphs if Line(0, 0, text).is_body and text != title]
    first = next((text for text in bodies if len(text.split()) > LABEL_WORDS), bodies[0] if bodies else "")
    lines: list[tuple[str, bool, bool]] = []
    for element in islice(tree.iter("h1", "h2", "b", "strong", "font", "td", "div", "p", "span", "center"), 10 * MANY):
        text = _text(element)
        if first and text.startswith(first[:BEGINNING]):
            break
        if Line(0, 0, text).is_headline:
            lines.append((text, element.tag in {"h1", "h2"}, element.find(".//a") is not None))
    own, *shares = shared_stems([title, *(line[0] for line in lines)], [text for text in paragraphs if text != title])
    for (text, heading, linked), share in zip(lines, shares, strict=True):
        shorter = len(text) < len(title) and repeats(title, text)  # "Print view: ..."
        if shorter or (share > own and not linked and text.startswith(f"{title} ")):
            return text
        if share >= 2 and ((heading and own <= 2 and share >= 2 * own) or own == 0 or (own == 1 and share > 2)):
            return text
    return title


def _text(element: HtmlElement) -> str:
    """The text of an element as far as a headline goes, that of a longer one cut."""
    out = ""
    for part in element.itertext():
        out += part
        if len(out) > LONGEST:
            break
    return " ".join(out.split())
