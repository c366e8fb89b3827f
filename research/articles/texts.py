"""Bytes to text and plain text to an article; the limits and the forms that all readers share."""

from __future__ import annotations

import codecs
import gzip
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

from research.articles.segmentation import find_headline
from research.records import Article, ResearchError

SIZE_LIMIT = 64 * 2**20  # bytes of one text, page or line held in memory; a larger file is not one article
UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class Problem(NamedTuple):
    """An article that could not be read: where it stands ("news.jsonl:17") and why, in one line."""

    origin: str
    message: str


class Document(NamedTuple):
    """An article still to be parsed where that is slow: a "page" or a "pdf" as bytes, or an "object" of Article JSONL
    with html. `charset` is the server's word; `known` is what is known of it from elsewhere (`documents.complete`)."""

    kind: str
    origin: str
    article_id: str = ""
    data: bytes = b""
    url: str = ""
    charset: str | None = None
    known: Mapping[str, str] = {}
    decoded: Mapping[str, Any] = {}


def article_from_text(text: str, article_id: str, origin: str) -> Article:
    """A plain text, unaltered; its first paragraph is the title when it reads like a headline."""
    if not text.strip():
        raise ResearchError("no text")
    title = (find_headline(text) or "").lstrip("# ")  # "#" marks a heading in Markdown
    return Article(article_id, text, origin, title=title or None)


def open_file(path: Path) -> BinaryIO:
    """The bytes of a file; of a .gz file those packed in it, unpacked as they are read."""
    if path.suffix.lower() == ".gz":
        return cast(BinaryIO, gzip.open(path, "rb"))
    return path.open("rb")


def read_bytes(stream: BinaryIO, before: bytes = b"") -> bytes:
    """What was read `before` and all that is left of `stream`; ResearchError when it is over SIZE_LIMIT."""
    data = before + stream.read(max(0, SIZE_LIMIT + 1 - len(before)))
    if len(data) > SIZE_LIMIT:
        raise ResearchError(f"larger than {SIZE_LIMIT // 2**20} MB, the limit of one text or page; use JSONL for many")
    return data


def decode_text(data: bytes, declared: str | None = None, offset: int = 0) -> str:
    """UTF-8, else UTF-16 with its mark, else the `declared` character set.

    ResearchError for anything else, with the place of the first bad byte; `offset` is where `data` lies in its file.
    """
    marked = data.startswith(UTF16_MARKS)
    if b"\0" in data and not marked:
        raise ResearchError("looks like a binary file")
    try:
        return data.decode("utf-16" if marked else "utf-8-sig")
    except UnicodeDecodeError as error:
        if declared and not marked:
            try:
                return data.decode(declared)
            except (LookupError, UnicodeDecodeError):
                pass  # an unknown or a wrong declaration: the file is what the message is about
        name = "UTF-16" if marked else "UTF-8"
        # The decoder that skips a byte order mark counts from behind it.
        skipped = len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0
        place = f"byte 0x{error.object[error.start]:02x} at offset {offset + skipped + error.start}"
        raise ResearchError(f"not {name} ({place}); convert it first") from None
