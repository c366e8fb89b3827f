"""What every block of n-grams does: texts as words in, rows of counts out; and the hashed block, which needs no more.

The columns of a word's n-grams are looked up only once, however often the word comes: that is several times faster
than cutting every text anew.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from array import array
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from zlib import crc32

import numpy as np
from scipy.sparse import csr_matrix

from research.models.words import letters, phrases

WORDS_KEPT = 2**15  # distinct words whose columns are remembered: some ten megabytes


class Ngrams(ABC):
    """A block of n-grams. A text is given as its words: `masked_words` for the unit "words", whose n-grams are
    phrases, `plain_words` for "characters", whose n-grams lie inside a word. Rows have length 1."""

    def __init__(self, unit: str, ngrams: tuple[int, int]) -> None:
        self._unit, self._ngrams = unit, ngrams
        self._columns_in_word = lru_cache(WORDS_KEPT)(self._find_columns_in_word)

    @property
    @abstractmethod
    def width(self) -> int:
        """How many columns there are."""

    @abstractmethod
    def fit_transform(self, texts: Sequence[Sequence[str]]) -> csr_matrix: ...

    @abstractmethod
    def transform(self, texts: Iterable[Sequence[str]]) -> csr_matrix: ...

    @abstractmethod
    def save(self, stem: Path) -> None: ...

    @abstractmethod
    def load(self, stem: Path) -> None: ...

    @abstractmethod
    def _columns(self, ngrams: Iterable[str]) -> array[int]:
        """The columns of those n-grams that have one."""

    def _count(self, texts: Iterable[Sequence[str]]) -> csr_matrix:
        """Shape (texts, width): how often each n-gram stands in each text."""
        columns, ends = array("i"), [0]
        for words in texts:
            if self._unit == "words":
                columns.extend(self._columns(phrases(words, *self._ngrams)))
            else:
                for word in words:
                    columns.extend(self._columns_in_word(word))
            ends.append(len(columns))
        ones = np.ones(len(columns), np.float32)
        counts = csr_matrix((ones, np.array(columns, np.int32), ends), shape=(len(ends) - 1, self.width))
        counts.sum_duplicates()
        return counts

    def _find_columns_in_word(self, word: str) -> array[int]:
        return self._columns(letters(word, *self._ngrams))


class HashedNgrams(Ngrams):
    """Columns by checksum instead of a vocabulary (Weinberger et al. 2009): no text has to be kept, nothing is
    fitted, and several blocks may share the columns. Counts are damped by a logarithm; there is no idf."""

    def __init__(self, unit: str, ngrams: tuple[int, int], buckets: int, slot: str) -> None:
        super().__init__(unit, ngrams)
        self._buckets = buckets
        self._salt = crc32(f"{slot} {unit}".encode())  # the same n-gram means something else in another block

    @property
    def width(self) -> int:
        return self._buckets

    def fit_transform(self, texts: Sequence[Sequence[str]]) -> csr_matrix:
        return self.transform(texts)

    def transform(self, texts: Iterable[Sequence[str]]) -> csr_matrix:
        rows = self._count(texts)
        rows.data = 1 + np.log(rows.data)
        lengths = np.sqrt(np.bincount(_row_numbers(rows), weights=rows.data**2, minlength=rows.shape[0]))
        rows.data /= lengths[_row_numbers(rows)].astype(np.float32)
        return rows

    def save(self, stem: Path) -> None:
        """Nothing to write: the config says it all."""

    def load(self, stem: Path) -> None:
        """Nothing to read."""

    def _columns(self, ngrams: Iterable[str]) -> array[int]:
        return array("i", [bucket(ngram, self._buckets, self._salt) for ngram in ngrams])


def bucket(name: str, buckets: int, salt: int = 0) -> int:
    """The column that a name falls into; the same on every machine."""
    return crc32(name.encode("utf-8", "replace"), salt) % buckets


def _row_numbers(rows: csr_matrix) -> np.ndarray:
    """The row of each stored number."""
    return np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
