"""Real news sentences labelled by the codebook, read in one of two ways.

With text: a folder of train.jsonl and dev.jsonl. Without: the stand-off file shipped in attribution_gold/ (keys,
sha256, offsets and labels, no text), joined with whichever of the five corpora stand on this machine.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from research.config import AttributionGold
from research.datasets.card import read_cards
from research.datasets.corpora import CORPORA, source_files
from research.datasets.dataset import Dataset, Entry
from research.datasets.problems import Problems
from research.datasets.store import cached, data_folders
from research.records import ATTRIBUTION_LABELS, PRIMARY_LABELS, Article, ResearchError, Sentence

NAME = "attribution-gold"
VERSION = 1
SPLITS = ("train", "dev")
STANDOFF = Path(__file__).parent / "attribution_gold" / "standoff.json"
LETTERS = {"o": "official_statement", "s": "speculation", "d": "denial"}  # labels in the stand-off file


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
    return _joined(roots)


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
                entries.append(_entry(row, split, row["text"]))
            except (ValueError, KeyError, TypeError) as e:
                problems.add(f"{where}: {_reason(e)}")
    problems.check()
    return entries


def standoff(path: Path, out: Path) -> int:
    """Write the gold in folder `path` (train.jsonl, dev.jsonl) without its text to `out`; returns the articles.

    One article a line, so that a change can be read: the keys of the gold less `text`, plus its split; a sentence is
    [start, end, letters], where the letters are the labels' (o, s, d; none is background).
    """
    rows = []
    for split in SPLITS:
        for line in (path / f"{split}.jsonl").read_bytes().splitlines():
            row = json.loads(line)
            _entry(row, split, row["text"])
            letters = {label: letter for letter, label in LETTERS.items()}
            sentences = [[s["start"], s["end"], "".join(letters[x] for x in s["labels"])] for s in row["sentences"]]
            kept = ("article_id", "corpus", "ref", "sha256", "primary", "sampling", "annotators")
            rows.append({"split": split, **{name: row[name] for name in kept}, "sentences": sentences})
    lines = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows]
    out.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")
    return len(rows)


def read_standoff() -> list[dict[str, Any]]:
    """The shipped stand-off file in the form of train.jsonl and dev.jsonl: plus `split`, less `text`."""
    rows: list[dict[str, Any]] = json.loads(STANDOFF.read_text(encoding="utf-8"))
    for row in rows:
        row["sentences"] = [
            {"start": start, "end": end, "labels": [LETTERS[letter] for letter in letters]}
            for start, end, letters in row["sentences"]
        ]
    return rows


def wanted_keys(rows: Iterable[Mapping[str, Any]]) -> dict[str, set[str]]:
    """By corpus, the keys of the articles that were labelled."""
    keys: dict[str, set[str]] = {corpus: set() for corpus in CORPORA}
    for row in rows:
        keys[row["corpus"]].add(row["ref"])
    return keys


def find_texts(rows: Iterable[Mapping[str, Any]], corpus: str, folders: Iterable[Path]) -> dict[str, str]:
    """The texts of one corpus's labelled articles that stand in `folders`, by key: those whose sha256 agrees."""
    hashes = {row["ref"]: row["sha256"] for row in rows if row["corpus"] == corpus}
    texts: dict[str, str] = {}
    for folder in folders:
        for key, text in CORPORA[corpus](folder, set(hashes) - set(texts)):
            if key in hashes and key not in texts and text_sha256(text) == hashes[key]:
                texts[key] = text
    return texts


def _with_texts(folder: Path) -> tuple[list[Entry], dict[str, int]]:
    return read_texts(folder), {}


def _joined(roots: list[Path]) -> Dataset:
    """The stand-off file joined with the corpora under `roots`."""
    rows = read_standoff()
    keys = wanted_keys(rows)
    folders = {corpus: [place for root in roots for place in (root / corpus,) if place.is_dir()] for corpus in CORPORA}
    sources = [
        file
        for corpus, places in folders.items()
        for place in places
        for file in source_files(corpus, place, keys[corpus])
    ]
    if not sources:
        raise ResearchError(
            f"{NAME}: neither its texts nor one of its corpora ({', '.join(CORPORA)}) in {_listed(roots)}: "
            f"run `research data fetch {NAME} --from DIR`, or set RESEARCH_DATA"
        )

    def parse() -> tuple[list[Entry], dict[str, int]]:
        texts = {corpus: find_texts(rows, corpus, places) for corpus, places in folders.items()}
        entries, missing = [], Counter[str]()
        for row in rows:
            text = texts[row["corpus"]].get(row["ref"])
            if text is None:
                missing[row["corpus"]] += 1
            else:
                entries.append(_entry(row, row["split"], text))
        if not entries:
            raise ResearchError(
                f"{NAME}: no text in {_listed(roots)} is one that was labelled (compared by sha256): "
                f"fetch the corpora anew with `research data fetch`"
            )
        return entries, dict(missing)

    return cached(NAME, read_cards()[NAME], [STANDOFF, *sources], VERSION, parse)


def _listed(paths: list[Path]) -> str:
    return " or ".join(str(path) for path in paths)


def text_sha256(text: str) -> str:
    # lone surrogates cannot be encoded; such a text was never labelled
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _entry(row: Mapping[str, Any], split: str, text: str) -> Entry:
    """One article of the gold. ValueError or KeyError when the row is not what the README of the gold describes."""
    if not isinstance(text, str):
        raise ValueError(f"text: expected text, found {type(text).__name__}")
    if (found := text_sha256(text)) != row["sha256"]:
        raise ValueError(f"sha256 of the text is {found[:4]}..., expected {row['sha256'][:4]}...")
    if row["primary"] not in PRIMARY_LABELS:
        raise ValueError(f"unknown primary '{row['primary']}'; known: {', '.join(PRIMARY_LABELS)}")
    sentences = []
    for number, s in enumerate(row["sentences"], start=1):
        start, end, labels = s["start"], s["end"], s["labels"]
        if not 0 <= start < end <= len(text):
            raise ValueError(f"sentence {number}: offsets {start}, {end} do not lie in the text (0 to {len(text)})")
        if unknown := [label for label in labels if label not in ATTRIBUTION_LABELS]:
            raise ValueError(f"sentence {number}: unknown label '{unknown[0]}'; known: {', '.join(ATTRIBUTION_LABELS)}")
        ordered = tuple(label for label in ATTRIBUTION_LABELS if label in labels)
        sentences.append(Sentence(start, end, text[start:end], ordered))
    article = Article(
        article_id=row["article_id"],
        text=text,
        origin=f"{row['corpus']}:{row['ref']}",
        url=row["ref"] if row["corpus"] == "ruwa" else None,
        sentences=tuple(sentences),
        primary=row["primary"],
        fields={"corpus": row["corpus"], "sampling": row["sampling"], "annotators": str(row["annotators"])},
    )
    return Entry(split, article)


def _reason(error: Exception) -> str:
    """What is wrong with a line, in words: a missing key and broken JSON name themselves poorly."""
    if isinstance(error, KeyError):
        return f"key {error} is missing"
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON: {error.msg} (column {error.colno})"
    return str(error)
