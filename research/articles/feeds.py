"""RSS and Atom feeds to their entries. feedparser reads them."""

from __future__ import annotations

import html
import io
import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from research.records import ResearchError

FEED_LIMIT = 5 * 2**20  # bytes; a hostile one of that size keeps the parser busy for a minute


class Entry(NamedTuple):
    """What a feed or a sitemap says of one article: the address of its page, what is known of it (title, outlet,
    published, author) and, if the feed carries the whole article, that as a page of HTML. The address of a `nested`
    one is another sitemap."""

    url: str
    known: Mapping[str, str]
    page: str = ""
    nested: bool = False


def read_feed(data: bytes, charset: str | None = None) -> Iterator[Entry]:
    """The entries of a feed in its order. Those with content of their own (content:encoded of RSS, content of Atom)
    have it as `page`; a summary or description is not the article. ResearchError when there are none."""
    import feedparser  # only runs that read feeds need it

    if len(data) > FEED_LIMIT:
        raise ResearchError(f"feed is larger than {FEED_LIMIT // 2**20} MB")
    headers = {"content-type": f"application/xml; charset={charset}"} if charset else None
    try:
        # A stream, since feedparser takes bytes for the name of a file. Its parser bounds what entities expand to.
        feed = feedparser.parse(io.BytesIO(data), response_headers=headers)
    except Exception as error:  # a stranger's feed must never end the stream
        raise ResearchError(f"feed cannot be parsed: {type(error).__name__}") from None
    if not feed.entries:
        reason = " ".join(str(feed.get("bozo_exception", "")).split())
        raise ResearchError(f"feed without entries{f': {reason}' if reason else ''}"[:200])
    for entry in feed.entries:
        title = _text(entry.get("title"))
        known = {
            "title": title,
            "outlet": _text(feed.feed.get("title")),
            "published": _date(entry),
            "author": _text(entry.get("author")),
        }
        yield Entry(_text(entry.get("link")), known, _page(title, known["outlet"], entry.get("content")))


def _page(title: str, outlet: str, contents: Any) -> str:
    """The longest content as a page of this outlet, with the title as its headline."""
    values = [(str(c.get("value") or ""), str(c.get("type") or "")) for c in contents or () if hasattr(c, "get")]
    value, kind = max(values, key=lambda v: len(v[0]), default=("", ""))
    if not value.strip():
        return ""
    if kind == "text/plain":
        blocks = (html.escape(block) for block in value.split("\n\n"))
        value = "".join(f"<p>{block}</p>" for block in blocks if block.strip())
    name, site = html.escape(title), html.escape(outlet)
    head = f'<title>{name}</title><meta property="og:site_name" content="{site}">'
    return f"<html><head>{head}</head><body><article><h1>{name}</h1>{value}</article></body></html>"


def _text(value: Any) -> str:
    return " ".join(value.split()) if isinstance(value, str) else ""


def _date(entry: Any) -> str:
    """The day in ISO form, or what the feed says in place of one."""
    parsed = entry.get("published_parsed") or entry.get("updated_parsed")
    try:
        return time.strftime("%Y-%m-%d", parsed) if parsed else _text(entry.get("published"))
    except (ValueError, OverflowError):
        return ""
