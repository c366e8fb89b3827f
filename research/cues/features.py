"""Numbers for a linear classifier: what a bag of words cannot see of a sentence in its article.

Names are `family:value`, sometimes `family:value:value`; FAMILIES says what each family holds and which of the
config's feature groups it belongs to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from research.cues.carry import OFFICIAL_KINDS, UNOFFICIAL_KINDS, Context, read_contexts
from research.cues.lexicon import load_lexicon
from research.cues.rules import fire_rules
from research.records import Article

FAMILIES: dict[str, tuple[str, str]] = {
    "cue": ("cues", "a cue group is present"),
    "inq": ("quotation", "the group, or verb class and source kind, is inside a quotation"),
    "outq": ("quotation", "the group is present outside quotations"),
    "two": ("cues", "the group is present twice or more"),
    "word": ("cues", "a single cue word of the groups whose words weigh differently"),
    "src": ("cues", "verb class and the kind of its subject"),
    "neg": ("cues", "the same under a negation"),
    "how": ("cues", "construction (left, inverted, according, colon, tail, participle) and camp of the source"),
    "via": ("carry", "a pronoun or document resolved to an earlier source"),
    "near": ("cues", "verb class with the source right beside it"),
    "own": ("cues", "kind of the source named in the sentence"),
    "last": ("carry", "kind of the last source before it"),
    "dist": ("carry", "sentences since then and its camp"),
    "block": ("carry", "kind of the source of the quotation the sentence lies in"),
    "next": ("carry", "kind of the source named in the sentence after"),
    "rule": ("cues", "a rule fires"),
    "prev": ("carry", "a rule fires on the sentence before"),
    "prev2": ("carry", "a rule fires two sentences before"),
    "foll": ("carry", "a rule fires on the sentence after"),
    "head": ("carry", "a rule fires on the first sentence"),
    "art": ("carry", "share of the article's sentences with a group or rule"),
    "rel": ("carry", "relation to the denials and claims of the article"),
    "q": ("quotation", "state of the quotation"),
    "len": ("position", "length"),
    "pos": ("position", "headline, lead, new paragraph"),
    "modal": ("cues", "the words around may, might and could"),
    "end": ("cues", "how the sentence ends"),
    "n": ("cues", "counts"),
    "x": ("cues", "conjunctions"),
}

_SOURCE_GROUPS = ("official_title", "official_body", "spokes")


_OPENERS = (
    *("modal", "modal_be", "hedge_strong", "hedge_soft", "appear", "appear_soft", "alleged", "alleged_soft", "hearsay"),
    *("hearsay_soft", "forecast", "forecast_soft", "will", "would", "neg_we", "anonymous", "false_claim", "false_word"),
    *("unnamed_plural", "wonder"),
)
# groups whose single words are features of their own: the words of a group do not weigh the same
_WORD_GROUPS = frozenset(_OPENERS) | frozenset(
    """false_soft alive_soft deny reject deny_word guess claim allege anonymous_soft unconfirmed unconfirmed_soft
    said_noun stance observe""".split()
)


def _camp(kind: str) -> str:
    if kind in OFFICIAL_KINDS:
        return "official"
    return "unofficial" if kind in UNOFFICIAL_KINDS else kind


def _describe(c: Context, fired: list[str]) -> dict[str, float]:
    out: dict[str, float] = {}
    has, parse = c.parse.has, c.parse
    for group, matches in has.items():
        out["cue:" + group] = 1.0
        inside = sum(parse.inside[m.first] for m in matches)
        if inside:
            out["inq:" + group] = 1.0
        if inside < len(matches):
            out["outq:" + group] = 1.0
        if group in _WORD_GROUPS:
            for m in matches:
                if m.first == m.last:
                    out["word:" + parse.tokens[m.first].word] = 1.0
        if len(matches) > 1:
            out["two:" + group] = 1.0
    for a, kind in zip(c.attributions, c.resolved, strict=True):
        where = "inq" if a.quoted else ("neg" if a.negated else "src")
        out[f"{where}:{a.verb}:{kind}"] = 1.0
        if where == "src":
            out[f"how:{a.how}:{_camp(kind)}"] = 1.0
            if a.kind != kind:
                out[f"via:{a.kind}:{_camp(kind)}"] = 1.0
            if a.gap <= 1:
                out[f"near:{a.verb}:{_camp(kind)}"] = 1.0
    state = min(c.distance, 6)
    out[f"own:{c.own}"] = out[f"last:{c.last}"] = out[f"block:{c.block}"] = out[f"next:{c.next_own}"] = 1.0
    out[f"dist:{state}:{_camp(c.last)}"] = 1.0
    for name in fired:
        out["rule:" + name] = 1.0
    out["q:opens_inside"] = float(c.opens_inside)
    out["q:starts"] = float(c.starts_quote)
    out["q:ends_open"] = float(c.ends_open)
    out["q:share"] = round(c.quoted_share, 2)
    out["q:all"] = float(c.quoted_share > 0.8)
    if c.quoted_share > 0.3 or c.opens_inside:
        out[f"x:quoted:{_camp(c.block)}"] = 1.0
        if c.own == "none":
            out[f"x:bare_quote:{_camp(c.last)}"] = 1.0
    elif c.own == "none":
        out[f"x:no_source:{_camp(c.last)}:{min(c.distance, 3)}"] = 1.0
        out[f"x:between:{_camp(c.last)}:{_camp(c.next_own)}"] = 1.0
    words = len(parse.tokens)
    camp = _camp(c.own)
    if c.public:
        out["art:public"] = 1.0
        out[f"x:public:{camp}"] = 1.0
        if c.quoted_share > 0.3:
            out[f"x:public_quote:{_camp(c.block)}"] = 1.0
    if c.contested:
        out["art:contested"] = 1.0
        for group in ("neg_we", "neg_fact", "alive", "alive_soft", "false_soft", "false_word", "reject", "claim"):
            if group in has:
                out[f"x:contested:{group}"] = 1.0
    out["len:short"] = float(words < 9)
    out["len:long"] = float(words > 32)
    out["pos:headline"] = float(c.headline)
    out["pos:lead"] = float(c.position in (1, 2))
    out["pos:paragraph"] = float(c.new_paragraph)
    for group in _OPENERS:
        if group in has:
            out[f"x:{group}:{camp}"] = 1.0
            if "condition" in has:
                out[f"x:{group}:if"] = 1.0
    if "negation" in has:
        out[f"x:negation:{camp}"] = 1.0
        if any(g in has for g in ("hearsay", "alleged", "false_claim")):
            out["x:negation:claim"] = 1.0
    _describe_modals(c, out)
    if "neg_fact" in has:
        out[f"x:neg_fact:{camp}"] = 1.0
        first = min((a.at for a in c.attributions if a.verb in ("speech", "claim")), default=99)
        if any(m.first > first for m in has["neg_fact"]):
            out["x:said_not"] = 1.0
    if parse.tokens and "?" in (parse.tokens[-1].word, parse.tokens[max(len(parse.tokens) - 2, 0)].word):
        out["end:question"] = 1.0
        out[f"x:question:{'quoted' if c.quoted_share > 0.3 else 'plain'}"] = 1.0
    if "said_noun" in has and any(g in has for g in _SOURCE_GROUPS):
        out["x:official_document"] = 1.0
    out["n:sources"] = min(sum(a.kind != "none" for a in c.attributions), 4) / 4
    return out


_FRAME_WORDS = frozenset(
    "it this that which who they he she you we i there what if as whether but and so these one people".split()
)


def _describe_modals(c: Context, out: dict[str, float]) -> None:
    """The word before and the kind of verb after a modal tell a guess from an ability or a permission."""
    tokens, single = c.parse.tokens, load_lexicon().single
    for m in c.parse.has.get("modal", ()):
        before = tokens[m.first - 1].word if m.first else "^"
        after = tokens[m.last + 1].word if m.last + 1 < len(tokens) else "$"
        name = tokens[m.first].word
        if before in _FRAME_WORDS:
            out[f"modal:{before}:{name}"] = 1.0
        out[f"modal:{name}"] = 1.0
        groups = single.get(after, frozenset())
        kind = next((g for g in ("negation", "outcome_verb", "ability_verb") if g in groups), "other")
        out[f"modal:{name}:{kind}"] = 1.0
        if c.parse.inside[m.first]:
            out[f"modal:{name}:inside"] = 1.0


_DENIALS = frozenset(["de-said", "de-rejected", "de-false"])
_OPEN = frozenset(["sp-hedge", "sp-hearsay", "sp-alleged", "sp-anonymous"])


def _content_words(c: Context) -> set[str]:
    return {t.word for t in c.parse.tokens if len(t.word) > 4 and t.word.isalpha()}


def _relate(contexts: list[Context], fired: list[list[str]], rows: list[dict[str, float]]) -> None:
    """What is denied is what was claimed: words shared with the headline and with sentences that hold a claim."""
    words = [_content_words(c) for c in contexts]
    top = words[0] | (words[1] if len(words) > 1 else set())
    claimed = [i for i, f in enumerate(fired) if _OPEN & set(f)]
    denials = {i for i, f in enumerate(fired) if _DENIALS & set(f)}
    pool = set().union(*(words[i] for i in claimed)) if claimed else set()
    for i, (c, row) in enumerate(zip(contexts, rows, strict=True)):
        shared = len(words[i] & top) if i > 1 else 0
        row["rel:top"] = min(shared, 5) / 5
        others = len(denials) - (i in denials)
        near = any(i + step in denials for step in (-2, -1, 1, 2))
        row["rel:near_denial"] = float(near)
        row["rel:denials"] = min(others, 4) / 4
        if "neg_fact" in c.parse.has or "negation" in c.parse.has:
            row["rel:neg_near_denial"] = float(near)
            row["rel:neg_denials"] = min(others, 4) / 4
            row["rel:neg_top"] = float(shared > 1)
            row["rel:neg_claimed"] = min(len(words[i] & pool), 4) / 4
        if c.quoted_share > 0.3:
            row["rel:quote_near_denial"] = float(near)


_GENRE = (
    *("anonymous", "deny_word", "false_claim", "false_word", "hearsay", "furniture", "hedge_strong", "modal"),
    *("candidate_title", "candidate_body", "official_title", "official_body", "eyewitness", "media", "expert", "ngo"),
    *("organisation_body", "organisation_title", "armed_body", "spokes", "alleged", "demonym", "speech", "silence"),
)
_COMPANY = ("candidate_title", "official_title", "eyewitness", "media", "organisation_body", "expert")


_read: ContextVar[dict[str, list[dict[str, float]]] | None] = ContextVar("_read", default=None)


@contextmanager
def read_once() -> Iterator[None]:
    """Inside, `cue_features` reads an article once, however many models ask for it; its `article_id` must be unique."""
    token = _read.set({})
    try:
        yield
    finally:
        _read.reset(token)


def cue_features(article: Article) -> list[dict[str, float]]:
    """One dict per sentence; absent names are 0. Their families are FAMILIES."""
    read = _read.get()
    if read is None:
        return _cue_features(article)
    if article.article_id not in read:
        read[article.article_id] = _cue_features(article)
    return read[article.article_id]


def _cue_features(article: Article) -> list[dict[str, float]]:
    contexts = read_contexts(article)
    if not contexts:
        return []
    fired = [fire_rules(c) for c in contexts]
    rows = [_describe(c, f) for c, f in zip(contexts, fired, strict=True)]

    def share(count: int) -> float:
        return round(min(1.0, 2.0 * count / len(rows)), 2)

    spread = Counter(name for f in fired for name in f)
    groups = Counter(g for c in contexts for g in c.parse.has)
    _relate(contexts, fired, rows)
    genre = {f"art:{name}": share(count) for name, count in spread.items()}
    genre |= {f"art:{g}": share(groups[g]) for g in _GENRE}
    company = {f"art:name:{g}": share(groups[g]) for g in _COMPANY}
    for i, row in enumerate(rows):
        row |= genre
        if "own:name" in row or "own:pronoun" in row or "block:name" in row or "last:name" in row:
            # an unknown name is read by the company it keeps: politics, war or the private life of somebody
            row |= company
        for offset, family in ((-1, "prev"), (1, "foll"), (-2, "prev2")):
            if 0 <= i + offset < len(fired):
                for name in fired[i + offset]:
                    row[f"{family}:{name}"] = 1.0
            else:
                row[f"{family}:edge"] = 1.0
        for name in fired[0]:
            row["head:" + name] = 1.0
    return [{k: v for k, v in row.items() if v} for row in rows]


def feature_group(name: str) -> str:
    """The group of a feature (position, quotation, carry or cues), by which a config switches it on or off."""
    return FAMILIES[name.partition(":")[0]][0]
