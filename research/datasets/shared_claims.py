"""Claims that leak: a model that has learned how articles stand to a claim must not be scored on that claim.

A claim leaks when articles of two splits take a stance on it; an article that is unrelated to it tells nothing about
its truth, so that claims may be paired with the articles of another split at random. It leaks as well when an
article of another split is nothing but its words, as the headlines of Emergent are that FNC-1 has as claims.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from research.datasets.dataset import SPLITS
from research.records import UNRELATED, Article

WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class SharedClaim:
    """Words that stand in two splits; `left` is the training side. `claim` is how the side's own text spells them;
    `left_article` and `right_article` name the article whose whole text they are, and are empty where they are a
    claim."""

    claim: str
    left_split: str
    left_article: str
    right_split: str
    right_article: str


def find_shared_claims(placed: Sequence[tuple[str, Article]]) -> Iterator[SharedClaim]:
    """The shared claims among articles, each given with the split it stands in; once for every spelling and every
    article on the training side."""
    # words -> split -> spellings (claims that some article takes a stance on) and ids of articles (whole texts)
    claims: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    texts: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for split, article in placed:
        for claim in article.claims:
            if claim.label != UNRELATED:
                claims[_words(claim.claim)][split].add(claim.claim)
    for split, article in placed:
        if (words := _words(article.text)) in claims:
            texts[words][split].add(article.article_id)
    for words, holders in claims.items():
        for i, left in enumerate(SPLITS):
            for right in SPLITS[i + 1 :]:
                there = holders.get(right, set())
                other = min(texts[words].get(right, set()), default="")
                if there or other:
                    for spelling in sorted(holders.get(left, ())):
                        yield SharedClaim(spelling, left, "", right, "" if there else other)
                if there:
                    for article_id in sorted(texts[words].get(left, ())):
                        yield SharedClaim(words, left, article_id, right, "")


def _words(text: str) -> str:
    return " ".join(WORD.findall(text.lower()))
