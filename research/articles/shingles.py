"""Texts as sets of hashed runs of words: what near-duplicates share, however a desk edited them.

Case, punctuation and the kind of apostrophe make no difference. The hashes are the same in every run and process.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SHORTEST = 20  # shingles; a shorter text is compared for equality only, it may well recur by chance
_WORD = re.compile(r"\w+(?:['-]\w+)*")


def words_of(text: str) -> list[str]:
    """The words of `text`, in lower case and with straight apostrophes."""
    return _WORD.findall(text.lower().replace("’", "'"))


def shingles_of(words: Sequence[str], size: int) -> NDArray[np.uint64]:
    """The 64-bit hashes of the runs of `size` words, each once, sorted; none when there are fewer words."""
    import numpy as np

    if len(words) < size:
        return np.empty(0, np.uint64)
    # Each word is hashed once, and the runs by numpy, whose unsigned integers wrap around.
    encoded = " ".join(words).encode("utf-8", "replace").split(b" ")
    hashes = np.fromiter(map(zlib.crc32, encoded), np.uint64, len(words))
    runs = np.zeros(len(words) - size + 1, np.uint64)
    for place in range(size):
        runs = _mix(runs + hashes[place : place + len(runs)])
    return np.unique(runs)


def _mix(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finalizer of MurmurHash3: every bit of the input moves every bit of the output."""
    import numpy as np

    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        hashes = (hashes ^ (hashes >> np.uint64(33))) * np.uint64(factor)
    return hashes ^ (hashes >> np.uint64(33))
