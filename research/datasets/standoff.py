"""Labels without the texts that they belong to: a file of keys, sha256, offsets and labels, and its texts found again
in the corpora that stand on this machine."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from research.datasets.card import read_cards
from research.datasets.corpora import CORPORA, source_files
from research.datasets.dataset import Dataset, Entry
from research.datasets.store import cached
from research.records import ATTRIBUTION_LABELS, LABELLED_BY, PRIMARY_LABELS, Article, ResearchError, Sentence

LETTERS = {"o": "official_statement", "s": "speculation", "d": "denial"}  # labels in the file
# Of a row, as far as it has them:
KEPT = ("article_id", "corpus", "ref", "sha256", "primary", "sampling", "annotators", LABELLED_BY)
NOTED = ("corpus", "sampling", "annotators", LABELLED_BY)  # in Article.fields


def row_without_text(row: Mapping[str, Any], split: str) -> dict[str, Any]:
    """A labelled article as the file holds it: a sentence is [start, end, letters], where the letters are the labels'
    (o, s, d; none is background)."""
    letters = {label: letter for letter, label in LETTERS.items()}
    sentences = [[s["start"], s["end"], "".join(letters[x] for x in s["labels"])] for s in row["sentences"]]
    return {"split": split, **{name: row[name] for name in KEPT if name in row}, "sentences": sentences}


def write_rows(rows: Iterable[Mapping[str, Any]], out: Path) -> None:
    """One article a line, so that a change can be read."""
    lines = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows]
    out.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")


def read_rows(file: Path) -> list[dict[str, Any]]:
    """The rows, with each sentence as an object of start, end and labels."""
    rows: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
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


def join_corpora(name: str, version: int, file: Path, roots: list[Path], fetched: str) -> Dataset:
    """The rows of `file` joined with the corpora under `roots`. ResearchError when none of them is there, or none
    holds a text that was labelled; `fetched` is what to fetch then. `Dataset.missing` counts the others."""
    rows = read_rows(file)
    keys = {corpus: wanted for corpus, wanted in wanted_keys(rows).items() if wanted}
    folders = {corpus: [place for root in roots for place in (root / corpus,) if place.is_dir()] for corpus in keys}
    sources = [
        source
        for corpus, places in folders.items()
        for place in places
        for source in source_files(corpus, place, keys[corpus])
    ]
    if not sources:
        raise ResearchError(
            f"{name}: neither its texts nor one of its corpora ({', '.join(keys)}) in {_listed(roots)}: "
            f"run `research data fetch {fetched}`, or set RESEARCH_DATA"
        )

    def parse() -> tuple[list[Entry], dict[str, int]]:
        texts = {corpus: find_texts(rows, corpus, places) for corpus, places in folders.items()}
        entries, missing = [], Counter[str]()
        for row in rows:
            text = texts[row["corpus"]].get(row["ref"])
            if text is None:
                missing[row["corpus"]] += 1
            else:
                entries.append(entry_of(row, row["split"], text))
        if not entries:
            raise ResearchError(
                f"{name}: no text in {_listed(roots)} is one that was labelled (compared by sha256): "
                f"fetch the corpora anew with `research data fetch`"
            )
        return entries, dict(missing)

    return cached(name, read_cards()[name], [file, *sources], version, parse)


def entry_of(row: Mapping[str, Any], split: str, text: str) -> Entry:
    """One labelled article. ValueError or KeyError when the row is not what it should be or the text another one."""
    if not isinstance(text, str):
        raise ValueError(f"text: expected text, found {type(text).__name__}")
    if (found := text_sha256(text)) != row["sha256"]:
        raise ValueError(f"sha256 of the text is {found[:4]}..., expected {row['sha256'][:4]}...")
    primary = row.get("primary")
    if "primary" in row and primary not in PRIMARY_LABELS:
        raise ValueError(f"unknown primary '{primary}'; known: {', '.join(PRIMARY_LABELS)}")
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
        primary=primary,
        fields={name: str(row[name]) for name in NOTED if name in row},
    )
    return Entry(split, article)


def text_sha256(text: str) -> str:
    # lone surrogates cannot be encoded; such a text was never labelled
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _listed(paths: list[Path]) -> str:
    return " or ".join(str(path) for path in paths)
