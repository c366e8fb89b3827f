"""TF-IDF n-grams with a vocabulary: scikit-learn counts at training, its state is plain data."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer

from research.models.ngrams import Ngrams
from research.models.words import letters, phrases


class VocabularyNgrams(Ngrams):
    """A column for every n-gram that stands in at least `min_count` training texts."""

    def __init__(self, unit: str, ngrams: tuple[int, int], min_count: int) -> None:
        super().__init__(unit, ngrams)
        self._min_count = min_count
        self._tfidf = TfidfTransformer(sublinear_tf=True)
        self._column: dict[str, int] = {}

    @property
    def width(self) -> int:
        return len(self._column)

    def fit_transform(self, texts: Sequence[Sequence[str]]) -> csr_matrix:
        counter = CountVectorizer(analyzer=self._cut, min_df=self._min_count, dtype=np.float32)
        try:
            counts = counter.fit_transform(texts)
        except ValueError:  # scikit-learn's "empty vocabulary": tiny or wordless training sets are no error here
            self._know([])
            return self.transform(texts)
        self._know(counter.get_feature_names_out())
        return csr_matrix(self._tfidf.fit_transform(counts))

    def transform(self, texts: Iterable[Sequence[str]]) -> csr_matrix:
        counts = self._count(texts)
        return csr_matrix(self._tfidf.transform(counts, copy=False)) if all(counts.shape) else counts

    def save(self, stem: Path) -> None:
        """Write `stem`.json (the n-grams by column) and `stem`.safetensors (their idf)."""
        stem.with_suffix(".json").write_text(json.dumps(list(self._column), ensure_ascii=False), encoding="utf-8")
        idf = self._tfidf.idf_ if self._column else np.zeros(0)
        save_file({"idf": np.asarray(idf, dtype=np.float32)}, stem.with_suffix(".safetensors"))

    def load(self, stem: Path) -> None:
        self._know(json.loads(stem.with_suffix(".json").read_text(encoding="utf-8")))
        if self._column:
            self._tfidf.idf_ = load_file(stem.with_suffix(".safetensors"))["idf"]

    def _know(self, vocabulary: Iterable[str]) -> None:
        self._column = {ngram: i for i, ngram in enumerate(vocabulary)}
        self._columns_in_word.cache_clear()

    def _cut(self, words: Sequence[str]) -> list[str]:
        if self._unit == "words":
            return phrases(words, *self._ngrams)
        return [ngram for word in words for ngram in letters(word, *self._ngrams)]

    def _columns(self, ngrams: Iterable[str]) -> array[int]:
        column = self._column
        return array("i", [column[ngram] for ngram in ngrams if ngram in column])
