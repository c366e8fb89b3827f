"""Sitemaps to the addresses in them, by the protocol of sitemaps.org, with the titles and dates of news sitemaps.

lxml parses them without expanding an entity, loading a file or going to the network.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from research.articles.feeds import Entry
from research.records import ResearchError

LOCATIONS = 50_000  # that one sitemap may hold, by the protocol


def read_sitemap(data: bytes) -> Iterator[Entry]:
    """The entries of a sitemap, or a nested one for each sitemap of an index, parsed as they are asked for.

    ResearchError when there are none, or, after the first LOCATIONS, when there are more.
    """
    from lxml import etree  # only runs that read sitemaps need it

    count = 0
    try:
        options = {"resolve_entities": False, "no_network": True, "load_dtd": False, "huge_tree": False}
        for _, element in etree.iterparse(io.BytesIO(data), events=("end",), recover=True, **options):
            if (name := _name(element)) not in ("url", "sitemap"):
                continue
            texts = {_name(one): " ".join((one.text or "").split()) for one in element.iter()}
            if url := texts.get("loc", ""):
                count += 1
                if count > LOCATIONS:
                    raise ResearchError(f"sitemap of more than {LOCATIONS} addresses; the others are left out")
                known = {"title": texts.get("title", ""), "outlet": texts.get("name", "")}
                published = texts.get("publication_date", "")[:10]
                yield Entry(url, {**known, "published": published}, nested=name == "sitemap")
            _forget(element)
    except etree.XMLSyntaxError as error:
        if not count:
            raise ResearchError(f"sitemap cannot be parsed: {' '.join(str(error).split())}"[:200]) from None
    if not count:
        raise ResearchError("sitemap without addresses")


def _name(element: Any) -> str:
    """The tag without its namespace; comments and the like have none."""
    return element.tag.rpartition("}")[2].lower() if isinstance(element.tag, str) else ""


def _forget(element: Any) -> None:
    """Keep memory constant: the tree would grow with each element parsed."""
    element.clear()
    while element.getprevious() is not None:
        del element.getparent()[0]
