"""Which sentences of an article bear on a claim, by BM25 over the article's own sentences (bm25s; Robertson and
Zaragoza 2009, Foundations and Trends in IR 3(4)).

An article is prepared once, however many claims it is read for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from research.records import Article

ARTICLES_KEPT = 1024  # prepared articles that are remembered: some megabytes
CLAIMS_KEPT = 4096
SHOWN = 3  # sentences
WORD = re.compile(r"\w+")
STOP = frozenset(
    """a about after all also an and any are as at be been before being between both but by can could did do does for
    from had has have he her him his how i if in into is it its may might more most my no not of off on one or other
    our out over s said say says she so some such t than that the their them then there these they this those through
    to under up was we were what when where which while who will with would you your""".split()
)


def content_words(text: str) -> list[str]:
    """The words of `text` that say what it is about: lower case, no stop words, a plural s taken off."""
    return content_places(text)[1]


def content_places(text: str) -> tuple[list[int], list[str]]:
    """Where each of the `content_words` begins, and the words."""
    found = [(m.start(), _singular(word)) for m in WORD.finditer(text) if (word := m[0].lower()) not in STOP]
    return [start for start, _ in found], [word for _, word in found]


def bearing(article: Article, claim: str) -> NDArray[np.float64]:
    """Shape (sentences,): the BM25 score of each sentence for the words of the claim; 0 where they share none."""
    texts = tuple(s.text for s in article.sentences)
    index = _index(texts)
    wanted = [word for word in _asked(claim) if index and word in index.vocab_dict]
    if not wanted:
        return np.zeros(len(texts))
    return np.asarray(index.get_scores(wanted), np.float64)


def reading_order(article: Article, claim: str) -> list[int]:
    """The numbers of all sentences (0 for a text that was not cut into any), from the one to read first when not all
    can be read: the headline or first sentence, whose stance is the article's (codebook), then those that bear on the
    claim, then the others from the top."""
    others = np.argsort(-bearing(article, claim)[1:], kind="stable") + 1
    return [0, *others.tolist()]


def evidence(article: Article, claim: str, most: int = SHOWN) -> tuple[tuple[int, int], ...]:
    """The spans of the (at most `most`) sentences that bear most on the claim, in the order of the text; none where no
    sentence shares a word with it."""
    scores = bearing(article, claim)
    best = [i for i in np.argsort(-scores, kind="stable")[:most].tolist() if scores[i] > 0]
    return tuple(article.sentences[i].span for i in sorted(best))


@lru_cache(CLAIMS_KEPT)
def _asked(claim: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(content_words(claim)))


@lru_cache(ARTICLES_KEPT)
def _index(texts: Sequence[str]) -> Any:
    """None where no sentence has a word to look for."""
    words = [content_words(text) for text in texts]
    if not any(words):
        return None
    from bm25s import BM25  # half a second to import

    index = BM25()
    index.index(words, create_empty_token=False, show_progress=False)
    return index


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
