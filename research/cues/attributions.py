"""Pairs every verb of communication in a sentence with the kind of its subject.

There is no parser here. A subject is looked for to the left of its verb ("the ministry said"), to the right when the
verb stands after a quotation ("..." said the ministry), after "according to", before a colon, after a closing dash.
"""

from __future__ import annotations

from collections.abc import Mapping

from research.cues.lexicon import load_lexicon
from research.cues.matches import QUOTES
from research.cues.sources import Attribution, Parse, resolve_noun_phrase

_CLASS_ORDER = ("deny", "allege", "guess", "speech", "claim", "reject", "stance", "observe")
_AUX = frozenset(
    """has have had 's 've 'd also later then earlier already again is was were be been are will would not n't never
    quoted cited as even still however therefore simply both all just now further has since once first who which
    previously on monday tuesday wednesday thursday friday saturday sunday today yesterday""".split()
)
_STOPS = frozenset(
    ["that", "but", "because", "after", "when", "while", "although", "though", "if", ";", ":", "(", "..."]
)
_NOUNISH_BEFORE = frozenset(
    "a an the of this that these those his her their its our my your 's by in no any some for from with on many "
    "several two new media news official recent earlier latest false such other all under about".split()
)
_AMBIGUOUS = frozenset(
    """report reports reported claim claims charge charges state states post posts call calls note notes issue issues
    back backs address answer answers point points cite voice fear fears release demand demands request requests
    question questions challenge attack attacks order orders text email dispute disputes comment comments forecast
    estimate estimates details detail name names speech read answer mention appeal appeals rule rules
    signal signals reply
    suspect suspects advocate advocates welcome guess counter dismiss support supports ask worry promise promises
    threat warning statement remark remarks express""".split()
)
_INVERTIBLE = frozenset(
    "said says say added adds explained noted declared continued insisted replied stated asked warned tweeted "
    "concluded stressed argued commented remarked reported announced reads according recalled claimed".split()
)


def _left_window(parse: Parse, verb: int) -> tuple[int, int]:
    tokens = parse.tokens
    hi = verb - 1
    steps = 0
    while hi >= 0 and steps < 5 and (tokens[hi].word in _AUX or tokens[hi].word.endswith("ly")):
        hi, steps = hi - 1, steps + 1
    commas = 0
    if hi >= 0 and tokens[hi].word == ",":
        commas, hi = 1, hi - 1
    lo = hi + 1
    limit = 12 + 6 * commas
    while lo > 0 and hi - lo < limit:
        word = tokens[lo - 1].word
        if word in QUOTES or word in _STOPS or (word == "," and not commas):
            break
        commas -= word == ","
        lo -= 1
    return lo, hi


def _right_window(parse: Parse, start: int) -> tuple[int, int]:
    tokens = parse.tokens
    hi, commas = start - 1, 0
    while hi + 1 < len(tokens) and hi - start < 13:
        word = tokens[hi + 1].word
        if word in QUOTES or word in _STOPS or word in (".", "who", "which"):
            break
        commas += word == ","
        if commas > 2 or (
            word == "," and hi + 2 < len(tokens) and tokens[hi + 2].word in ("and", "but", "he", "she", "they")
        ):
            break
        hi += 1
    return start, hi


def _verb_class(parse: Parse, at: int, groups: frozenset[str]) -> str:
    """The verb class of token `at`, or "" where its form is a noun or an infinitive here."""
    before = parse.tokens[at - 1].word if at else ""
    if at in parse.kinds and parse.kinds[at][2] != parse.kinds[at][3]:
        return ""
    if before in ("to", "not", "n't") and not parse.tokens[at].word.endswith(("ed", "said")):
        return ""
    if parse.tokens[at].word in _AMBIGUOUS and (before in _NOUNISH_BEFORE or not before):
        return ""
    return next((c for c in _CLASS_ORDER if c in groups), "")


def find_attributions(parse: Parse, memory: Mapping[str, str]) -> list[Attribution]:
    """Every verb of communication in the sentence with its subject."""
    lexicon, tokens = load_lexicon(), parse.tokens
    out: list[Attribution] = []
    for at, token in enumerate(tokens):
        groups = lexicon.single.get(token.word)
        if not groups or not groups & lexicon.verb_groups or not (verb := _verb_class(parse, at, groups)):
            continue
        before = tokens[at - 1].word if at else ""
        after_break = before in QUOTES or before in (",", "", "?", "!")
        kind, name, gap, how = "none", "", 99, "left"
        if after_break and token.word in _INVERTIBLE and at + 1 < len(tokens):
            kind, name, gap = resolve_noun_phrase(parse, *_right_window(parse, at + 1), memory, True)
            how = "inverted"
            if gap > 4:
                kind = "none"
        if kind == "none" and before not in QUOTES:
            kind, name, gap = resolve_noun_phrase(parse, *_left_window(parse, at), memory, False)
            how = "left"
        if kind == "none" and token.word in _INVERTIBLE and at + 1 < len(tokens):
            kind, name, gap = resolve_noun_phrase(parse, *_right_window(parse, at + 1), memory, True)
            how = "inverted"
            if gap > 3:
                kind = "none"
        if kind == "none" and token.word.endswith("ing") and out:
            kind, name, gap, how = out[-1].kind, out[-1].name, 5, "participle"
        near = {tokens[j].word for j in range(max(0, at - 3), at)}
        negated = bool(near & {"not", "n't", "never", "neither", "nor", "no"})
        out.append(Attribution(at, verb, how, kind, name, gap, parse.inside[at], negated))
    for match in parse.has.get("according", ()):
        kind, name, gap = resolve_noun_phrase(parse, *_right_window(parse, match.last + 1), memory, True)
        out.append(Attribution(match.first, "speech", "according", kind, name, gap, parse.inside[match.first], False))
    out.extend(_marked_sources(parse, memory))
    return out


def _marked_sources(parse: Parse, memory: Mapping[str, str]) -> list[Attribution]:
    """Headline forms: "Ministry: no troops at the border" and "No troops at the border - ministry"."""
    tokens, out = parse.tokens, list[Attribution]()
    n = len(tokens)
    for at, token in enumerate(tokens):
        if token.word == ":" and 0 < at < n - 1 and not parse.inside[at]:
            lo = max((j + 1 for j in range(at) if tokens[j].word in ("-", "–", "—", "|", ".")), default=0)
            if at - lo <= 8:
                kind, name, gap = resolve_noun_phrase(parse, lo, at - 1, memory, False)
                if kind != "none":
                    out.append(Attribution(at, "speech", "colon", kind, name, gap, False, False))
            break
    for at in range(3, n - 1):
        closes = tokens[at].word in ("-", "–", "—") or (tokens[at].word == ":" and at > n - 6)
        if not closes or parse.inside[at]:
            continue
        end = next((j for j in range(at + 1, n) if tokens[j].word in ("(", ".", "|", "«")), n)
        if end - at > 8 or (end < n and tokens[end].word == "." and tokens[at - 1].word != "," and end < n - 1):
            continue
        kind, name, gap = resolve_noun_phrase(parse, at + 1, end - 1, memory, True)
        if kind != "none" and gap < 4:
            out.append(Attribution(at, "speech", "tail", kind, name, gap, False, False))
    return out
