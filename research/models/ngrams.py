"""TF-IDF n-grams of words and of characters, with a state that is plain data.

Names are masked in the word n-grams: a run of capitalised words after the first becomes one `X`, so that what is
learned is "X, a spokesman for X, said" and not who happened to be in the news of the training year. Digits become 0
and typographic quotation marks straight ones.

scikit-learn counts at training. Afterwards the vocabulary is known, and the columns of a word's n-grams need to be
looked up only once, however often the word comes: that is several times faster than cutting every text anew.
"""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer

WORDS_KEPT = 2**15  # distinct words whose columns are remembered: some ten megabytes

_TOKEN = re.compile(r"\w+(?:['.]\w+)*|[\"?!:,;()]")
_STRAIGHT = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "«": '"', "»": '"', "\u00a0": " "})
_DIGITS = re.compile(r"\d+")


def normalise(text: str) -> str:
    """Straight quotation marks, no-break spaces as spaces, digits as 0; letter case is kept."""
    return _DIGITS.sub("0", text.translate(_STRAIGHT))


def masked_words(text: str) -> list[str]:
    """The lower-cased tokens of `text` with every run of names as one `X`."""
    words: list[str] = []
    for i, token in enumerate(_TOKEN.findall(normalise(text))):
        if i and token[0].isupper():
            if words[-1] != "X":
                words.append("X")
        else:
            words.append(token.lower())
    return words


def plain_words(text: str) -> list[str]:
    """The lower-cased stretches of `text` between white space."""
    return normalise(text).lower().split()


def _phrases(words: Sequence[str], shortest: int, longest: int) -> list[str]:
    """The runs of `shortest` to `longest` words, joined by a space."""
    sizes = range(shortest, min(longest, len(words)) + 1)
    return [" ".join(words[i : i + n]) for n in sizes for i in range(len(words) - n + 1)]


def _letters(word: str, shortest: int, longest: int) -> list[str]:
    """The runs of `shortest` to `longest` characters in a word with a space on each side; a short word is one run."""
    padded = f" {word} "
    sizes = range(shortest, min(longest, max(shortest, len(padded))) + 1)
    return [padded[i : i + n] for n in sizes for i in range(max(1, len(padded) - n + 1))]


class Ngrams:
    """A TF-IDF block. A text is given as its words: `masked_words` for the unit "words", whose n-grams are phrases,
    `plain_words` for "characters", whose n-grams lie inside a word."""

    def __init__(self, unit: str, ngrams: tuple[int, int], min_count: int) -> None:
        self._unit, self._ngrams, self._min_count = unit, ngrams, min_count
        self._tfidf = TfidfTransformer(sublinear_tf=True)
        self._column: dict[str, int] = {}
        self._columns_in_word = lru_cache(WORDS_KEPT)(self._find_columns_in_word)

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
        """Shape (texts, size of the vocabulary), rows of length 1."""
        columns, ends = array("i"), [0]
        for words in texts:
            columns.extend(self._find_columns(words))
            ends.append(len(columns))
        shape = (len(ends) - 1, len(self._column))
        counts = csr_matrix((np.ones(len(columns), np.float32), np.array(columns, np.int32), ends), shape=shape)
        counts.sum_duplicates()
        return csr_matrix(self._tfidf.transform(counts, copy=False)) if self._column and shape[0] else counts

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
            return _phrases(words, *self._ngrams)
        return [ngram for word in words for ngram in _letters(word, *self._ngrams)]

    def _find_columns(self, words: Sequence[str]) -> array[int]:
        """The column of every n-gram of a text that is in the vocabulary."""
        if self._unit == "words":
            return self._known(_phrases(words, *self._ngrams))
        columns = array("i")
        for word in words:
            columns.extend(self._columns_in_word(word))
        return columns

    def _find_columns_in_word(self, word: str) -> array[int]:
        return self._known(_letters(word, *self._ngrams))

    def _known(self, ngrams: Iterable[str]) -> array[int]:
        column = self._column
        return array("i", [column[ngram] for ngram in ngrams if ngram in column])
