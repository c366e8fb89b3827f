"""What the commands share: formats, printing, progress."""

from __future__ import annotations

import csv
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from io import TextIOWrapper
from pathlib import Path
from typing import IO, Any

import typer

FEW, EVERY = 20, 10.0


class Format(StrEnum):
    table = "table"
    json = "json"
    jsonl = "jsonl"
    csv = "csv"


class ArticleFormat(StrEnum):
    """What predictions are printed as: as anything else, or as a page to read them on."""

    table = "table"
    json = "json"
    jsonl = "jsonl"
    csv = "csv"
    html = "html"


def print_page(pieces: Iterable[str]) -> None:
    """HTML that says it is UTF-8, whatever the locale is."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")
    sys.stdout.writelines(pieces)


def print_tables(renderables: Iterable[Any]) -> None:
    """To stdout; colours and the terminal's width where there is a terminal, else wide enough to cut nothing off."""
    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else 160, highlight=False, markup=False, emoji=False)
    for one in renderables:
        console.print(one)


def print_records(records: Sequence[Mapping[str, Any]], form: Format) -> None:
    """Flat or nested records as JSON, JSON Lines, or CSV (nested values as JSON)."""
    if form is Format.json:
        typer.echo(json.dumps(records, ensure_ascii=False, indent=1))
    elif form is Format.jsonl:
        for record in records:
            typer.echo(json.dumps(record, ensure_ascii=False))
    else:
        columns = list(dict.fromkeys(key for record in records for key in record))
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_cell(record.get(c)) for c in columns] for record in records)


@contextmanager
def writing(path: Path) -> Iterator[IO[str]]:
    """A new text file that has its name only when it is whole. ResearchError when it cannot be written."""
    from research.records import ResearchError

    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("w", encoding="utf-8") as file:
            yield file
        part.replace(path)
    except OSError as e:
        raise ResearchError(f"{path}: {e.strerror}") from None
    finally:
        part.unlink(missing_ok=True)


def progress_printer() -> Callable[[str, int, int], None]:
    """Lines on stderr: one for each step, or where there are many one every EVERY seconds, with the seconds since the
    start and those that the steps of this name still need."""
    started = time.monotonic()
    name, since, first, printed = "", started, 0, started  # first: what was already done when the name came up

    def report(step: str, done: int, total: int) -> None:
        nonlocal name, since, first, printed
        now = time.monotonic()
        before, name = name, step.partition(",")[0]  # what follows a comma changes while the work goes on
        if new := name != before or done == 0:
            since, first = now, done
        if not new and total > FEW and now - printed < EVERY:
            return
        printed = now
        of = f" {done + 1}/{total}" if total > 1 else ""
        seconds = (now - since) / (done - first) * (total - done) if done > first else 0.0
        left = f", {seconds:.0f} s left" if done > first and total > FEW else ""
        typer.echo(f"[{now - started:5.0f} s] {step}{of}{left}", err=True)

    return report


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (Mapping, list, tuple)) else value
