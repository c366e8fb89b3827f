"""TF-IDF n-grams of words and of characters, with a state that is plain data.

Names are masked in the word n-grams: a run of capitalised words after the first becomes one `X`, so that what is
learned is "X, a spokesman for X, said" and not who happened to be in the news of the training year. Digits become 0
and typographic quotation marks straight ones.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfVectorizer

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


def _same(tokens: list[str]) -> list[str]:
    """Words are cut before they come here; a lambda could not be told from another in a traceback."""
    return tokens


class Ngrams:
    """A TF-IDF block. `unit` is "words" (masked, `masked_words`) or "characters" (inside word boundaries)."""

    def __init__(self, unit: str, ngrams: tuple[int, int], min_count: int) -> None:
        shared: dict[str, Any] = {"ngram_range": tuple(ngrams), "min_df": min_count, "sublinear_tf": True}
        shared["dtype"] = np.float32
        if unit == "words":
            self._tfidf = TfidfVectorizer(
                analyzer="word", tokenizer=masked_words, lowercase=False, token_pattern=None, **shared
            )
        else:
            self._tfidf = TfidfVectorizer(analyzer="char_wb", preprocessor=lambda t: normalise(t).lower(), **shared)

    def fit_transform(self, texts: Iterable[str]) -> csr_matrix:
        try:
            return csr_matrix(self._tfidf.fit_transform(texts))
        except ValueError:  # scikit-learn's "empty vocabulary": tiny or wordless training sets are no error here
            self._tfidf.vocabulary_ = {}
            return self.transform(texts)

    def transform(self, texts: Iterable[str]) -> csr_matrix:
        """Shape (texts, size of the vocabulary), rows of length 1."""
        if not self._tfidf.vocabulary_:
            return csr_matrix((sum(1 for _ in texts), 0), dtype=np.float32)
        return csr_matrix(self._tfidf.transform(texts))

    def save(self, stem: Path) -> None:
        """Write `stem`.json (the n-grams by column) and `stem`.safetensors (their idf)."""
        vocabulary = self._tfidf.vocabulary_
        names = sorted(vocabulary, key=vocabulary.__getitem__)
        stem.with_suffix(".json").write_text(json.dumps(names, ensure_ascii=False), encoding="utf-8")
        idf = self._tfidf.idf_ if names else np.zeros(0)
        save_file({"idf": np.asarray(idf, dtype=np.float32)}, stem.with_suffix(".safetensors"))

    def load(self, stem: Path) -> None:
        names = json.loads(stem.with_suffix(".json").read_text(encoding="utf-8"))
        self._tfidf.vocabulary_ = {name: i for i, name in enumerate(names)}
        if names:
            self._tfidf.vocabulary = self._tfidf.vocabulary_
            self._tfidf.idf_ = load_file(stem.with_suffix(".safetensors"))["idf"]
