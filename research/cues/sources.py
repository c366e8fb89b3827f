"""Who may speak: sentences with their source words, and the kind of source that a noun phrase names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from research.cues.lexicon import load_lexicon
from research.cues.matches import Match, Token, cut_tokens, match_tokens

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
KINDS = (*dict.fromkeys(KIND_OF_GROUP.values()), "former", "other", "name", "acronym", "pronoun", "none")
_RANK = {group: rank for rank, group in enumerate(KIND_OF_GROUP)}
# In order: it decides between the kinds of a name that is met with two equally often.
TITLES = ("official_title", "spokes", "organisation_title", "candidate_title", "expert", "eyewitness", "ngo")

# people whose side is that of the body they speak for, and the bodies that decide it
BORROWERS = frozenset(["spokes", "organisation_title"])
_LENDERS = frozenset(["official_body", "candidate_body", "armed_body", "ngo", "media", "place", "organisation_body"])

# words that begin with a capital at the start of a sentence, in headlines and in dates
_NO_NAMES = frozenset(
    """the a an this that these those his her its their our my your in on at by for from of with and but or so as if
    when while after before since however meanwhile also monday tuesday wednesday thursday friday saturday sunday
    january
    february march april may june july august september october november december all most such what how why where who
    is are was were has have had not no yes now then there here just still even until during over under about to up out
    updated update more one two three""".split()
)
_QUANTITIES = frozenset(
    """number dozens hundreds thousands one some many most several members member group lot majority couple pair all
    none both rest side two three range list each any ministry department board council""".split()
)
HONORIFICS = frozenset(["mr", "mr.", "mrs", "mrs.", "ms", "ms."])
_COMMON_NOUNS = frozenset(["eyewitness", "expert"])
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
    if match.group in _COMMON_NOUNS and token.text[0].isupper() and match.first > 1:
        before = tokens[match.first - 1].text
        if before[0].isupper() and len(before) > 2:
            return False  # "Ilo Hunter" is a name, not a hunter
    if token.word in lexicon.upper:
        return token.text.isupper()
    return token.word not in lexicon.capital or token.text[0].isupper()


def _is_month(match: Match, tokens: list[Token]) -> bool:
    """May the month: with a capital inside the sentence, or before a number."""
    if tokens[match.first].text != "May":
        return False
    after = tokens[match.last + 1].word if match.last + 1 < len(tokens) else ""
    return match.first > 0 or after.isdigit()


def parse_sentence(text: str) -> Parse:
    tokens = cut_tokens(text)
    matches = [
        m
        for m in match_tokens(tokens)
        if (m.group not in KIND_OF_GROUP or _is_written_so(m, tokens))
        and not (m.group in ("modal", "modal_be") and _is_month(m, tokens))
    ]
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
    if token.word in HONORIFICS:
        return True
    if token.word in _NO_NAMES or (at == 0 and token.word.endswith("ing")):
        return False
    groups = load_lexicon().single.get(token.word)
    return groups is None or not (
        groups & {"demonym", "additive", "hedge_strong", "modal", "negation", "pronoun", "speech"}
    )


def resolve_noun_phrase(
    parse: Parse, lo: int, hi: int, memory: Mapping[str, str], inverted: bool
) -> tuple[str, str, int]:
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
            kind, group, begin, end = kinds[title]
            if group in BORROWERS:
                kind = borrow_kind(parse, begin, end, lo, hi, kind)
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
        kind, group, begin, end = kinds[i]
        if kind == "place" and not inverted and begin > lo and tokens[begin - 1].word in _PREPOSITIONS:
            continue
        if inverted:
            # the head is the last source noun before a preposition or comma: "police sources in ..."
            while end + 1 <= hi and (nxt := kinds.get(end + 1)) and nxt[0] not in ("place", "document"):
                kind, group, begin, end = nxt
            following = [j for j in range(end + 1, min(end + 4, hi + 1)) if is_name(parse, j)]
            name = tokens[following[-1]].word if following else ""
        else:
            name = ""
            back = begin - 1
            while (
                back > lo
                and tokens[back].word not in _PREPOSITIONS
                and (is_name(parse, back) or back in kinds or tokens[back].word == "the")
            ):
                back -= 1
            if (
                back - 1 >= lo
                and tokens[back].word in _PREPOSITIONS
                and (head := kinds.get(back - 1))
                and head[0] != "place"
            ):
                kind, group, begin, end = head
            elif back - 1 >= lo and tokens[back].word == "of" and not is_name(parse, back - 1):
                # "watchers of the regime": the head is a word we do not know, not the regime
                kind = kind if tokens[back - 1].word in _QUANTITIES else "other"
        if group in BORROWERS:
            kind = borrow_kind(parse, begin, end, lo, hi, kind)
        return (former if former and kind in ("official", "spokes", "organisation") else kind), name, k
    return "none", "", 99


def borrow_kind(parse: Parse, begin: int, end: int, lo: int, hi: int, kind: str) -> str:
    """The kind of the body that a spokesman, head or director speaks for: "the observatory's head" is an NGO's."""
    near = [*range(begin - 1, max(lo, begin - 5) - 1, -1), *range(end + 1, min(hi, end + 7) + 1)]
    for at in near:
        word = parse.tokens[at].word
        if word == "," and at < begin:
            break
        if at in parse.kinds and parse.kinds[at][1] in _LENDERS:
            lent = parse.kinds[at][0]
            return "official" if lent == "place" else lent
    return kind
