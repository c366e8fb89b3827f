"""What the linear models see: n-gram blocks and context numbers of each span, as one sparse matrix.

attribution: a row per sentence: its words and characters, the words of the sentences before and after, cue features.
primary: a row per article: words and characters of headline and lead, words of the body, cue features of headline,
lead and (averaged) body.
stance: a row per pair of claim and article (pair_features.py).

Every block has columns of its own (a vocabulary), or with `buckets` all blocks share the hashed ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from operator import add
from pathlib import Path
from typing import Protocol

import numpy as np
from scipy.sparse import csr_matrix, hstack

from research.config import Features as FeaturesConfig
from research.cues import cue_features
from research.models.ngrams import HashedNgrams, Ngrams
from research.models.numbers import Numbers
from research.models.pair_features import PairFeatures
from research.models.words import masked_words, plain_words
from research.records import Article, Example, Task

# TF-IDF rows have length 1 while some 40 context features are on in a sentence: unscaled, regularisation would let
# them drown the n-grams. Chosen by cross-validation on attribution-gold train among .1, .15, .3 and 1.
CONTEXT_WEIGHT = 0.15
NEIGHBOUR_WEIGHT = 0.5
LEAD_SENTENCES = 2
NO_WORDS = FeaturesConfig(words=False, characters=False, neighbours=False, shared=False)  # only the numbers
CONTEXT_GROUPS = ("position", "quotation", "carry", "cues")


class Extractor(Protocol):
    """Examples to a matrix of shape (spans, features), in which numbers that are no n-grams are weighed by `weight`;
    `fit_transform` first, or `load`."""

    weight: float

    def fit_transform(self, examples: Sequence[Example]) -> csr_matrix: ...

    def transform(self, examples: Sequence[Example]) -> csr_matrix: ...

    def save(self, folder: Path) -> None: ...

    def load(self, folder: Path) -> None: ...


def create_extractor(config: FeaturesConfig, task: Task) -> Extractor:
    """What the linear models see of the examples of a task."""
    return PairFeatures(config) if task.pair else FeatureExtractor(config, task)


class FeatureExtractor:
    """Examples to a matrix of shape (spans, features); `fit_transform` first, or `load`."""

    weight = CONTEXT_WEIGHT

    def __init__(self, config: FeaturesConfig, task: Task) -> None:
        self.config, self.task = config, task
        slots: dict[str, tuple[str, ...]] = (
            {"sentence": ("words", "characters"), "neighbours": ("words",)}
            if task.name == "attribution"
            else {"headline": ("words", "characters"), "lead": ("words", "characters"), "body": ("words",)}
        )
        self._blocks: dict[tuple[str, str], Ngrams] = {}
        for slot, units in slots.items():
            for unit in units:
                if getattr(config, slot if slot == "neighbours" else unit):
                    # What a neighbour says is context, not content: single words are enough.
                    ngrams = (1, 1) if slot == "neighbours" else getattr(config, f"{_SHORT[unit]}_ngrams")
                    self._blocks[slot, unit] = self._block(slot, unit, ngrams)
        self._context = Numbers({group: getattr(config, group) for group in CONTEXT_GROUPS}, config.buckets)

    def _block(self, slot: str, unit: str, ngrams: tuple[int, int]) -> Ngrams:
        if self.config.buckets:
            return HashedNgrams(unit, ngrams, self.config.buckets, slot)
        from research.models.vocabulary import VocabularyNgrams  # scikit-learn takes a second to import

        return VocabularyNgrams(unit, ngrams, self.config.min_count)

    def fit_transform(self, examples: Sequence[Example]) -> csr_matrix:
        numbers = self._numbers(examples)
        self._context.fit(numbers)
        return self._matrix(examples, numbers, fit=True)

    def transform(self, examples: Sequence[Example]) -> csr_matrix:
        return self._matrix(examples, self._numbers(examples), fit=False)

    def _matrix(self, examples: Sequence[Example], numbers: list[dict[str, float]], *, fit: bool) -> csr_matrix:
        texts = _sentence_texts(examples) if self.task.name == "attribution" else _article_texts(examples)
        parts = [self._context.transform(numbers) * np.float32(CONTEXT_WEIGHT)]
        cut: dict[tuple[str, str], list[list[str]]] = {}  # the neighbours' words are the sentences'
        for (slot, unit), block in self._blocks.items():
            read = block.fit_transform if fit else block.transform
            where = "sentence" if slot == "neighbours" else slot
            if (where, unit) not in cut:
                cut[where, unit] = [_CUT[unit](text) for text in texts[where]]
            rows = read(cut[where, unit])
            if slot == "neighbours":
                moved = [_shifted(rows, examples, step) * np.float32(NEIGHBOUR_WEIGHT) for step in (-1, 1)]
                parts += [_rotated(moved[0]), moved[1]] if self.config.buckets else moved
            else:
                parts.append(rows)
        # float sums depend on their order: one after the other, always
        matrix = csr_matrix(reduce(add, parts) if self.config.buckets else hstack(parts, format="csr"))
        if self.task.name == "attribution":
            matrix = matrix[_span_rows(examples)]
        return matrix

    def _numbers(self, examples: Sequence[Example]) -> list[dict[str, float]]:
        if not any(getattr(self.config, group) for group in CONTEXT_GROUPS):
            per_article: Iterable[list[dict[str, float]]] = ([{} for _ in e.article.sentences] for e in examples)
        else:
            per_article = (cue_features(e.article) for e in examples)
        if self.task.name == "attribution":
            return [row for rows in per_article for row in rows]
        return [_article_numbers(rows) for rows in per_article]

    def save(self, folder: Path) -> None:
        for (slot, unit), block in self._blocks.items():
            block.save(folder / f"{slot}-{unit}")
        self._context.save(folder / "context")

    def load(self, folder: Path) -> None:
        for (slot, unit), block in self._blocks.items():
            block.load(folder / f"{slot}-{unit}")
        self._context.load(folder / "context")


_SHORT = {"words": "word", "characters": "char"}
_CUT = {"words": masked_words, "characters": plain_words}


def _sentence_texts(examples: Sequence[Example]) -> dict[str, list[str]]:
    return {"sentence": [s.text for e in examples for s in e.article.sentences]}


def _article_texts(examples: Sequence[Example]) -> dict[str, list[str]]:
    texts: dict[str, list[str]] = {"headline": [], "lead": [], "body": []}
    for example in examples:
        headline, lead, body = _parts(example.article)
        texts["headline"].append(headline)
        texts["lead"].append(" ".join(lead))
        texts["body"].append(" ".join(body))
    return texts


def _parts(article: Article) -> tuple[str, list[str], list[str]]:
    """Headline, lead and the rest. A title that the text does not begin with comes before the first sentence."""
    sentences = [s.text for s in article.sentences]
    if article.title and not (sentences and sentences[0].startswith(article.title)):
        sentences.insert(0, article.title)
    lead_end = 1 + LEAD_SENTENCES
    return (sentences[0] if sentences else ""), sentences[1:lead_end], sentences[lead_end:]


def _article_numbers(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Cue features of the headline and of the lead's sentences, and their mean over the article; `where|name`."""
    numbers: dict[str, float] = {}
    for i, row in enumerate(rows):
        where = ("headline", "lead", "lead")[i] if i < 3 else None
        for name, value in row.items():
            if where:
                key = f"{where}|{name}"
                numbers[key] = max(value, numbers.get(key, 0.0))
            mean = f"body|{name}"
            numbers[mean] = numbers.get(mean, 0.0) + value / len(rows)
    return numbers


def _shifted(rows: csr_matrix, examples: Sequence[Example], step: int) -> csr_matrix:
    """Row i becomes that of the sentence `step` further on, and empty where that is another article."""
    article = np.repeat(np.arange(len(examples)), [len(e.article.sentences) for e in examples])
    index = np.arange(len(article)) + step
    inside = (index >= 0) & (index < len(article))
    index = np.where(inside, index, 0)
    inside &= article[index] == article if len(article) else inside
    moved = rows[index]
    keep = csr_matrix(
        (inside.astype(np.float32), np.arange(len(index), dtype=np.int32), np.arange(len(index) + 1, dtype=np.int32))
    )
    return csr_matrix(keep @ moved) if len(index) else moved


def _rotated(rows: csr_matrix) -> csr_matrix:
    """The same rows with every column moved half way round: what stands before is not what stands after."""
    width = rows.shape[1]
    turned = csr_matrix((rows.data, (rows.indices + width // 2) % width, rows.indptr), shape=rows.shape)
    turned.sort_indices()
    return turned


def _span_rows(examples: Sequence[Example]) -> list[int]:
    """The row of each span among all sentences; a span that is no sentence of its article is a KeyError."""
    rows: list[int] = []
    first = 0
    for example in examples:
        sentences = example.article.sentences
        place = {s.span: first + i for i, s in enumerate(sentences)}
        rows += [place[span] for span in example.spans]
        first += len(sentences)
    return rows
