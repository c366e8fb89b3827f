"""What the linear models see of a claim and an article: one sparse row per pair.

Words and characters of the claim, words of the evidence (the first sentence and those that bear most on the claim),
words that both share; how far the article covers the claim (its first sentence, its best one, all of it); the cues of
both sides, near the shared words and elsewhere. Articles and claims are prepared once, however many pairs they are in.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix, hstack

from research.config import Features as FeaturesConfig
from research.cues import find_cues, label_sentences
from research.models.evidence import bearing, content_places, content_words
from research.models.ngrams import HashedNgrams, Ngrams
from research.models.numbers import Numbers
from research.models.words import masked_words, plain_words
from research.records import Article, Claim, Example

NUMBERS_WEIGHT = 0.3  # beside TF-IDF rows of length 1
EVIDENCE = 2  # sentences besides the first
NEAR = 5  # words between a cue and a word of the claim
BINS = 8
FAMILIES = {
    "cover": "overlap",
    "bearing": "overlap",
    "names": "overlap",
    "claim": "cues",
    "first": "cues",
    "evidence": "cues",
    "near": "cues",
    "against": "cues",
    "act": "attribution",
}
GROUPS = ("overlap", "cues", "attribution")
NEGATING = frozenset(
    "deny reject deny_word deny_strong reject_claim false_claim false_soft false_word neg_fact".split()
)
HEDGING = frozenset(
    "hedge_strong hedge_soft alleged alleged_soft hearsay hearsay_soft modal unconfirmed question".split()
)


@dataclass(frozen=True)
class _Text:
    """A sentence or a claim, prepared: content words by place, names among them, and cues with their place."""

    words: tuple[str, ...]
    known: frozenset[str]
    names: frozenset[str]
    cues: tuple[tuple[str, int], ...]
    groups: frozenset[str]


@dataclass(frozen=True)
class _Read:
    """An article, prepared: its sentences, all their content words, attribution by rule, and words for n-grams."""

    sentences: tuple[_Text, ...]
    body: frozenset[str]
    acts: Sequence[tuple[str, ...]]
    words: Sequence[list[str]]


class PairFeatures:
    """Examples to a matrix of shape (pairs, features); `fit_transform` first, or `load`."""

    weight = NUMBERS_WEIGHT

    def __init__(self, config: FeaturesConfig) -> None:
        self.config = config
        wanted = {
            ("claim", "words"): config.words,
            ("claim", "characters"): config.characters,
            ("evidence", "words"): config.words,
            ("shared", "words"): config.shared,
        }
        self._blocks = {slot: self._block(*slot) for slot, on in wanted.items() if on}
        self._numbers = Numbers({group: getattr(config, group) for group in GROUPS}, config.buckets, FAMILIES)

    def _block(self, slot: str, unit: str) -> Ngrams:
        ngrams = {"words": self.config.word_ngrams, "characters": self.config.char_ngrams}[unit]
        if slot == "shared":
            ngrams = (1, 1)
        if self.config.buckets:
            return HashedNgrams(unit, ngrams, self.config.buckets, slot)
        from research.models.vocabulary import VocabularyNgrams  # scikit-learn takes a second to import

        return VocabularyNgrams(unit, ngrams, self.config.min_count)

    def fit_transform(self, examples: Sequence[Example]) -> csr_matrix:
        return self._matrix(examples, fit=True)

    def transform(self, examples: Sequence[Example]) -> csr_matrix:
        return self._matrix(examples, fit=False)

    def save(self, folder: Path) -> None:
        for (slot, unit), block in self._blocks.items():
            block.save(folder / f"{slot}-{unit}")
        self._numbers.save(folder / "context")

    def load(self, folder: Path) -> None:
        for (slot, unit), block in self._blocks.items():
            block.load(folder / f"{slot}-{unit}")
        self._numbers.load(folder / "context")

    def _matrix(self, examples: Sequence[Example], *, fit: bool) -> csr_matrix:
        pairs = list(self._pairs(examples))
        numbers = [pair.numbers for pair in pairs]
        if fit:
            self._numbers.fit(numbers)
        parts = [self._numbers.transform(numbers) * np.float32(NUMBERS_WEIGHT)]
        claims = {claim: i for i, claim in enumerate(dict.fromkeys(_claim(e).claim for e in examples))}
        place = [claims[_claim(e).claim] for e in examples]
        texts = {
            ("claim", "words"): [masked_words(claim) for claim in claims],
            ("claim", "characters"): [plain_words(claim) for claim in claims],
            ("evidence", "words"): [pair.evidence for pair in pairs],
            ("shared", "words"): [pair.shared for pair in pairs],
        }
        for slot, block in self._blocks.items():
            rows = block.fit_transform(texts[slot]) if fit else block.transform(texts[slot])
            parts.append(rows[place] if slot[0] == "claim" else rows)
        if not self.config.buckets:
            return csr_matrix(hstack(parts, format="csr"))
        total = parts[0]
        for part in parts[1:]:  # float sums depend on their order: one after the other, always
            total = total + part
        return csr_matrix(total)

    def _pairs(self, examples: Sequence[Example]) -> Iterator[_Pair]:
        claims: dict[str, _Text] = {}
        articles: dict[int, _Read] = {}  # the examples keep the articles alive, so that ids stay theirs
        for example in examples:
            article, claim = example.article, _claim(example).claim
            if claim not in claims:
                claims[claim] = _prepare(claim)
            if id(article) not in articles:
                articles[id(article)] = _read(article, self.config.attribution)
            yield _pair(article, claim, claims[claim], articles[id(article)])


@dataclass(frozen=True)
class _Pair:
    numbers: dict[str, float]
    evidence: list[str]
    shared: list[str]


def _read(article: Article, with_acts: bool) -> _Read:
    texts = [s.text for s in article.sentences] or [article.text]
    sentences = tuple(_prepare(text) for text in texts)
    acts = label_sentences(article) if with_acts and article.sentences else ()
    return _Read(sentences, _union(sentences, range(len(sentences))), acts, [masked_words(text) for text in texts])


def _pair(article: Article, claim: str, asked: _Text, found: _Read) -> _Pair:
    sentences, body = found.sentences, found.body
    scores = bearing(article, claim) if article.sentences else np.zeros(len(sentences))
    best = [int(i) for i in np.argsort(-scores, kind="stable")[:EVIDENCE] if scores[i] > 0]
    read = sorted({0, *best})
    top = sentences[best[0]] if best else sentences[0]
    out: dict[str, float] = {}
    places = {"first": sentences[0].known, "best": top.known, "read": _union(sentences, read), "body": body}
    for name, known in places.items():
        share = len(asked.known & known) / max(len(asked.known), 1)
        out[f"cover:{name}"] = share
        out[f"cover:{name}:{int(share * BINS)}"] = 1.0
        back = len(asked.known & known) / max(len(known), 1)
        out[f"cover:{name}:back"] = min(1.0, 4 * back)
    names = len(asked.names & body) / max(len(asked.names), 1)
    out[f"names:{'none' if not asked.names else int(names * 4)}"] = 1.0
    strength = float(scores.max()) / max(len(asked.known), 1)
    out["bearing"] = strength
    out[f"bearing:{min(int(strength * BINS), 2 * BINS)}"] = 1.0
    out[f"bearing:sentences:{min(int((scores > 0).mean() * BINS), BINS)}"] = 1.0
    for group in asked.groups:
        out[f"claim:{group}"] = 1.0
    for group in sentences[0].groups:
        out[f"first:{group}"] = 1.0
    for i in best:
        for group in sentences[i].groups:
            out[f"evidence:{group}"] = 1.0
    for i in read:
        for group in _near(sentences[i], asked.known):
            out[f"near:{group}"] = 1.0
        for label in found.acts[i] if found.acts else ():
            out[f"act:{'first' if i == 0 else 'evidence'}:{label}"] = 1.0
    said = frozenset().union(*(sentences[i].groups for i in read))
    for name, wanted in (("negating", NEGATING), ("hedging", HEDGING)):
        sides = f"{int(bool(asked.groups & wanted))}{int(bool(said & wanted))}"
        out[f"against:{name}:{sides}"] = 1.0
    return _Pair(
        out,
        [word for i in read for word in found.words[i]],
        [word for word in asked.words if word in body],
    )


def _prepare(text: str) -> _Text:
    starts, words = content_places(text)
    names = frozenset(w for token in text.split()[1:] if token[:1].isupper() for w in content_words(token))
    # The place of a cue is that of the next content word: it may itself be none.
    cues = tuple((cue.group, bisect_left(starts, cue.start)) for cue in find_cues(text))
    return _Text(tuple(words), frozenset(words), names, cues, frozenset(group for group, _ in cues))


def _near(sentence: _Text, wanted: frozenset[str]) -> Iterator[str]:
    places = [i for i, word in enumerate(sentence.words) if word in wanted]
    for group, at in sentence.cues:
        if any(abs(at - place) <= NEAR for place in places):
            yield group


def _union(sentences: Sequence[_Text], chosen: Sequence[int]) -> frozenset[str]:
    return frozenset().union(*(sentences[i].known for i in chosen))


def _claim(example: Example) -> Claim:
    assert example.claim, "a pair has a claim"
    return example.claim
