"""HTML pages to articles. The extraction is trafilatura's, the rest of the cleaning ours."""

from __future__ import annotations

import hashlib
import logging
import re
from dataclasses import replace

from research.articles.cleaning import clean_article
from research.articles.texts import decode_text
from research.records import Article, ResearchError

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
        found = trafilatura.bare_extraction(
            html, url=url or None, with_metadata=True, include_comments=False, include_tables=False
        )
    except Exception as error:  # a stranger's page must never end the stream
        raise ResearchError(f"the page could not be parsed: {type(error).__name__}") from error
    paragraphs = [line.strip() for line in ((found and found.text) or "").splitlines() if line.strip()]
    if not paragraphs:
        raise ResearchError("no article text found in the page")
    title = " ".join((found.title or "").split())
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
    return clean_article(article)
