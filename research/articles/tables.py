"""CSV and Parquet tables to articles, one article a row.

Columns: `text` or `html`, and optionally `article_id`, `title`, `outlet`, `published`, `url` and what else an article
JSONL line may hold; a row without an `article_id` is "<file>:<row>". Rows of a CSV file are counted as spreadsheets
do, the header being row 1; rows of a Parquet file are counted from 1.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Container, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from research.articles.columns import check_columns, rename
from research.articles.lines import item_of, split_lines
from research.articles.texts import SIZE_LIMIT, UTF16_MARKS, Document, Problem, decode_text, open_file
from research.records import Article, ResearchError

BATCH_ROWS = 64  # rows of a Parquet file in memory at once; an article is some kilobytes


def read_csv(
    path: Path, name: str, origin: str, columns: Mapping[str, str] = {}, skip: Container[str] = ()
) -> Iterator[Article | Document | Problem]:
    """The articles of a CSV file, less those with an origin to `skip`; `name` begins the ids of rows that have none."""
    csv.field_size_limit(max(csv.field_size_limit(), SIZE_LIMIT))  # the default of 128 KB is less than a long article
    with open_file(path) as stream:
        lines = _decode_lines(stream)
        first = next(lines, "")
        delimiter = max(",;\t", key=first.count)  # spreadsheets write the list separator of their country
        rows = csv.reader(_chain(first, lines), delimiter=delimiter, strict=True)
        number = 0
        header: list[str] = []
        while True:
            number += 1
            at = f"{origin}:{number}"
            try:
                cells = next(rows)
            except StopIteration:
                break
            except csv.Error as error:
                yield Problem(at, f"not CSV: {error}")
                continue
            if number == 1:
                header = [cell.strip() for cell in cells]
                check_columns(header, columns)
            elif len(cells) > len(header):
                yield Problem(at, f"row has {len(cells)} cells, the header {len(header)}")
            elif any(cells) and at not in skip:
                row = rename(dict(zip(header, cells, strict=False)), columns)
                yield _parse_row(row, f"{name}:{number}", at)
    if not header:
        yield Problem(origin, "no text")


def read_parquet(
    path: Path, name: str, origin: str, columns: Mapping[str, str] = {}, skip: Container[str] = ()
) -> Iterator[Article | Document | Problem]:
    """The articles of a Parquet file, read in batches, less those with an origin to `skip`; `name` begins the ids of
    rows that have none."""
    import pyarrow as pa  # slow to import, and most runs read no Parquet
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            check_columns(file.schema_arrow.names, columns)
            number = 0
            for batch in file.iter_batches(batch_size=BATCH_ROWS):
                for row in batch.to_pylist():
                    number += 1
                    if (at := f"{origin}:{number}") not in skip:
                        plain = {key: _plain(value) for key, value in row.items()}
                        yield _parse_row(rename(plain, columns), f"{name}:{number}", at)
    except pa.ArrowException as error:
        raise ResearchError(f"not a Parquet file: {' '.join(str(error).split())}") from None


def _parse_row(row: Mapping[str, Any], article_id: str, origin: str) -> Article | Document | Problem:
    given = {key: value for key, value in row.items() if value is not None and value != ""}
    if "text" not in given and "html" not in given:
        return Problem(origin, "no text")
    return item_of({"article_id": article_id} | given, origin)


def _plain(value: object) -> object:
    """Dates, times and decimals as text; what JSON knows as it is."""
    return value if value is None or isinstance(value, str | int | float | list | dict) else str(value)


def _decode_lines(stream: BinaryIO) -> Iterator[str]:
    mark = stream.read(2)
    stream.seek(0)
    if mark in UTF16_MARKS:
        wrapper = io.TextIOWrapper(stream, "utf-16", newline="")
        try:
            yield from wrapper
        finally:
            with suppress(ValueError):  # closed already
                wrapper.detach()  # the stream is its opener's to close
        return
    offset = 0
    for line in split_lines(stream):
        yield decode_text(line, offset=offset)
        offset += len(line)


def _chain(first: str, rest: Iterator[str]) -> Iterator[str]:
    if first:
        yield first
    yield from rest
