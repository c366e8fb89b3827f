"""Documents to articles: pages, PDF files and objects with html, in whichever process."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from research.articles.columns import METADATA
from research.articles.languages import LANGUAGE, language_of
from research.articles.lines import parse_article
from research.articles.pages import article_from_page
from research.articles.pdfs import article_from_pdf
from research.articles.texts import UTF16_MARKS, Document, Problem
from research.records import Article, ResearchError

PDF_MARK = b"%PDF-"
HTML_TYPES = ("text/html", "application/xhtml+xml")
HEAD = 4096  # bytes that tell the kind of a file
_TAG = re.compile(r"\s*<(?:!doctype|!--|\?xml|[a-z][a-z0-9-]*[\s/>])", re.IGNORECASE)
_ROOT = re.compile(r"<(?:\w+:)?(rss|feed|rdf|urlset|sitemapindex|html)[\s/>]", re.IGNORECASE)
_ROOTS = {"rss": "feed", "feed": "feed", "rdf": "feed", "urlset": "sitemap", "sitemapindex": "sitemap"}


def parse_document(document: Document) -> Article | Problem:
    """The article in a document, with its language where that is sure, or why there is none: a stranger's file must
    never end the stream."""
    try:
        article = complete(_parse(document), document.known)
        language = language_of(article.text)
        return replace(article, fields={**article.fields, LANGUAGE: language}) if language else article
    except ResearchError as error:
        return Problem(document.origin, str(error))
    except Exception as error:
        return Problem(document.origin, f"cannot be parsed: {type(error).__name__}")


def _parse(document: Document) -> Article:
    kind, origin, article_id, data, url, charset, *_ = document
    if kind == "object":
        return parse_article(document.decoded, origin)
    if kind == "pdf":
        return replace(article_from_pdf(data, article_id, origin), url=url or None)
    return article_from_page(data, article_id, origin, url, charset)


def complete(article: Article, known: Mapping[str, str]) -> Article:
    """The article with what is `known` of it where it says nothing itself: its own word goes first. What is no part of
    an `Article` goes to its fields."""
    outlet = article.outlet or ""
    if outlet in (article.url or "") and known.get("outlet"):
        article = replace(article, outlet=None)  # the host's name, which is what trafilatura has where a page has none
    own = {name: known[name] for name in ("title", "outlet", "published", "url") if known.get(name)}
    missing: dict[str, Any] = {name: value for name, value in own.items() if not getattr(article, name)}
    others = {name: value for name, value in known.items() if value and name not in METADATA}
    return replace(article, **missing, fields={**others, **article.fields})


def kind_of(data: bytes, media_type: str = "") -> str:
    """What the beginning of a file shows: "pdf", "feed", "sitemap", "page" or "text". A page need not begin with a tag
    when the server says that it is one."""
    if data.startswith(PDF_MARK):
        return "pdf"
    encoding = "utf-16" if data.startswith(UTF16_MARKS) else "utf-8-sig"
    head = data[:HEAD].decode(encoding, errors="ignore")
    if not _TAG.match(head):
        return "page" if media_type in HTML_TYPES else "text"
    root = _ROOT.search(head)
    return _ROOTS.get(root[1].lower(), "page") if root else "page"
