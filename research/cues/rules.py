"""Readable rules that label a sentence by the codebook; a rule bears the codebook's rule id where there is one.

A rule with a label adds it. A rule whose name starts with "not-" takes its label away from the whole sentence:
"declined to comment" beside a denial costs a denial now and then, but is right four times in five.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from research.cues.carry import OFFICIAL_KINDS, UNOFFICIAL_KINDS, Context, read_contexts
from research.records import ATTRIBUTION_LABELS, BACKGROUND, Article

OFFICIAL, SPECULATION, DENIAL = ATTRIBUTION_LABELS
_TALK = frozenset(["speech", "deny", "claim", "allege", "guess"])


@dataclass(frozen=True, slots=True)
class Rule:
    """`test` looks at one sentence in its context; its docstring cites the codebook."""

    name: str
    label: str
    test: Callable[[Context], bool]


def _speaks(c: Context, kinds: frozenset[str], verbs: frozenset[str] = _TALK) -> bool:
    return any(
        kind in kinds and a.verb in verbs and not a.quoted and a.gap < 9
        for a, kind in zip(c.attributions, c.resolved, strict=True)
    )


def _says_itself(c: Context, kinds: frozenset[str], verbs: frozenset[str] = _TALK) -> bool:
    """The source is named in this sentence, not carried by a pronoun."""
    return any(a.kind in kinds and a.verb in verbs and not a.quoted for a in c.attributions)


def _any(c: Context, *groups: str) -> bool:
    return not c.parse.has.keys().isdisjoint(groups)


def official_said(c: Context) -> bool:
    """official_statement: a state body or office holder said, wrote or announced."""
    return _says_itself(c, frozenset(["official"]))


def organisation_said(c: Context) -> bool:
    """official_statement: a company or organisation that speaks formally about its own affairs."""
    return _says_itself(c, frozenset(["spokes", "organisation"]))


def armed_group_said(c: Context) -> bool:
    """Settled cases: an armed group that speaks through its leader or channel counts as an organisation."""
    return _says_itself(c, frozenset(["armed"])) and not _any(c, "alleged")


def candidate_said(c: Context) -> bool:
    """official_statement: a candidate, party or campaign that speaks on the record counts as official."""
    return _says_itself(c, frozenset(["candidate"]))


def country_said(c: Context) -> bool:
    """official_statement: a capital or country stands for its government ("Moscow said")."""
    return any(
        a.kind == "place" and not a.quoted and a.gap < 2 and a.how in ("left", "inverted", "colon", "tail")
        for a in c.attributions
    )


def public_name_said(c: Context) -> bool:
    """official_statement: a bare name that speaks in an article about public affairs is taken for an office holder."""
    carried = c.quoted_share > 0.4 and c.own == "none" and c.block in ("name", "acronym")
    return c.public and (carried or _speaks(c, frozenset(["name", "acronym"])))


def official_carried(c: Context) -> bool:
    """official_statement: a source named just before carries over, by a pronoun or an open quotation."""
    pronoun = any(
        a.kind in ("pronoun", "document") and kind in OFFICIAL_KINDS and not a.quoted
        for a, kind in zip(c.attributions, c.resolved, strict=True)
    )
    quotation = (c.quoted_share > 0.4 or c.opens_inside) and c.own == "none" and c.block in OFFICIAL_KINDS
    return pronoun or quotation


def official_acted_in_words(c: Context) -> bool:
    """Settled cases: an embedded act counts when communication and content are both there ("condemned", "demanded")."""
    return _speaks(c, frozenset(["official", "spokes", "place"]), frozenset(["stance"])) and not _any(c, "act")


def hedge(c: Context) -> bool:
    """speculation: possibly, likely, reportedly, is believed to, rumours, theories."""
    return _any(c, "hedge_strong")


def modal(c: Context) -> bool:
    """speculation: may, might, could (epistemic)."""
    return _any(c, "modal_be") or (_any(c, "modal") and not _any(c, "ability", "month_may"))


def seems(c: Context) -> bool:
    """Settled cases: "appears" and "seems" count when they leave a fact open."""
    return _any(c, "appear") and not _any(c, "opinion")


def anonymous(c: Context) -> bool:
    """speculation: a claim that rests only on anonymous or unnamed sources."""
    return _speaks(c, frozenset(["anonymous"])) or ("anonymous" in c.parse.has and bool(c.attributions))


def hearsay(c: Context) -> bool:
    """speculation: hearsay, "reports say", residents reported rumours."""
    return _any(c, "hearsay") and not _speaks(c, frozenset(["official"]))


def alleged(c: Context) -> bool:
    """Settled cases: "alleged", "allegations", "claimed without evidence" are speculation."""
    return _any(c, "alleged")


def denied(c: Context) -> bool:
    """denial: denied, refuted, rejected a claim."""
    return _any(c, "deny_strong") or any(a.verb == "deny" and not a.negated for a in c.attributions)


def rejected_claim(c: Context) -> bool:
    """denial: rejected, dismissed, disputed with a claim or accusation as the object."""
    return _any(c, "reject_claim")


def called_false(c: Context) -> bool:
    """denial: "is not true", "the viral story is false": a claim is contradicted in so many words."""
    return _any(c, "false_claim")


def said_not(c: Context) -> bool:
    """denial: a source says that something said before is not so, in an article about a contested claim."""
    speaks = _speaks(c, OFFICIAL_KINDS | UNOFFICIAL_KINDS | {"name"})
    return (
        c.contested
        and speaks
        and _any(c, "neg_fact")
        and _any(c, "claim", "hearsay", "hearsay_soft", "alive", "false_word")
    )


def turns_out(c: Context) -> bool:
    """Settled cases: the author contradicts a circulating claim in so many words ("he is alive and well")."""
    return _any(c, "alive") and (c.contested or _any(c, "false_word", "hearsay", "hearsay_soft"))


def says_never(c: Context) -> bool:
    """denial: "we never", "had nothing to do with", said by somebody."""
    return _any(c, "neg_we") and c.contested and _any(c, "alleged", "deny_word", "false_soft", "false_word")


def silence(c: Context) -> bool:
    """Not official: a report that officials did not speak. Not denial: refusal to comment."""
    return _any(c, "silence")


def access_denied(c: Context) -> bool:
    """Not denial: somebody was denied a visa, bail or entry; nobody denies."""
    return _any(c, "not_deny")


def decision(c: Context) -> bool:
    """Not denial: rejecting a bill, a request or an offer is a decision."""
    return _any(c, "not_reject")


def furniture(c: Context) -> bool:
    """Background: bylines, links and page furniture."""
    return len(c.parse.tokens) < 9 and _any(c, "furniture")


RULES: tuple[Rule, ...] = (
    Rule("os-said", OFFICIAL, official_said),
    Rule("os-organisation", OFFICIAL, organisation_said),
    Rule("os-armed-group", OFFICIAL, armed_group_said),
    Rule("os-candidate", OFFICIAL, candidate_said),
    Rule("os-country", OFFICIAL, country_said),
    Rule("os-name", OFFICIAL, public_name_said),
    Rule("os-carry", OFFICIAL, official_carried),
    Rule("os-embedded", OFFICIAL, official_acted_in_words),
    Rule("sp-hedge", SPECULATION, hedge),
    Rule("sp-modal", SPECULATION, modal),
    Rule("sp-appears", SPECULATION, seems),
    Rule("sp-anonymous", SPECULATION, anonymous),
    Rule("sp-hearsay", SPECULATION, hearsay),
    Rule("sp-alleged", SPECULATION, alleged),
    Rule("de-said", DENIAL, denied),
    Rule("de-rejected", DENIAL, rejected_claim),
    Rule("de-false", DENIAL, called_false),
    Rule("de-negated", DENIAL, said_not),
    Rule("de-alive", DENIAL, turns_out),
    Rule("de-never", DENIAL, says_never),
    Rule("not-os-silence", OFFICIAL, silence),
    Rule("not-de-access", DENIAL, access_denied),
    Rule("not-de-decision", DENIAL, decision),
    Rule("not-furniture", SPECULATION, furniture),
)


def fire_rules(context: Context) -> list[str]:
    """Names of every rule that fires on the sentence, in the order of the table."""
    return [rule.name for rule in RULES if rule.test(context)]


_LABEL = {rule.name: rule.label for rule in RULES}


def decide(fired: Sequence[str]) -> tuple[str, ...]:
    """Labels from fired rules: what a label's rules add, unless a "not-" rule of that label takes it away."""
    taken = {_LABEL[name] for name in fired if name.startswith("not-")}
    given = {_LABEL[name] for name in fired if not name.startswith("not-")}
    return tuple(label for label in ATTRIBUTION_LABELS if label in given - taken)


def label_sentences(article: Article) -> list[tuple[str, ...]]:
    """Labels of every sentence of the article by rule."""
    return [decide(fire_rules(c)) for c in read_contexts(article)]


def explain(article: Article) -> list[list[str]]:
    """For every sentence the rules that fired on it."""
    return [fire_rules(c) for c in read_contexts(article)]


def label_primary(article: Article) -> str:
    """The one act the article chiefly reports, from headline and lead; the headline wins, denial over official."""
    first = label_sentences(article)[:3]
    for labels in first[:2]:
        for label in (DENIAL, SPECULATION, OFFICIAL):
            if label in labels:
                return label
    # a lead of two sentences: only a denial is telling enough that late
    return DENIAL if any(DENIAL in labels for labels in first) else BACKGROUND
