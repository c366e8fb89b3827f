"""Scores from two files, gold and predictions: no model is needed, and every logged number can be had again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from research.records import ResearchError, Row, Score
from research.scoring import floor, join, score, score_by

ALL = "all"


def score_files(gold: Path, predictions: Path, by: str | None = None) -> tuple[Mapping[str, Sequence[Score]], float]:
    """The scores of all rows under "all", or those of each value of a gold field; and the prevalence floor of all."""
    judged = join(read_rows_file(gold), read_rows_file(predictions))
    return ({ALL: score(judged)} if by is None else score_by(judged, by)), floor(judged)


def read_rows_file(path: Path) -> list[Row]:
    """The rows of a JSON Lines file such as a run's artifact predictions/test.jsonl."""
    rows = []
    try:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            try:
                rows.append(Row.from_json(json.loads(line)))
            except json.JSONDecodeError as e:
                raise ResearchError(f"{path}:{number}: not JSON: {e.msg} at column {e.colno}") from None
            except (KeyError, TypeError, AttributeError) as e:
                raise ResearchError(
                    f"{path}:{number}: not a row: {e}; a row has task, article_id, start, end, labels"
                ) from None
    except FileNotFoundError:
        raise ResearchError(f"{path}: no such file") from None
    except UnicodeDecodeError as e:
        raise ResearchError(f"{path}: not UTF-8 (byte 0x{e.object[e.start]:02x} at offset {e.start})") from None
    return rows
