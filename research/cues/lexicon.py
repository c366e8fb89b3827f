"""The cue lexicon, read once from lexicon.yaml and compiled into one trie of tokens.

A trie walk costs about one dictionary look-up per token, however many phrases the lexicon holds: an alternation of
three thousand phrases in one regular expression is tens of times slower.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import product
from typing import Any

import yaml

Trie = dict[str, Any]
TERMINAL = ""
GAP = "~"
MAX_GAP = 3

# CSafeLoader reads the file ten times faster; a PyYAML built without libyaml has only the plain one.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_VOWELS = "aeiou"
_IRREGULAR_S = {"have": "has", "do": "does"}


@dataclass(frozen=True, slots=True)
class Lexicon:
    """`trie` maps token to sub-trie; under TERMINAL lie the groups of the phrase that ends there."""

    trie: Trie
    groups: tuple[str, ...]
    single: dict[str, frozenset[str]]
    verb_groups: frozenset[str]
    capital: frozenset[str]
    upper: frozenset[str]


def inflect(entry: str) -> list[str]:
    """All forms of a verb: "deny" -> deny denies denied denying; "write/wrote/written" gives the irregular past."""
    base, *past = entry.split("/")
    if base in _IRREGULAR_S:
        third = _IRREGULAR_S[base]
    elif base.endswith("y") and base[-2] not in _VOWELS:
        third = base[:-1] + "ies"
    elif base.endswith(("s", "sh", "ch", "x", "z", "o")):
        third = base + "es"
    else:
        third = base + "s"
    doubled = next((p[:-2] for p in past if p.endswith(base[-1] * 2 + "ed")), base)
    if base.endswith("e") and not base.endswith("ee"):
        ing = base[:-1] + "ing"
    else:
        ing = doubled + "ing"
    if not past:
        if base.endswith("e"):
            past = [base + "d"]
        elif base.endswith("y") and base[-2] not in _VOWELS:
            past = [base[:-1] + "ied"]
        else:
            past = [base + "ed"]
    return [base, third, *past, ing]


def _phrases(text: str) -> list[str]:
    return [p for part in text.split(";") if (p := " ".join(part.split()))]


def _expand(phrase: str, macros: dict[str, list[str]]) -> list[tuple[str, ...]]:
    slots = [macros[w[1:-1]] if w[0] == "<" else [w] for w in phrase.split()]
    return [tuple(" ".join(choice).split()) for choice in product(*slots)]


def _plant(trie: Trie, phrase: tuple[str, ...], group: str) -> None:
    node = trie
    for word in phrase:
        node = node.setdefault(word, {})
    ends = node.get(TERMINAL, ())
    if group not in ends:
        node[TERMINAL] = (*ends, group)


@cache
def load_lexicon() -> Lexicon:
    """The compiled lexicon; the first call reads the file, later ones return the same object."""
    raw = yaml.load((files("research.cues") / "lexicon.yaml").read_text("utf-8"), Loader=_LOADER)
    macros = {name: _phrases(text) for name, text in raw["macros"].items()}
    trie: Trie = {}
    names: list[str] = []
    for group, text in raw["verbs"].items():
        names.append(group)
        for entry in _phrases(text):
            for form in inflect(entry):
                _plant(trie, (form,), group)
    listed = {**raw["groups"], **raw["sources"], "place": raw["places"], "demonym": raw["demonyms"]}
    for group, text in listed.items():
        if group not in names:
            names.append(group)
        for phrase in _phrases(text):
            for tokens in _expand(phrase, macros):
                _plant(trie, tokens, group)
    single = {word: frozenset(node[TERMINAL]) for word, node in trie.items() if TERMINAL in node}
    return Lexicon(
        trie,
        tuple(names),
        single,
        frozenset(raw["verbs"]),
        frozenset(_phrases(raw["capital"])),
        frozenset(_phrases(raw["upper"])),
    )
