"""What the article before a sentence says about it: open quotations, the last named source, who bears which name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from research.cues.attributions import find_attributions
from research.cues.matches import QUOTES
from research.cues.sources import (
    BORROWERS,
    TITLES,
    Attribution,
    Parse,
    borrow_kind,
    is_name,
    parse_sentence,
)
from research.records import Article

MAX_OPEN = 8
OFFICIAL_KINDS = frozenset(["official", "spokes", "organisation", "armed", "candidate", "place"])
UNOFFICIAL_KINDS = frozenset(["expert", "private", "ngo", "media", "former"])
# a name met with several kinds is most likely an office holder whom others stand beside
_OUTRANK = ("official", "candidate", "spokes")
_PUBLIC = ("official_title", "official_body", "candidate_title", "candidate_body")
_DENYING = frozenset(["deny_strong", "deny", "false_claim", "reject_claim", "deny_word"])
_PRIVATE = ("eyewitness", "media", "organisation_body", "expert")


@dataclass(slots=True, eq=False)
class Context:
    """A sentence with the state in which the reader meets it.

    `kind` is the source of this sentence (its own, or the one that carries over), `own` whether it is named here,
    `last` and `distance` the last source before it, `block` the source of the quotation it lies in.
    `public`: the article is about public affairs, so that a bare name is more likely a politician's than a private
    person's; `contested`: another sentence of the article denies something.
    """

    parse: Parse
    position: int
    headline: bool
    new_paragraph: bool
    opens_inside: bool
    quoted_share: float
    starts_quote: bool
    ends_open: bool
    attributions: list[Attribution] = field(default_factory=list)
    resolved: list[str] = field(default_factory=list)
    own: str = "none"
    last: str = "none"
    distance: int = 99
    block: str = "none"
    next_own: str = "none"
    public: bool = False
    contested: bool = False


def _mark_quotations(parse: Parse, is_open: bool, new_paragraph: bool) -> bool:
    """Fill `parse.inside`; returns whether a quotation is still open at the end."""
    inside = []
    for at, token in enumerate(parse.tokens):
        if token.word in QUOTES:
            if token.word in ("“", "„", "``"):
                is_open = True
            elif token.word in ("”", "''"):
                is_open = False
            elif not (is_open and at == 0 and new_paragraph):
                # each paragraph of a long quotation opens it anew without closing the one before
                is_open = not is_open
            inside.append(False)
        else:
            inside.append(is_open)
    parse.inside = inside
    return is_open


def learn_names(parses: Sequence[Parse]) -> dict[str, str]:
    """Surname -> kind, from "Defence Minister Jan Kowalt" and "Kowalt, a spokesman for the ministry"."""
    votes: dict[str, Counter[str]] = {}
    for parse in parses:
        tokens, n = parse.tokens, len(parse.tokens)
        former = {m.last for m in parse.has.get("former", ())}
        for group in TITLES:
            for m in parse.has.get(group, ()):
                if parse.kinds.get(m.first, ("", "", -1))[2] != m.first:
                    continue
                kind = parse.kinds[m.first][0]
                if group in BORROWERS:
                    kind = borrow_kind(parse, m.first, m.last, 0, n - 1, kind)
                if any(m.first - back in former for back in (1, 2, 3)):
                    kind = "former"
                at = m.last + 1
                if at < n and tokens[at].word == "," and at + 1 < n and is_name(parse, at + 1):
                    at += 1
                end = at
                while end < n and end - at < 4 and is_name(parse, end):
                    end += 1
                if end > at:
                    votes.setdefault(tokens[end - 1].word, Counter())[kind] += 1
                # the apposition after a name: back over the words between the comma and the title
                back = m.first - 1
                while back > 0 and m.first - back < 7 and tokens[back].word != ",":
                    back -= 1
                if back > 0 and tokens[back].word == "," and is_name(parse, back - 1):
                    votes.setdefault(tokens[back - 1].word, Counter())[kind] += 1
    memory = {
        name: next((k for k in _OUTRANK if k in kinds), kinds.most_common(1)[0][0]) for name, kinds in votes.items()
    }
    for parse in parses:
        _learn_politicians(parse, memory)
    return memory


def _learn_politicians(parse: Parse, memory: dict[str, str]) -> None:
    """ "Kowalt (D-Ohio)" holds office and "the Kowalt campaign" is a candidate's."""
    words = [t.word for t in parse.tokens]
    for at in range(1, len(words) - 2):
        if not is_name(parse, at):
            continue
        if (
            words[at + 1] == "("
            and words[at + 2].startswith(("r-", "d-", "r", "d"))
            and len(words[at + 2].split("-")[0]) == 1
        ):
            memory[words[at]] = "official"
        elif words[at + 1] == "campaign" or (words[at + 1] == "'s" and words[at + 2] == "campaign"):
            memory.setdefault(words[at], "candidate")


def read_contexts(article: Article) -> list[Context]:
    """One Context per sentence of the article, in order."""
    parses = [parse_sentence(s.text) for s in article.sentences]
    contexts: list[Context] = []
    is_open, open_for, end = False, 0, 0
    first = article.sentences[0].start if article.sentences else 0
    for position, (sentence, parse) in enumerate(zip(article.sentences, parses, strict=True)):
        new_paragraph = position == 0 or "\n" in article.text[end : sentence.start]
        end = sentence.end
        opens_inside = is_open
        is_open = _mark_quotations(parse, is_open, new_paragraph)
        open_for = open_for + 1 if is_open else 0
        if open_for > MAX_OPEN:
            is_open, open_for = False, 0
        contexts.append(
            Context(
                parse,
                position,
                position == 0 and first < 5 and len(parse.tokens) < 26,
                new_paragraph,
                opens_inside,
                sum(parse.inside) / max(len(parse.inside), 1),
                bool(parse.tokens) and (parse.tokens[0].word in QUOTES or parse.tokens[0].word in "'‘"),
                is_open,
            )
        )
    memory = learn_names(parses)
    last, distance = "none", 99
    for context in contexts:
        context.last, context.distance = last, distance
        last, distance = _attribute(context, memory, last, distance)
    _spread_blocks(contexts)
    _mark_article(contexts)
    for context, following in pairwise(contexts):
        context.next_own = following.own
        # a segmenter may cut '"We saw nothing." Jan Kowalt said.' in two
        if context.own == "none" and context.quoted_share > 0.3 and len(following.parse.tokens) < 9:
            context.block = following.own if following.own != "none" else context.block
    return contexts


def _mark_article(contexts: list[Context]) -> None:
    weight = {g: sum(g in c.parse.has for c in contexts) for g in (*_PUBLIC, *_PRIVATE)}
    public = sum(weight[g] for g in _PUBLIC) > 1.5 * sum(weight[g] for g in _PRIVATE)
    denies = [not _DENYING.isdisjoint(c.parse.has) for c in contexts]
    denials = sum(denies)
    for c, itself in zip(contexts, denies, strict=True):
        c.public = public
        c.contested = denials > itself


def _is_anaphor(parse: Parse, a: Attribution) -> bool:
    """ "the organisation said" after "the observatory said" is the observatory again."""
    near = [t.word for t in parse.tokens[max(0, a.at - 4) : a.at + 5]]
    return "the" in near and bool({"organisation", "organization", "group", "agency", "head", "director"} & set(near))


def _attribute(context: Context, memory: dict[str, str], last: str, distance: int) -> tuple[str, int]:
    parse = context.parse
    context.attributions = parse.attributions = find_attributions(parse, memory)
    for a in context.attributions:
        kind = a.kind
        if kind in ("pronoun", "document") and last != "none" and distance < 6:
            kind = last
        elif kind == "organisation" and last in ("ngo", "official", "armed") and distance < 4 and _is_anaphor(parse, a):
            kind = last
        context.resolved.append(kind)
        if a.quoted or kind == "none":
            continue
        if context.own in ("none", "name", "pronoun", "document", "acronym") or a.how == "according":
            context.own = kind
    if context.own != "none":
        return context.own, 1
    return last, distance + 1


def _spread_blocks(contexts: list[Context]) -> None:
    """A quotation of several sentences has one source, wherever in it the speaker is named."""
    begin = 0
    while begin < len(contexts):
        stop = begin
        while contexts[stop].ends_open and stop + 1 < len(contexts) and contexts[stop + 1].opens_inside:
            stop += 1
        if stop > begin or contexts[begin].quoted_share > 0.3:
            named = [c.own for c in contexts[begin : stop + 1] if c.own != "none"]
            block = named[0] if named else contexts[begin].last if contexts[begin].distance < 3 else "none"
            for c in contexts[begin : stop + 1]:
                c.block = block
        begin = stop + 1
