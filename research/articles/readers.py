"""Sources to a stream of articles: files, folders, addresses and standard input, in constant memory."""

from __future__ import annotations

import io
import os
import re
import sys
import zlib
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from research.articles.archives import read_warc
from research.articles.cleaning import articles_from_dump
from research.articles.compression import GZIP_MARK, inflate
from research.articles.documents import complete, kind_of
from research.articles.feeds import Entry, read_feed
from research.articles.lines import read_lines, split_lines
from research.articles.sitemaps import read_sitemap
from research.articles.tables import read_csv, read_parquet
from research.articles.texts import (
    SIZE_LIMIT,
    Document,
    Problem,
    article_from_text,
    decode_text,
    open_file,
    read_bytes,
)
from research.articles.workers import Item, parse_documents
from research.records import Article, ResearchError

if TYPE_CHECKING:
    from research.articles.addresses import Fetcher, Page

KINDS = {
    ".txt": "text",
    ".md": "text",
    ".html": "page",
    ".htm": "page",
    ".jsonl": "lines",
    ".csv": "csv",
    ".parquet": "parquet",
    ".pdf": "pdf",
    ".warc": "warc",
}
_TABLES = {"csv": read_csv, "parquet": read_parquet}
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
DEPTH = 3  # indexes of sitemaps inside each other
SITEMAPS = 1000  # read for one source


def read_articles(
    sources: Iterable[str],
    on_error: Callable[[str, str], None],
    *,
    workers: int = 0,
    columns: Mapping[str, str] = {},
    skip: Collection[str] = (),
    fetcher: Fetcher | None = None,
    raw: bool = False,
) -> Generator[Article, None, None]:
    """The articles of `sources`, in order, each read when it is asked for.

    A source is a file (.txt, .md, .html, .htm, .jsonl, .csv, .parquet, .pdf, .warc, and each of them as .gz, but for
    Parquet; another suffix is judged by how the file begins), a folder (all files below it with these suffixes,
    sorted, hidden ones left out), an http or https address, or "-" for standard input.

    A feed (RSS, Atom) or a sitemap, as a file or an address, stands for the pages it lists: each is fetched once,
    but an entry of a feed that carries the article itself is taken from the feed. In a folder they are left out: only
    a source that is an address, a feed or a sitemap leads to the network.

    `on_error(origin, message)` is called for each article, line or file that cannot be read, with an origin such as
    "news.jsonl:17", and the stream goes on. `workers` processes parse pages and PDF files (`parse_documents`).
    `columns` renames the columns of tables and the keys of JSON lines, `skip` holds origins that are left out, and
    `fetcher` has the limits for addresses. Plain texts are cleaned, and separated where one holds several articles
    (`articles_from_dump`), unless they are to be taken `raw`; the text of tables and JSON lines is never altered.

    An article without an id of its own is called by its file name, its path inside the folder, or its address.
    """
    reader = _Reader(columns, skip, fetcher, raw)
    items = chain.from_iterable(reader.read_source(source) for source in sources)
    for item in parse_documents(items, workers):
        if isinstance(item, Problem):
            on_error(*item)
        else:
            yield item


@dataclass
class _Reader:
    columns: Mapping[str, str]
    skip: Collection[str]
    fetcher: Fetcher | None
    raw: bool
    seen: set[str] = field(default_factory=set)  # addresses; feeds and sitemaps overlap
    sitemaps: int = 0

    def read_source(self, source: str) -> Iterator[Item]:
        if source == "-":
            yield from _guard("stdin", self._read_stream(sys.stdin.buffer, None, "stdin", "stdin"))
        elif scheme := _SCHEME.match(source):
            if scheme[1].lower() in ("http", "https"):
                yield from _guard(source, self._read_address(source))
            else:
                yield Problem(source, "not an address that is read (known: http, https)")
        elif os.path.isdir(source):  # noqa: PTH112 - a Path raises on names that are no paths
            found = False
            for path in _walk(Path(source)):
                found = True
                yield from _guard(str(path), self._read_file(path, path.relative_to(source).as_posix(), str(path)))
            if not found:
                yield Problem(source, f"no articles in this folder (known suffixes: {', '.join(KINDS)})")
        else:
            yield from _guard(source, self._read_file(Path(source), Path(source).name, source))

    def _read_file(self, path: Path, name: str, origin: str) -> Iterator[Item]:
        if origin in self.skip:
            return
        kind = _kind_of_name(path)
        if kind in _TABLES:
            yield from _TABLES[kind](path, name, origin, self.columns, self.skip)
        elif kind == "warc":
            yield from (item for item in read_warc(path, origin) if item.origin not in self.skip)
        else:
            with open_file(path) as stream:
                yield from self._read_stream(stream, kind, name, origin)

    def _read_address(self, url: str) -> Iterator[Item]:
        if url not in self.skip:
            self.seen.add(url)
            page = self._fetch(url)
            yield from self._read_stream(io.BytesIO(page.data), None, url, url, page)

    def _read_stream(
        self, stream: BinaryIO, kind: str | None, name: str, origin: str, page: Page | None = None
    ) -> Iterator[Item]:
        """Articles from bytes of a known kind; without one, what begins with an object is JSON lines, and the rest is
        what `kind_of` says. `page` is where they were fetched."""
        first: list[bytes] = []
        if kind is None:
            first = [next(split_lines(stream), b"")]
            if first[0].removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
                kind = "lines"
        if kind == "lines":
            yield from read_lines(chain(first, split_lines(stream)), name, origin, self.columns, self.skip)
            return
        data = read_bytes(stream, b"".join(first))
        kind = kind or kind_of(data, page.media_type if page else "")
        if kind == "feed":
            known = {"fetched": page.fetched} if page else {}
            for number, entry in enumerate(read_feed(data, page.charset if page else None), 1):
                entry = entry._replace(known={**entry.known, **known})
                yield from self._read_entry(entry, f"{origin}:{number}", page)
        elif kind == "sitemap":
            yield from self._read_sitemap(data, origin, page)
        else:
            yield from self._items(data, kind, name, origin, page)

    def _read_sitemap(self, data: bytes, origin: str, page: Page | None, depth: int = 1) -> Iterator[Item]:
        for number, entry in enumerate(read_sitemap(data), 1):
            if not entry.nested:
                yield from self._read_entry(entry, f"{origin}:{number}", page)
            elif entry.url not in self.seen:
                self.seen.add(entry.url)
                if depth == DEPTH or self.sitemaps == SITEMAPS:
                    limit = f"{DEPTH} sitemaps inside each other" if depth == DEPTH else f"{SITEMAPS} sitemaps"
                    yield Problem(origin, f"more than {limit}; the others are left out")
                    return
                self.sitemaps += 1
                yield from _guard(entry.url, self._read_nested(entry.url, page, depth + 1))

    def _read_nested(self, url: str, found_on: Page | None, depth: int) -> Iterator[Item]:
        page = self._fetch(url, found_on)
        if kind_of(page.data) != "sitemap":
            raise ResearchError("not a sitemap")
        yield from self._read_sitemap(page.data, url, page, depth)

    def _read_entry(self, entry: Entry, place: str, found_on: Page | None) -> Iterator[Item]:
        origin = entry.url or place
        if origin in self.skip or origin in self.seen:
            return
        self.seen.add(origin)
        if entry.page:
            decoded = {"article_id": origin, "html": entry.page, "url": entry.url}
            yield Document("object", origin, known=entry.known, decoded=decoded)
        elif entry.url:
            yield from _guard(origin, self._read_link(entry, found_on))
        else:
            yield Problem(origin, "entry with neither content nor an address")

    def _read_link(self, entry: Entry, found_on: Page | None) -> Iterator[Item]:
        page = self._fetch(entry.url, found_on)
        kind = kind_of(page.data, page.media_type)
        if kind in ("feed", "sitemap"):
            raise ResearchError(f"a {kind} in place of an article")
        yield from self._items(page.data, kind, entry.url, entry.url, page, entry.known)

    def _items(
        self, data: bytes, kind: str, name: str, origin: str, page: Page | None = None, known: Mapping[str, str] = {}
    ) -> Iterator[Item]:
        if not data.strip():
            raise ResearchError("no text")
        if page:
            known = {**known, "fetched": page.fetched}
        url, charset = (page.url, page.charset) if page else ("", None)
        if kind != "text":
            yield Document(kind, origin, name, data, url, charset, known)
            return
        text = decode_text(data, charset)
        found = [article_from_text(text, name, origin)] if self.raw else articles_from_dump(text, name, origin)
        yield from (complete(one, {**known, "url": url}) for one in found if one.origin not in self.skip)

    def _fetch(self, url: str, found_on: Page | None = None) -> Page:
        if self.fetcher is None:
            from research.articles.addresses import Fetcher  # urllib and ssl, which most runs never need

            self.fetcher = Fetcher()
        page = self.fetcher.fetch(url, found_on.url if found_on else "")
        if page.data.startswith(GZIP_MARK):  # a file that is packed, such as sitemap.xml.gz
            page = page._replace(data=inflate(page.data, SIZE_LIMIT))
        return page


def _guard(origin: str, items: Iterator[Item]) -> Iterator[Item]:
    """The items, and a last problem in place of the exception that ended them."""
    try:
        yield from items
    except ResearchError as error:
        yield Problem(origin, str(error))
    except FileNotFoundError:
        yield Problem(origin, "no such file or folder")
    except (OSError, EOFError, UnicodeError, ValueError, zlib.error) as error:
        yield Problem(origin, f"cannot be read: {getattr(error, 'strerror', None) or ' '.join(str(error).split())}")


def _walk(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and _kind_of_name(Path(name)):
                yield Path(root) / name


def _kind_of_name(path: Path) -> str | None:
    name = path.name.lower().removesuffix(".gz")
    return KINDS.get(Path(name).suffix)
