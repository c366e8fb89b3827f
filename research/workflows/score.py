"""Scores from two files, gold and predictions: no model is needed, and every logged number can be had again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from research.config import read_text
from research.records import ResearchError, Row, Score
from research.scoring import floor, join, score, score_by

ALL = "all"
_ROW = TypeAdapter(Row)


def score_files(gold: Path, predictions: Path, by: str | None = None) -> tuple[Mapping[str, Sequence[Score]], float]:
    """The scores of all rows under "all", or those of each value of a gold field; and the prevalence floor of all."""
    judged = join(read_rows_file(gold), read_rows_file(predictions))
    return ({ALL: score(judged)} if by is None else score_by(judged, by)), floor(judged)


def read_rows_file(path: Path) -> list[Row]:
    """The rows of a JSON Lines file such as a run's artifact predictions/test.jsonl. ResearchError names the line and
    the key of the first that is none."""
    rows = []
    for number, line in enumerate(read_text(path).split("\n"), 1):  # not splitlines: a field may hold U+2028
        if line.strip():
            try:
                rows.append(_ROW.validate_json(line, strict=True))
            except ValidationError as e:
                raise ResearchError(f"{path}:{number}: not a row: {_problem(e)}") from None
    return rows


def _problem(error: ValidationError) -> str:
    first = error.errors()[0]
    key = ".".join(map(str, first["loc"]))
    return (f"{key}: " if key else "") + first["msg"].removeprefix("Input ")
