"""Which column of a stranger's table, or key of their JSON lines, holds what the Article JSONL contract names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from research.records import ResearchError

METADATA = ("title", "outlet", "published", "url", "event")
NAMES = ("article_id", "text", "html", *METADATA, "sentences", "primary", "claims")
TEXTS = ("text", "html")  # one of which an article must have


def parse_columns(given: Iterable[str]) -> dict[str, str]:
    """The map in options such as "text=body". ResearchError names the option and the names that are known."""
    columns: dict[str, str] = {}
    for one in given:
        name, sign, column = (part.strip() for part in one.partition("="))
        if not (sign and name and column):
            raise ResearchError(f"--map {one}: expected NAME=COLUMN, such as text=body")
        if name not in NAMES:
            raise ResearchError(f"--map {one}: unknown name '{name}' (known: {', '.join(NAMES)})")
        if name in columns:
            raise ResearchError(f"--map {one}: '{name}' is mapped twice")
        columns[name] = column
    return columns


def check_columns(found: Sequence[str], columns: Mapping[str, str]) -> None:
    """ResearchError when a table has not the columns that are mapped, or none with a text, or one twice."""
    for name, column in columns.items():
        if column not in found:
            raise ResearchError(f"column '{column}', mapped to {name}, is missing (found: {_listed(found)})")
    if not any(name in columns or name in found for name in TEXTS):
        raise ResearchError(f"column 'text' or 'html' is missing (found: {_listed(found)})")
    if doubled := sorted({name for name in found if list(found).count(name) > 1}):
        raise ResearchError(f"column '{doubled[0]}' is there twice")


def missing_text(row: Mapping[str, Any], columns: Mapping[str, str]) -> str:
    """What is wrong with a row that has not the key mapped to its text; "" when it has."""
    for name in TEXTS:
        if name in columns and columns[name] not in row:
            return f"key '{columns[name]}', mapped to {name}, is missing (found: {_listed(sorted(map(str, row)))})"
    return ""


def rename(row: Mapping[str, Any], columns: Mapping[str, str]) -> dict[str, Any]:
    """The row under the names of the contract. What had such a name before and is not mapped itself gives way."""
    if not columns:
        return dict(row)
    mapped = set(columns.values())
    kept = {key: value for key, value in row.items() if key not in mapped and key not in columns}
    return kept | {name: row[column] for name, column in columns.items() if column in row}


def _listed(found: Sequence[str]) -> str:
    return ", ".join(found) or "nothing"
