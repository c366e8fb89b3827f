"""WikiWeasel, the Wikipedia sentences of the CoNLL-2010 shared task, as proxy labels for speculation.

An uncertain sentence is `speculation`, any other one background: not what the codebook asks (weasel words are not
news), but near enough to learn hedges from. The file has no documents, and of each split first the certain sentences,
then the uncertain ones; kept in that order, a neighbour would give the label away. So an article here is 12 sentences
in the order of their hashes: they have nothing to do with each other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from research.config import Wikiweasel
from research.datasets.card import read_cards
from research.datasets.dataset import Dataset, Entry
from research.datasets.problems import Problems
from research.datasets.standoff import text_sha256
from research.datasets.store import cached, corpus_folder
from research.records import Article, Sentence

NAME = "wikiweasel"
VERSION = 1
FILE = "wikiweasel.jsonl"
SENTENCES = 12  # an article
SPLITS = {"train": "train", "eval": "test"}
BRACKET = re.compile(r"-L[RSC]B- ?| ?-R[RSC]B-")  # brackets and quotation marks as the Penn Treebank writes them
QUOTE = re.compile(r"`` ?| ?''")
LABELS: dict[str, tuple[str, ...]] = {"certain": (), "uncertain": ("speculation",)}


def load_wikiweasel(config: Wikiweasel) -> Dataset:
    """The sentences in passages of 12, the shared task's eval as test. ResearchError when the corpus is not here."""
    folder = corpus_folder(NAME, config.path, FILE, f"research data fetch {NAME} --from DIR")
    file = folder / FILE
    return cached(NAME, read_cards()[NAME], [file], VERSION, lambda: (list(_passages(file)), {}))


def _passages(file: Path) -> Iterator[Entry]:
    sentences = _sentences(file)
    for given, split in SPLITS.items():
        texts = sorted((text for text, (of, _) in sentences.items() if of == given), key=text_sha256)
        for number, start in enumerate(range(0, len(texts), SENTENCES), start=1):
            some = {text: sentences[text][1] for text in texts[start : start + SENTENCES]}
            yield Entry(split, _article(f"{split}-{number:04}", given, some))


def _sentences(file: Path) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Text -> the split it is given in and its labels. Of a text that stands there twice the last row counts.
    ResearchError tells the bad lines."""
    problems = Problems()
    found = {}
    for number, line in enumerate(file.read_bytes().splitlines(), start=1):
        try:
            row = json.loads(line)
            if row["split"] not in SPLITS or not (text := _as_news(row["text"])):
                raise ValueError
            found[text] = row["split"], LABELS[row["label"]]
        except (ValueError, KeyError, TypeError):
            expected = f"split ({' or '.join(SPLITS)}), label ({' or '.join(LABELS)}) and text"
            problems.add(f"{file}:{number}: expected an object with {expected}")
    problems.check()
    return found


def _as_news(text: str) -> str:
    """A sentence with the brackets and quotation marks of print."""
    return " ".join(QUOTE.sub('"', BRACKET.sub(lambda m: "(" if "L" in m[0] else ")", text)).split())


def _article(name: str, given: str, labelled: dict[str, tuple[str, ...]]) -> Article:
    """A passage: one sentence a line."""
    sentences = []
    start = 0
    for text, labels in labelled.items():
        sentences.append(Sentence(start, start + len(text), text, labels))
        start += len(text) + 1
    return Article(
        article_id=f"{NAME}/{name}",
        text="\n".join(labelled),
        origin=f"{NAME}:{given}",
        sentences=tuple(sentences),
        fields={"corpus": NAME},
    )
