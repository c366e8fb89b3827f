"""PDF files, such as press releases, to articles. pypdf reads them; the lines of its pages become paragraphs here."""

from __future__ import annotations

import hashlib
import io
import logging
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from research.articles.cleaning import clean_article
from research.articles.texts import article_from_text
from research.records import Article, ResearchError

PAGES = 200  # a longer file is a report or a book
SECONDS = 30.0  # for all pages
EDGE = 3  # lines at the top and at the bottom of a page that may be its header and footer
NARROW = 40  # characters; no column of text is narrower
FULL = 0.75  # of the width: a line that would be shorter than this with the next word was not broken by the width

_NUMBER = re.compile(r"\d+")
_ITEM = re.compile(r"[•▪●*–—-]\s|\(?\d{1,2}[.)]\s")
_HYPHENATED = re.compile(r"([^\W\d_]+)-$")


def article_from_pdf(data: bytes, article_id: str, origin: str) -> Article:
    """The text of all pages as paragraphs, less the headers and footers that recur from page to page.

    A line break inside a paragraph is mended, and so is a word cut by a hyphen, unless the text has the word with its
    hyphen elsewhere. ResearchError when the file is broken, encrypted, too long, or has no text, as scans have none.
    """
    import pypdf  # only runs that read PDF files need it

    paragraphs = list(_paragraphs(_without_edges(_read(data))))
    if not paragraphs:
        raise ResearchError("no text in this PDF: scanned pages need text recognition (OCR) first")
    article = clean_article(article_from_text("\n\n".join(paragraphs), article_id, origin))
    fields = {"extractor": f"pypdf {pypdf.__version__}", "sha256": hashlib.sha256(data).hexdigest()}
    return replace(article, fields={**article.fields, **fields})


def _read(data: bytes) -> list[list[str]]:
    """The lines of each page; a blank one is "", and there is none at the top and at the bottom."""
    import pypdf
    from pypdf.errors import DependencyError, FileNotDecryptedError

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # what it would log is in our one line
    deadline = time.monotonic() + SECONDS
    try:
        reader = pypdf.PdfReader(io.BytesIO(data))
        if (count := len(reader.pages)) > PAGES:
            raise ResearchError(f"PDF of {count} pages; an article has at most {PAGES}")
        pages = []
        for page in reader.pages:
            text = page.extract_text().encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
            pages.append([" ".join(line.split()) for line in text.strip().splitlines()])
            if time.monotonic() > deadline:
                raise ResearchError(f"PDF took longer than {SECONDS:g} s")
        return pages
    except ResearchError:
        raise
    except (FileNotDecryptedError, DependencyError):
        raise ResearchError("encrypted PDF: save it without a password first") from None
    except Exception as error:  # a stranger's file must never end the stream
        raise ResearchError(f"broken PDF: {' '.join(str(error).split()) or type(error).__name__}"[:200]) from None


def _without_edges(pages: list[list[str]]) -> list[list[str]]:
    """The pages without the lines that stand at the top or the bottom of each, whatever the numbers in them. The first
    page may be without such a line."""
    for at in (0, -1):
        for _ in range(EDGE):
            edges = [_NUMBER.sub("#", page[at]) if page else "" for page in pages]
            line, count = Counter(edges[1:]).most_common(1)[0] if len(edges) > 1 else ("", 0)
            if not line or count < len(edges) - 1 or (edges[0] != line and count < 2):
                break
            pages = [_without(page, at) if edge == line else page for page, edge in zip(pages, edges, strict=True)]
    return pages


def _without(page: list[str], at: int) -> list[str]:
    page = page[1:] if at == 0 else page[:-1]
    while page and not page[at]:
        page = page[1:] if at == 0 else page[:-1]
    return page


def _paragraphs(pages: list[list[str]]) -> Iterator[str]:
    lines = [line for page in pages for line in page]
    filled = [line for line in lines if line]
    if len(filled) < 2 * len(lines) / 3:
        lines = filled  # double spaced: blank lines mean nothing
    text = "\n".join(filled)
    lengths = sorted(map(len, filled))
    width = max(NARROW, lengths[int(0.9 * (len(lengths) - 1))] if lengths else 0)
    paragraph = ""
    last = ""  # the line before
    for line in lines:
        if line and last and _goes_on(last, line, width):
            paragraph = _joined(paragraph, line, text)
        elif line:
            if paragraph:
                yield paragraph
            paragraph = line
        last = line
    if paragraph:
        yield paragraph


def _goes_on(upper: str, lower: str, width: int) -> bool:
    """Whether the line was broken because the next word did not fit, and not because a paragraph ended."""
    if upper.endswith(("-", "\u00ad")) and lower[0].islower():
        return True
    return not _ITEM.match(lower) and len(upper) + 1 + len(lower.split(maxsplit=1)[0]) > FULL * width


def _joined(upper: str, lower: str, text: str) -> str:
    if upper.endswith("\u00ad"):
        return upper[:-1] + lower
    cut = _HYPHENATED.search(upper)
    if not cut or not lower[0].islower():
        return f"{upper} {lower}"
    first = re.match(r"\w+", lower)
    compound = f"{cut[1]}-{first[0] if first else ''}"
    return upper + lower if compound in text else upper[:-1] + lower
