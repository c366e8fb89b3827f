"""WARC files to the pages in them. FastWARC reads them.

Of the two libraries FastWARC is taken rather than warcio: it bounds the length of headers, where warcio reads a line
of any length into memory, it prints nothing, and it is typed. Its `auto_decode` is not used: a body that is not what
its headers promise would end the file.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from research.articles.compression import inflate
from research.articles.documents import HTML_TYPES
from research.articles.texts import Document, Problem
from research.records import ResearchError

RECORD_LIMIT = 20 * 2**20  # bytes of a page, packed or unpacked


def read_warc(path: Path, origin: str) -> Iterator[Document | Problem]:
    """The HTML pages that were answered with status 200, in the order of the file, with their address and the time
    of the record; `news.warc.gz:17` is the 17th response of the file. Other responses are passed over."""
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    number = 0
    with path.open("rb") as stream:
        try:
            for record in ArchiveIterator(stream, record_types=WarcRecordType.response, parse_http=True):
                number += 1
                if _is_page(record):
                    yield _page(record, f"{origin}:{number}")
        except OSError as error:
            at = f"after response {number}" if number else "at its beginning"
            raise ResearchError(f"not WARC that can be read, {at}: {' '.join(str(error).split())}"[:200]) from None
    if not number:
        raise ResearchError("no responses in this WARC file")


def _is_page(record: Any) -> bool:
    headers = record.http_headers
    kind = (record.http_content_type or "").partition(";")[0].strip().lower()
    return headers is not None and headers.status_code == 200 and kind in HTML_TYPES


def _page(record: Any, origin: str) -> Document | Problem:
    data = record.reader.read(RECORD_LIMIT + 1)
    if len(data) > RECORD_LIMIT:
        return Problem(origin, f"page is larger than {RECORD_LIMIT // 2**20} MB")
    try:
        data = _decode(data, record.http_headers)
    except ResearchError as error:
        return Problem(origin, str(error))
    url = record.headers.get("WARC-Target-URI", "").strip("<>")
    known = {"fetched": record.headers.get("WARC-Date", "")}
    return Document("page", origin, url or origin, data, url, record.http_charset, known)


def _decode(data: bytes, headers: Any) -> bytes:
    """The body of an HTTP answer. Many archives keep it decoded, and the headers as they came."""
    if headers.get("Transfer-Encoding", "").strip().lower() == "chunked":
        data = _join_chunks(data) or data
    encoding = headers.get("Content-Encoding", "").strip().lower()
    if encoding in ("gzip", "x-gzip", "deflate"):
        try:
            return inflate(data, RECORD_LIMIT)
        except ResearchError:
            if not data.lstrip().startswith(b"<"):
                raise
    elif encoding not in ("", "identity") and not data.lstrip().startswith(b"<"):
        raise ResearchError(f"page in the encoding '{encoding[:40]}' (known: gzip, deflate)")
    return data


def _join_chunks(data: bytes) -> bytes:
    from fastwarc.stream_io import ChunkedReader

    reader = ChunkedReader(io.BytesIO(data))
    pieces = []
    with suppress(OSError):  # what is broken or cut off ends the page
        while piece := reader.read(2**16):
            pieces.append(piece)
    return b"".join(pieces)
