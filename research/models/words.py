"""How a text is cut for n-grams: into words, runs of words and letters inside a word.

Names are masked in the word n-grams: a run of capitalised words after the first becomes one `X`, so that what is
learned is "X, a spokesman for X, said" and not who happened to be in the news of the training year. Digits become 0
and typographic quotation marks straight ones.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

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


def phrases(words: Sequence[str], shortest: int, longest: int) -> list[str]:
    """The runs of `shortest` to `longest` words, joined by a space."""
    sizes = range(shortest, min(longest, len(words)) + 1)
    return [" ".join(words[i : i + n]) for n in sizes for i in range(len(words) - n + 1)]


def letters(word: str, shortest: int, longest: int) -> list[str]:
    """The runs of `shortest` to `longest` characters in a word with a space on each side; a short word is one run."""
    padded = f" {word} "
    sizes = range(shortest, min(longest, max(shortest, len(padded))) + 1)
    return [padded[i : i + n] for n in sizes for i in range(max(1, len(padded) - n + 1))]
