"""Real news sentences labelled by the codebook, read in one of two ways.

With text: a folder of train.jsonl and dev.jsonl. Without: the stand-off file shipped in attribution_gold/, joined with
whichever of the five corpora stand on this machine.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

from research.config import AttributionGold
from research.datasets.card import read_cards
from research.datasets.dataset import Dataset, Entry
from research.datasets.problems import Problems
from research.datasets.standoff import entry_of, join_corpora, read_rows, row_without_text, write_rows
from research.datasets.store import cached, data_folders

NAME = "attribution-gold"
VERSION = 1
SPLITS = ("train", "dev")
STANDOFF = Path(__file__).parent / "attribution_gold" / "standoff.json"


def load_attribution_gold(config: AttributionGold) -> Dataset:
    """The gold, from text where train.jsonl and dev.jsonl are found, else by joining the stand-off file.

    Searched: `config.path` alone when given; else $RESEARCH_DATA, then the folder `fetch` writes to. ResearchError
    when nothing of it is there; `Dataset.missing` counts the articles of absent corpora.
    """
    roots = [config.path] if config.path else data_folders()
    for folder in (place for root in roots for place in (root, root / NAME)):
        files = [folder / f"{split}.jsonl" for split in SPLITS]
        if all(file.is_file() for file in files):
            return cached(NAME, read_cards()[NAME], files, VERSION, partial(_with_texts, folder))
    return join_corpora(NAME, VERSION, STANDOFF, roots, f"{NAME} --from DIR")


def read_texts(folder: Path) -> list[Entry]:
    """train.jsonl and dev.jsonl with text. ResearchError tells every bad line, and every text that is not the one
    that was labelled, by file, line and article."""
    problems = Problems()
    entries = []
    for split in SPLITS:
        file = folder / f"{split}.jsonl"
        for number, line in enumerate(file.read_bytes().splitlines(), start=1):
            where = f"{file.name}:{number}"
            try:
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise ValueError(f"expected an object, found {type(row).__name__}")
                where += f": article {row['article_id']}"
                entries.append(entry_of(row, split, row["text"]))
            except (ValueError, KeyError, TypeError) as e:
                problems.add(f"{where}: {_reason(e)}")
    problems.check()
    return entries


def write_standoff(path: Path, out: Path) -> int:
    """Write the gold in folder `path` (train.jsonl, dev.jsonl) without its text to `out`; returns the articles."""
    rows = []
    for split in SPLITS:
        for line in (path / f"{split}.jsonl").read_bytes().splitlines():
            row = json.loads(line)
            entry_of(row, split, row["text"])
            rows.append(row_without_text(row, split))
    write_rows(rows, out)
    return len(rows)


def read_standoff() -> list[dict[str, Any]]:
    """The shipped stand-off file in the form of train.jsonl and dev.jsonl: plus `split`, less `text`."""
    return read_rows(STANDOFF)


def _with_texts(folder: Path) -> tuple[list[Entry], dict[str, int]]:
    return read_texts(folder), {}


def _reason(error: Exception) -> str:
    """What is wrong with a line, in words: a missing key and broken JSON name themselves poorly."""
    if isinstance(error, KeyError):
        return f"key {error} is missing"
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON: {error.msg} (column {error.colno})"
    return str(error)
