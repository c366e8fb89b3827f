"""Sources to a stream of articles: files, folders, addresses and standard input, in constant memory."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from research.articles.lines import read_lines, split_lines
from research.articles.pages import article_from_page
from research.articles.tables import read_csv, read_parquet
from research.articles.texts import UTF16_MARKS, Problem, article_from_text, decode_text, read_bytes
from research.records import Article, ResearchError

KINDS = {
    ".txt": "text",
    ".md": "text",
    ".html": "page",
    ".htm": "page",
    ".jsonl": "lines",
    ".csv": "csv",
    ".parquet": "parquet",
}
_TABLES = {"csv": read_csv, "parquet": read_parquet}
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_TAG = re.compile(r"\s*<(?:!doctype|!--|\?xml|[a-z][a-z0-9-]*[\s/>])", re.IGNORECASE)


def read_articles(sources: Iterable[str], on_error: Callable[[str, str], None]) -> Iterator[Article]:
    """The articles of `sources`, in order, each read when it is asked for.

    A source is a file (.txt, .md, .html, .htm, .jsonl, .csv, .parquet; another suffix is judged by how the file
    begins), a folder (all files below it with these suffixes, sorted, hidden ones left out), an http or https address,
    or "-" for standard input. `on_error(origin, message)` is called for each article, line or file that cannot be
    read, with an origin such as "news.jsonl:17", and the stream goes on.

    An article without an id of its own is called by its file name, its path inside the folder, or its address.
    """
    for source in sources:
        for item in _read_source(source):
            if isinstance(item, Problem):
                on_error(*item)
            else:
                yield item


def _read_source(source: str) -> Iterator[Article | Problem]:
    if source == "-":
        yield from _guard("stdin", _read_stream(sys.stdin.buffer, None, "stdin", "stdin"))
    elif scheme := _SCHEME.match(source):
        if scheme[1].lower() in ("http", "https"):
            yield from _guard(source, _read_address(source))
        else:
            yield Problem(source, "not an address that is read (known: http, https)")
    elif os.path.isdir(source):  # noqa: PTH112 - a Path raises on names that are no paths
        found = False
        for path in _walk(Path(source)):
            found = True
            yield from _guard(str(path), _read_file(path, path.relative_to(source).as_posix(), str(path)))
        if not found:
            yield Problem(source, f"no articles in this folder (known suffixes: {', '.join(KINDS)})")
    else:
        yield from _guard(source, _read_file(Path(source), Path(source).name, source))


def _guard(origin: str, items: Iterator[Article | Problem]) -> Iterator[Article | Problem]:
    """The items, and a last problem in place of the exception that ended them."""
    try:
        yield from items
    except ResearchError as error:
        yield Problem(origin, str(error))
    except FileNotFoundError:
        yield Problem(origin, "no such file or folder")
    except (OSError, UnicodeError, ValueError) as error:
        yield Problem(origin, f"cannot be read: {getattr(error, 'strerror', None) or ' '.join(str(error).split())}")


def _walk(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and Path(name).suffix.lower() in KINDS:
                yield Path(root) / name


def _read_file(path: Path, article_id: str, origin: str) -> Iterator[Article | Problem]:
    kind = KINDS.get(path.suffix.lower())
    if kind in _TABLES:
        yield from _TABLES[kind](path, article_id, origin)
    else:
        with path.open("rb") as stream:
            yield from _read_stream(stream, kind, article_id, origin)


def _read_address(url: str) -> Iterator[Article | Problem]:
    from research.articles.addresses import fetch_page  # urllib and ssl, which most runs never need

    page = fetch_page(url)
    yield from _read_stream(io.BytesIO(page.data), None, url, url, page.url, page.charset)


def _read_stream(
    stream: BinaryIO, kind: str | None, article_id: str, origin: str, url: str = "", charset: str | None = None
) -> Iterator[Article | Problem]:
    """Articles from bytes of a known kind; without one, what begins with an object is JSON lines, with a tag HTML."""
    first: list[bytes] = []
    if kind is None:
        first = [next(split_lines(stream), b"")]
        if first[0].removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
            kind = "lines"
    if kind == "lines":
        yield from read_lines(chain(first, split_lines(stream)), origin)
        return
    data = read_bytes(stream, b"".join(first))
    if not data.strip():
        raise ResearchError("no text")
    if kind == "page" or (kind is None and _begins_with_tag(data)):
        yield article_from_page(data, article_id, origin, url, charset)
    else:
        yield article_from_text(decode_text(data, charset), article_id, origin)


def _begins_with_tag(data: bytes) -> bool:
    head = data[:1024]
    encoding = "utf-16" if head.startswith(UTF16_MARKS) else "utf-8-sig"
    return bool(_TAG.match(head.decode(encoding, errors="ignore")))
