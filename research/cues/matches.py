"""Tokens of a sentence and the cue phrases among them."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from research.cues.lexicon import GAP, MAX_GAP, TERMINAL, load_lexicon

# Order matters: abbreviations keep their full stops, n't and 's are tokens of their own. The look-aheads that begin a
# line only spare most words the search behind them: twice as fast.
_TOKEN = re.compile(
    r"(?:[A-Za-z]\.){2,}"
    r"|(?=\w{2,4}+\.)(?:Mr|Mrs|Ms|Dr|Gen|Lt|Col|Maj|Capt|Sgt|Sen|Sens|Rep|Reps|Gov|Prof|Inc|Corp|Ltd|Adm)\."
    r"|(?=\w++['’]t\b)\w+?(?=n['’]t\b)"
    r"|n['’]t\b|['’](?:s|re|ve|ll|d|m)\b"
    r"|\w+(?:[-‑]\w+)*"
    r"|''|``|[^\w\s]",
    re.IGNORECASE,
)
QUOTES = frozenset('"“”„«»') | {"''", "``"}


class Cue(NamedTuple):
    """A phrase of the lexicon in a text; start and end are character offsets."""

    group: str
    start: int
    end: int


class Token(NamedTuple):
    """`word` is lower case with straight apostrophes; `text` is as written."""

    word: str
    text: str
    start: int
    end: int


class Match(NamedTuple):
    """A cue by token positions."""

    group: str
    first: int
    last: int


def cut_tokens(text: str) -> list[Token]:
    return [
        Token(t.lower().replace("’", "'") if t != "’" else t, t, m.start(), m.end())
        for m in _TOKEN.finditer(text)
        if (t := m.group())
    ]


def match_tokens(tokens: list[Token]) -> list[Match]:
    """Every phrase of the lexicon in the tokens: the longest one per group and first token."""
    trie = load_lexicon().trie
    words = [t.word for t in tokens]
    n = len(words)
    out: list[Match] = []
    for first, word in enumerate(words):
        node = trie.get(word)
        if node is None:
            continue
        if len(node) == 1 and TERMINAL in node:
            out.extend([Match(group, first, first) for group in node[TERMINAL]])
            continue
        found: dict[str, int] = {}
        stack: list[tuple[dict[str, Any], int]] = [(node, first)]
        while stack:
            node, at = stack.pop()
            for group in node.get(TERMINAL, ()):
                if found.get(group, -1) < at:
                    found[group] = at
            step = at + 1
            if step >= n:
                continue
            if (child := node.get(words[step])) is not None:
                stack.append((child, step))
            if (gap := node.get(GAP)) is not None:
                for skip in range(step, min(step + MAX_GAP + 1, n)):
                    if (child := gap.get(words[skip])) is not None:
                        stack.append((child, skip))
                    if not words[skip][0].isalnum():
                        break
        out.extend([Match(group, first, last) for group, last in found.items()])
    return out


def find_cues(text: str) -> list[Cue]:
    """The cue phrases of `text`, by first character."""
    tokens = cut_tokens(text)
    return [Cue(m.group, tokens[m.first].start, tokens[m.last].end) for m in match_tokens(tokens)]
