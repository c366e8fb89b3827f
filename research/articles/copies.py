"""Copies in a stream of articles: the wire story that nine outlets ran, under other headlines or without its tail.

Two texts are copies when they share most of the shorter one and a good part of the longer one, in runs of three words.
The first article of a group stands for it. Of its shingles a sample is kept, the smallest hashes (MinHash, as the
sketch of Broder 1997, On the resemblance and containment of documents): the share of it that a later article holds, and
the lengths of both, estimate how much each has of the other. Some of these hashes lead from
a later article to the groups worth comparing. A group costs 2 to 3 KB of memory, an article that joins it nothing.

What this cannot tell from copies: articles that print one long letter or statement in full.
"""

from __future__ import annotations

import zlib
from array import array
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from research.articles.shingles import SHORTEST, shingles_of, words_of
from research.records import Article

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

GROUP = "group"  # in Article.fields
SHINGLE = 3  # words; longer runs break at each edit, and tell an edited copy from a follow-up less well
OF_SHORTER = 0.65  # the least share of the shorter text that both have
OF_LONGER = 0.35  # and of the longer one: a brief is no copy of the long story that begins like it
SAMPLE = 128  # shingles; the standard error of a share is then .04 at most
PROBES = 16  # of them lead to the group; a copy holds none of them once in a thousand times at worst
CANDIDATES = 5  # groups compared, those with most probes in the article


class Copies:
    """Groups articles as they come, one after the other."""

    def __init__(self) -> None:
        self._probes: dict[int, int] = {}  # a shingle -> the place, in the lists below, of the group it leads to
        self._names: list[str] = []
        self._lengths = array("L")  # of the first article, in shingles
        self._samples: list[bytes] = []
        self._named: Counter[str] = Counter()

    def group(self, article: Article) -> str:
        """The article_id of the first article of the group that `article` belongs to: its own when it is new.

        Where another group already has this name, as ids may recur in a stream, a number is added: "a7#2". Texts of
        less than some 20 words are copies only when all words are the same.
        """
        shingles = _shingles(article.text)
        hashes, shortened = shingles.tolist(), _shorten(shingles)
        hits = Counter(self._probes[shingle] for shingle in hashes if shingle in self._probes)
        likeness = {place: self._likeness(place, shortened) for place, _ in hits.most_common(CANDIDATES)}
        best = max(likeness, key=lambda place: (likeness[place], -place), default=0)
        if likeness.get(best):
            return self._names[best]
        # A probe leads to one group only, so that the phrases of many articles are soon no probes.
        free = (shingle for shingle in hashes if shingle not in self._probes)
        self._probes.update((shingle, len(self._names)) for shingle in list(islice(free, PROBES)))
        self._lengths.append(len(hashes))
        self._samples.append(shortened[:SAMPLE].tobytes())
        self._names.append(self._name(article.article_id))
        return self._names[-1]

    def _likeness(self, place: int, shortened: NDArray[np.uint32]) -> float:
        """The share of the shorter text that a group's first article and this one have both; 0 when too little."""
        import numpy as np

        sample = np.frombuffer(self._samples[place], np.uint32)
        of_first = float((shortened[np.searchsorted(shortened[:-1], sample)] == sample).mean())
        of_this = of_first * self._lengths[place] / len(shortened)
        less, more = sorted((of_first, of_this))
        return more if more >= OF_SHORTER and less >= OF_LONGER else 0.0

    def _name(self, article_id: str) -> str:
        name = article_id
        while name in self._named:
            self._named[article_id] += 1
            name = f"{article_id}#{self._named[article_id]}"
        self._named[name] = 1
        return name


@dataclass(frozen=True, slots=True)
class OutletCount:
    """How many articles an outlet (None: not known) has, and how many of them were the first of their group."""

    outlet: str | None
    articles: int
    originals: int

    @property
    def copies(self) -> int:
        return self.articles - self.originals


class OutletCounter:
    """Counts articles by outlet and group (their field GROUP) as they pass; the first of a group is the original, and
    so is an article without one."""

    def __init__(self) -> None:
        self._articles: Counter[str | None] = Counter()
        self._originals: Counter[str | None] = Counter()
        self._begun: set[str] = set()

    def add(self, article: Article) -> bool:
        """Whether the article is an original: the first of its group."""
        group = article.fields.get(GROUP)
        original = group is None or group not in self._begun
        self._articles[article.outlet] += 1
        self._originals[article.outlet] += original
        if group is not None:
            self._begun.add(group)
        return original

    def counts(self) -> list[OutletCount]:
        """What was counted so far, the outlet with most articles first."""
        found = [OutletCount(outlet, count, self._originals[outlet]) for outlet, count in self._articles.items()]
        return sorted(found, key=lambda one: (-one.articles, one.outlet or ""))


def _shingles(text: str) -> NDArray[np.uint64]:
    """The shingles of a text, sorted; of a short one, a hash of all its words."""
    import numpy as np

    words = words_of(text)
    shingles = shingles_of(words, SHINGLE)
    if len(shingles) >= SHORTEST or not words:
        return shingles
    whole = " ".join(words).encode("utf-8", "replace")
    return np.array([zlib.crc32(whole) << 32 | zlib.adler32(whole)], np.uint64)


def _shorten(shingles: NDArray[np.uint64]) -> NDArray[np.uint32]:
    """32 of the 64 bits: enough to compare two texts."""
    import numpy as np

    return (shingles >> np.uint64(32)).astype(np.uint32)
