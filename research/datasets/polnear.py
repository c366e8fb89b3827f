"""PolNeAR, American political news of 2015 and 2016 with every attribution marked, as proxy labels for attribution.

A sentence that holds some of an attribution's content is `official_statement`, whoever is the source; any other one is
background. That is not what the codebook asks, but near enough to learn reading from. The gold's dev articles, which
were taken from PolNeAR too, and their near-duplicates are left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from research.config import Polnear
from research.datasets.attribution_gold import STANDOFF
from research.datasets.card import read_cards
from research.datasets.dataset import Dataset, Entry
from research.datasets.guard import gold_here, without_gold_dev
from research.datasets.jsonl import segmenter
from research.datasets.problems import Problems
from research.datasets.store import cached, corpus_folder
from research.records import Article, Sentence

NAME = "polnear"
VERSION = 1
SPLITS = ("train", "dev")  # the corpus's test is reserved for final measurement: nothing here looks into it
ANNOTATOR = re.compile(r"_[0-9a-f]{4}$")  # at the end of an annotation's file name
CONTENT = re.compile(r"^T\d+\tContent (\d+ \d+(?:;\d+ \d+)*)\t", re.MULTILINE)  # brat; pieces of a span part by ;
PROXY = "official_statement"


def load_polnear(config: Polnear) -> Dataset:
    """The train and dev articles of PolNeAR, less gold dev. ResearchError when the corpus is not here, or an article
    does not fit its annotation."""
    folder = corpus_folder(NAME, config.path, "train/attributions", f"research data fetch {NAME}")
    found = {split: _annotations(folder / split) for split in SPLITS}
    files = [file for pairs in found.values() for pair in pairs.items() for file in pair]
    gold = gold_here()
    settings = {
        "articles": {split: len(pairs) for split, pairs in found.items()},
        "gold": gold.revision if gold else None,
        "segmenter": segmenter(),
    }

    def parse() -> tuple[list[Entry], dict[str, int]]:
        return without_gold_dev(_read(found), gold), {}

    return cached(NAME, read_cards()[NAME], [STANDOFF, *files], VERSION, parse, settings)


def _annotations(folder: Path) -> dict[Path, Path]:
    """Text file -> its annotation; of several annotators' the first by file name."""
    found: dict[Path, Path] = {}
    for file in sorted((folder / "attributions").glob("*.ann")):
        found.setdefault(folder / "text" / f"{ANNOTATOR.sub('', file.stem)}.txt", file)
    return found


def _read(found: Mapping[str, Mapping[Path, Path]]) -> list[Entry]:
    problems = Problems()
    entries = []
    for split, pairs in found.items():
        for text, annotation in pairs.items():
            try:
                entries.append(Entry(split, _article(split, text, annotation)))
            except ValueError as e:
                problems.add(f"{annotation}: {e}")
    problems.check()
    return entries


def _article(split: str, file: Path, annotation: Path) -> Article:
    """One article with a proxy label for every sentence. ValueError when a span lies outside the text."""
    from research.articles import sentence_spans

    text = file.read_bytes().decode("utf-8", "replace")  # as the gold reads it: offsets and sha256 stand on it
    said = [False] * len(text)
    for spans in CONTENT.findall(annotation.read_bytes().decode("utf-8", "replace")):
        for span in spans.split(";"):
            start, end = map(int, span.split())
            if not start <= end <= len(text):
                raise ValueError(f"span {start} {end} does not lie in the text (0 to {len(text)}): another release?")
            for i in range(start, end):
                said[i] = text[i].isalnum()  # a quotation mark that hangs over is nothing said
    sentences = (Sentence(s, e, text[s:e], (PROXY,) if any(said[s:e]) else ()) for s, e in sentence_spans(text))
    outlet, published, _ = f"{file.stem}__".split("_", 2)
    return Article(
        article_id=f"{NAME}/{split}/{file.stem}",
        text=text,
        origin=f"{NAME}:{split}/{file.stem}",
        outlet=outlet,
        published=published or None,
        sentences=tuple(sentences),
        fields={"corpus": NAME},
    )
