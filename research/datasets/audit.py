"""Is the test really unseen? Duplicates within and across splits, shared events, and tokens that give labels away.

Texts are compared as sets of 5-word shingles of their normalised words. Candidates come from MinHash (whole texts
that resemble each other) and from probes (short texts that stand in long ones, which MinHash misses); every candidate
is then compared exactly, so that no figure here is an estimate.
"""

from __future__ import annotations

import math
import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from research.datasets.dataset import SPLITS, Dataset
from research.datasets.shared_claims import SharedClaim, find_shared_claims
from research.records import ATTRIBUTION_LABELS, BACKGROUND, Article

SHINGLE = 5  # words
SIMILAR = 0.8  # Jaccard, or share of the shorter text's shingles
SHORTEST = 20  # shingles; a shorter text is compared for equality only, it may well recur by chance
PROBES = 16  # shingles of a text looked for in the others
PROBED = PROBES // 2  # of them found: compare exactly; a true pair (.8) misses this about once in 300
COMMON = 50  # a probe in more texts than this is boilerplate
GIVEAWAY_ARTICLES = 10
WORD = re.compile(r"\w+(?:[’'-]\w+)*")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two articles that are one text, or nearly. `kind`: same-id, exact (equal words), near (Jaccard) or contained
    (the shorter one in the longer one); `similarity` is 1 or the share that the kind measures."""

    kind: str
    left: str
    left_split: str
    right: str
    right_split: str
    similarity: float


@dataclass(frozen=True, slots=True)
class Giveaway:
    """A token whose presence in a sentence predicts `label`: of `sentences` that hold it, in `articles`, the share
    `precision` has the label, which `prevalence` of all sentences have."""

    token: str
    label: str
    precision: float
    prevalence: float
    sentences: int
    articles: int


@dataclass(frozen=True, slots=True)
class Audit:
    """What was found. `events` maps an event that stands in several splits to these splits; `claims` leak for stance
    alone."""

    dataset: str
    revision: str
    articles: Mapping[str, int]
    pairs: tuple[Pair, ...]
    events: Mapping[str, tuple[str, ...]]
    giveaways: tuple[Giveaway, ...]
    claims: tuple[SharedClaim, ...] = ()


def audit(dataset: Dataset, giveaway_articles: int = GIVEAWAY_ARTICLES) -> Audit:
    """Compare every article of `dataset` with every other one, in some seconds for some thousand articles.

    Cue words are among the giveaways and belong there; look for names, outlets and turns of phrase.
    """
    placed = [(split, article) for split in dataset.splits for article in dataset.articles(split)]
    return Audit(
        dataset=dataset.name,
        revision=dataset.revision,
        articles={split: rows.num_rows for split, rows in dataset.splits.items()},
        pairs=tuple(find_pairs(placed)),
        events=_shared_events(placed),
        giveaways=tuple(_giveaways([article for _, article in placed], giveaway_articles)),
        claims=tuple(find_shared_claims(placed)),
    )


def leaks(found: Audit) -> list[Pair]:
    """The pairs that stand in two splits."""
    return [pair for pair in found.pairs if pair.left_split != pair.right_split]


def drop_leaks(dataset: Dataset, found: Audit, *, claims: bool = False) -> Dataset:
    """The dataset less, for every leak, the article on the training side (between dev and test, dev's); with `claims`
    less what holds a shared claim there, too: the claim, or the article that is nothing but its words."""
    gone: dict[str, set[str]] = defaultdict(set)
    unsaid: dict[str, set[str]] = defaultdict(set)
    for pair in leaks(found):
        sides = ((pair.left_split, pair.left), (pair.right_split, pair.right))
        split, article_id = min(sides, key=lambda side: SPLITS.index(side[0]))
        gone[split].add(article_id)
    for shared in found.claims if claims else ():
        if shared.left_article:
            gone[shared.left_split].add(shared.left_article)
        else:
            unsaid[shared.left_split].add(shared.claim)
    return dataset.without(gone, unsaid)


# --- duplicates -----------------------------------------------------------------------------------------------


def find_pairs(placed: Sequence[tuple[str, Article]]) -> Iterator[Pair]:
    """The pairs among articles, each given with the split it stands in; `left` is the one that comes first."""
    words = [WORD.findall(article.text.lower()) for _, article in placed]
    shingles = [_shingles(some) for some in words]

    def pair(kind: str, i: int, j: int, similarity: float) -> Pair:
        (left_split, left), (right_split, right) = placed[i], placed[j]
        return Pair(kind, left.article_id, left_split, right.article_id, right_split, round(similarity, 3))

    told = set()
    for i, j in _equal([article.article_id for _, article in placed]):
        told.add((i, j))
        yield pair("same-id", i, j, 1.0)
    for i, j in _equal([" ".join(some) for some in words]):
        if (i, j) not in told:
            told.add((i, j))
            yield pair("exact", i, j, 1.0)
    long_enough = {i for i, some in enumerate(shingles) if len(some) >= SHORTEST}
    for i, j in sorted(_resembling(shingles, long_enough) | _probed(shingles, long_enough)):
        if (i, j) in told:
            continue
        shared = len(shingles[i] & shingles[j])
        jaccard = shared / len(shingles[i] | shingles[j])
        contained = shared / min(len(shingles[i]), len(shingles[j]))
        if jaccard >= SIMILAR:
            yield pair("near", i, j, jaccard)
        elif contained >= SIMILAR:
            yield pair("contained", i, j, contained)


def _shingles(words: Sequence[str]) -> frozenset[int]:
    """Hashes of the runs of 5 words: stable over runs, so that candidates and figures are, too."""
    encoded = [word.encode("utf-8", "replace") for word in words]
    runs = (b" ".join(encoded[i : i + SHINGLE]) for i in range(len(encoded) - SHINGLE + 1))
    return frozenset(zlib.crc32(run) << 32 | zlib.adler32(run) for run in runs)


def _equal(keys: Sequence[str]) -> Iterator[tuple[int, int]]:
    holders = defaultdict(list)
    for i, key in enumerate(keys):
        holders[key].append(i)
    for some in holders.values():
        yield from combinations(some, 2)


def _resembling(shingles: Sequence[frozenset[int]], among: set[int]) -> set[tuple[int, int]]:
    """Candidate pairs by MinHash; the threshold lies below SIMILAR because they are checked afterwards."""
    from datasketch import MinHash, MinHashLSH

    index = MinHashLSH(threshold=SIMILAR - 0.2, num_perm=64)
    pairs = set()
    for i in sorted(among):
        sketch = MinHash(num_perm=64, hashfunc=lambda shingle: shingle >> 32)
        sketch.update_batch(shingles[i])
        pairs |= {(j, i) for j in index.query(sketch)}
        index.insert(i, sketch)
    return pairs


def _probed(shingles: Sequence[frozenset[int]], among: set[int]) -> set[tuple[int, int]]:
    """Candidate pairs where one text stands in the other: half of its probes are found there."""
    probing = defaultdict(list)
    for i in among:
        for shingle in sorted(shingles[i])[:PROBES]:  # the smallest hashes: a random sample, the same in a copy
            probing[shingle].append(i)
    pairs = set()
    for j in among:
        hits = Counter(i for shingle in shingles[j] & probing.keys() for i in probing[shingle][:COMMON] if i != j)
        pairs |= {(min(i, j), max(i, j)) for i, found in hits.items() if found >= PROBED}
    return pairs


def _shared_events(placed: Iterable[tuple[str, Article]]) -> dict[str, tuple[str, ...]]:
    where = defaultdict(set)
    for split, article in placed:
        if article.event:
            where[article.event].add(split)
    return {event: tuple(s for s in SPLITS if s in found) for event, found in sorted(where.items()) if len(found) > 1}


# --- giveaway tokens ------------------------------------------------------------------------------------------


def _giveaways(articles: Iterable[Article], least: int) -> list[Giveaway]:
    """Tokens in at least `least` articles whose precision, by the lower end of its 95 % interval, lies more than
    half way from the label's prevalence to 1; the surest first."""
    total = 0
    of_label: Counter[str] = Counter()
    of_token: Counter[str] = Counter()
    together: Counter[tuple[str, str]] = Counter()
    in_articles: Counter[str] = Counter()
    for article in articles:
        seen = set()
        for sentence in article.sentences:
            if sentence.labels is None:
                continue
            labels = sentence.labels or (BACKGROUND,)
            tokens = set(WORD.findall(sentence.text.lower()))
            seen |= tokens
            total += 1
            of_label.update(labels)
            of_token.update(tokens)
            together.update((token, label) for token in tokens for label in labels)
        in_articles.update(seen)
    found = []
    for token, held in in_articles.items():
        for label in (*ATTRIBUTION_LABELS, BACKGROUND) if held >= least else ():
            n, hits = of_token[token], together[token, label]
            prevalence = of_label[label] / total
            margin = _lower_end(hits, n) - (1 + prevalence) / 2
            if margin > 0:
                found.append((margin, Giveaway(token, label, round(hits / n, 3), round(prevalence, 3), n, held)))
    return [giveaway for _, giveaway in sorted(found, key=lambda pair: (-pair[0], pair[1].token))]


def _lower_end(hits: int, n: int) -> float:
    """The lower end of Wilson's 95 % interval for a share."""
    z2 = 1.96**2
    share = hits / n
    half = 1.96 * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return (share + z2 / (2 * n) - half) / (1 + z2 / n)
