"""Who speaks: pairs every verb of communication in a sentence with the kind of its subject.

There is no parser here. A subject is looked for to the left of its verb ("the ministry said"), to the right when the
verb stands after a quotation ("... ," said the ministry), after "according to", before a colon and after a closing dash.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from research.cues.lexicon import load_lexicon
from research.cues.matches import QUOTES, Match, Token, cut_tokens, match_tokens

KIND_OF_GROUP = {
    "anonymous": "anonymous",
    "official_title": "official",
    "official_body": "official",
    "spokes": "spokes",
    "organisation_title": "organisation",
    "armed_body": "armed",
    "candidate_title": "candidate",
    "candidate_body": "candidate",
    "ngo": "ngo",
    "expert": "expert",
    "media": "media",
    "eyewitness": "private",
    "organisation_body": "organisation",
    "place": "place",
    "said_noun": "document",
}
KINDS = (*dict.fromkeys(KIND_OF_GROUP.values()), "former", "name", "acronym", "pronoun", "none")
_RANK = {group: rank for rank, group in enumerate(KIND_OF_GROUP)}
TITLES = frozenset(["official_title", "spokes", "organisation_title", "candidate_title", "expert", "eyewitness", "ngo"])

VERB_CLASSES = ("speech", "stance", "deny", "reject", "claim", "guess", "allege")
_CLASS_ORDER = ("deny", "allege", "guess", "speech", "claim", "reject", "stance")
_AUX = frozenset(
    """has have had 's 've 'd also later then earlier already again is was were be been are will would not n't never
    quoted cited as even still however therefore simply both all just now further has since once first who which
    previously on monday tuesday wednesday thursday friday saturday sunday today yesterday""".split()
)
_STOPS = frozenset(["that", "but", "because", "after", "when", "while", "although", "though", "if", ";", ":", "(", "..."])
_NOUNISH_BEFORE = frozenset(
    "a an the of this that these those his her their its our my your 's by in no any some for from with on many several two new "
    "media news official recent earlier latest false such other all under about".split()
)
_AMBIGUOUS = frozenset(
    """report reports reported claim claims charge charges state states post posts call calls note notes issue issues
    back backs address answer answers point points cite voice fear fears release demand demands request requests question
    questions challenge attack attacks order orders text email dispute disputes comment comments forecast estimate
    estimates details detail name names speech read answer mention appeal appeals rule rules signal signals reply
    suspect suspects advocate advocates welcome guess counter dismiss support supports ask worry promise promises
    threat warning statement remark remarks express""".split()
)
_INVERTIBLE = frozenset(
    "said says say added adds explained noted declared continued insisted replied stated asked warned tweeted "
    "concluded stressed argued commented remarked reported announced reads according recalled claimed".split()
)
_PRONOUNS = frozenset(["he", "she", "they", "it", "we", "i"])
_PREPOSITIONS = frozenset(["of", "for", "at", "in", "from", "with", "to", "on"])


class Attribution(NamedTuple):
    """One act of communication: `verb` is its class, `how` the construction, `kind` the subject as written here."""

    at: int
    verb: str
    how: str
    kind: str
    name: str
    gap: int
    quoted: bool
    negated: bool


@dataclass(slots=True)
class Parse:
    """A sentence as tokens and cues. `has` holds the groups present, `kinds[i]` the source kind at token i."""

    text: str
    tokens: list[Token]
    matches: list[Match]
    has: dict[str, list[Match]] = field(default_factory=dict)
    kinds: dict[int, tuple[str, str, int, int]] = field(default_factory=dict)
    inside: list[bool] = field(default_factory=list)
    attributions: list[Attribution] = field(default_factory=list)


def _is_written_so(match: Match, tokens: list[Token]) -> bool:
    if match.first != match.last:
        return True
    token, lexicon = tokens[match.first], load_lexicon()
    if token.word in lexicon.upper:
        return token.text.isupper()
    return token.word not in lexicon.capital or token.text[0].isupper()


def parse_sentence(text: str) -> Parse:
    tokens = cut_tokens(text)
    matches = [m for m in match_tokens(tokens) if m.group not in KIND_OF_GROUP or _is_written_so(m, tokens)]
    parse = Parse(text, tokens, matches)
    for m in matches:
        parse.has.setdefault(m.group, []).append(m)
    found = [m for m in matches if m.group in KIND_OF_GROUP]
    for m in sorted(found, key=lambda m: (m.first - m.last, _RANK[m.group])):
        if m.first not in parse.kinds and m.last not in parse.kinds:
            for at in range(m.first, m.last + 1):
                parse.kinds[at] = (KIND_OF_GROUP[m.group], m.group, m.first, m.last)
    return parse


def is_name(parse: Parse, at: int) -> bool:
    """A capitalised word that is no cue, place or demonym: part of a proper name."""
    token = parse.tokens[at]
    if not token.text[0].isupper() or at in parse.kinds:
        return False
    groups = load_lexicon().single.get(token.word)
    return groups is None or not (groups & {"demonym", "additive", "hedge_strong", "modal", "negation", "pronoun", "speech"})


def resolve_noun_phrase(parse: Parse, lo: int, hi: int, memory: Mapping[str, str], inverted: bool) -> tuple[str, str, int]:
    """(kind, name, distance from the verb) of the source in tokens lo..hi inclusive."""
    tokens, kinds = parse.tokens, parse.kinds
    order = list(range(lo, hi + 1)) if inverted else list(range(hi, lo - 1, -1))
    if not order:
        return "none", "", 99
    in_range = {kinds[i][0] for i in order if i in kinds}
    words = [tokens[i].word for i in order]
    if "anonymous" in in_range:
        return "anonymous", "", 0
    first = order[0]
    if words[0] in _PRONOUNS:
        return "pronoun", words[0], 0
    former = "former" if any(w in ("former", "ex", "retired", "ousted") or w.startswith("ex-") for w in words) else ""
    # a name next to the verb: its title, what the article said of it before, or an apposition
    name_end = next((k for k, i in enumerate(order) if not is_name(parse, i)), len(order))
    if name_end:
        surname = tokens[order[name_end - 1] if inverted else first].word
        title = order[name_end] if name_end < len(order) else -1
        if not inverted and title in kinds and kinds[title][1] in TITLES:
            kind = kinds[title][0]
        elif surname in memory:
            return memory[surname], surname, 0
        else:
            later = [kinds[i][0] for i in order[name_end:] if i in kinds and kinds[i][0] not in ("place", "document")]
            if later and (len(later) == 1 or later[0] != "spokes"):
                kind = later[0]
            elif later:
                kind = "official" if "official" in later else "candidate" if "candidate" in later else "spokes"
            else:
                acronym = tokens[first].text.isupper() and 1 < len(tokens[first].text) < 7
                kind = "acronym" if acronym else "name"
        return former or kind, surname, 0
    for k, i in enumerate(order):
        if i not in kinds:
            continue
        kind, _, begin, end = kinds[i]
        if inverted:
            # the head is the last source noun before a preposition or comma: "police sources in ..."
            while end + 1 <= hi and (nxt := kinds.get(end + 1)) and nxt[0] not in ("place", "document"):
                kind, _, begin, end = nxt
            following = [j for j in range(end + 1, min(end + 4, hi + 1)) if is_name(parse, j)]
            name = tokens[following[-1]].word if following else ""
        else:
            name = ""
            back = begin - 1
            while back > lo and tokens[back].word not in _PREPOSITIONS and (is_name(parse, back) or back in kinds or tokens[back].word == "the"):
                back -= 1
            if back - 1 >= lo and tokens[back].word in _PREPOSITIONS and (head := kinds.get(back - 1)) and head[0] != "place":
                kind = head[0]
        if kind == "spokes":
            kind = next((x for x in ("official", "candidate", "armed", "place") if x in in_range), "spokes")
            kind = "official" if kind == "place" else kind
        return (former if former and kind in ("official", "spokes", "organisation") else kind), name, k
    return "none", "", 99


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
        if commas > 2 or (word == "," and hi + 2 < len(tokens) and tokens[hi + 2].word in ("and", "but", "he", "she", "they")):
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
    lexicon, tokens, out = load_lexicon(), parse.tokens, []
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
        if kind == "none" and not before in QUOTES:
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
    tokens, out = parse.tokens, []
    n = len(tokens)
    for at, token in enumerate(tokens):
        if token.word == ":" and 0 < at < n - 1 and not parse.inside[at]:
            lo = max((j + 1 for j in range(at) if tokens[j].word in ("-", "–", "—", "|", ".")), default=0)
            if at - lo <= 8:
                kind, name, gap = resolve_noun_phrase(parse, lo, at - 1, memory, False)
                if kind != "none":
                    out.append(Attribution(at, "speech", "colon", kind, name, gap, False, False))
            break
    for at in range(n - 1, max(n - 8, 2), -1):
        if tokens[at].word in ("-", "–", "—", "|") and at < n - 1:
            kind, name, gap = resolve_noun_phrase(parse, at + 1, n - 1, memory, True)
            if kind != "none":
                out.append(Attribution(at, "speech", "tail", kind, name, gap, False, False))
            break
    return out
