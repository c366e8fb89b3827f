"""Numbers for a linear classifier: what a bag of words cannot see of a sentence in its article.

Names are `family:value`. cue: a group is present; inq: the same inside a quotation; src: kind of subject + verb class;
how: construction; own, last, block, next: source state; rule: a rule fires; prev, foll: rules on the neighbours;
art: facts of the whole article; x: conjunctions.
"""

from __future__ import annotations

from collections import Counter
from itertools import product

from research.cues.carry import OFFICIAL_KINDS, UNOFFICIAL_KINDS, Context, read_contexts
from research.cues.lexicon import load_lexicon
from research.cues.rules import RULES, fire_rules
from research.cues.sources import KINDS, VERB_CLASSES
from research.records import Article

_SOURCE_GROUPS = ("official_title", "official_body", "spokes")


def _camp(kind: str) -> str:
    if kind in OFFICIAL_KINDS:
        return "official"
    return "unofficial" if kind in UNOFFICIAL_KINDS else kind


CAMPS = ("official", "unofficial", "anonymous", "document", "name", "acronym", "pronoun", "none")


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
    out["len:short"] = float(words < 9)
    out["len:long"] = float(words > 32)
    out["pos:headline"] = float(c.headline)
    out["pos:lead"] = float(c.position in (1, 2))
    out["pos:paragraph"] = float(c.new_paragraph)
    camp = _camp(c.own)
    for group in ("modal", "modal_be", "hedge_strong", "appear", "alleged", "hearsay", "forecast", "will", "would", "neg_we"):
        if group in has:
            out[f"x:{group}:{camp}"] = 1.0
            if "condition" in has:
                out[f"x:{group}:if"] = 1.0
    if "negation" in has:
        out[f"x:negation:{camp}"] = 1.0
        if any(g in has for g in ("hearsay", "alleged", "false_claim")):
            out["x:negation:claim"] = 1.0
    if "said_noun" in has and any(g in has for g in _SOURCE_GROUPS):
        out["x:official_document"] = 1.0
    out["n:sources"] = min(sum(a.kind != "none" for a in c.attributions), 4) / 4
    return out


def cue_features(article: Article) -> list[dict[str, float]]:
    """One dict per sentence; absent names are 0. Every name is one of `feature_names()`."""
    contexts = read_contexts(article)
    fired = [fire_rules(c) for c in contexts]
    rows = [_describe(c, f) for c, f in zip(contexts, fired, strict=True)]
    n = max(len(rows), 1)
    spread = Counter(name for f in fired for name in f)
    groups = Counter(g for c in contexts for g in c.parse.has)
    for i, row in enumerate(rows):
        for name, count in spread.items():
            row["art:" + name] = round(min(1.0, 2.0 * count / n), 2)
        for g in ("anonymous", "deny_word", "false_claim", "hearsay", "furniture"):
            row["art:" + g] = round(min(1.0, 2.0 * groups[g] / n), 2)
        for offset, family in ((-1, "prev"), (1, "foll"), (-2, "prev2")):
            if 0 <= i + offset < len(fired):
                for name in fired[i + offset]:
                    row[f"{family}:{name}"] = 1.0
            else:
                row[f"{family}:edge"] = 1.0
        for name in fired[0]:
            row["head:" + name] = 1.0
    return [{k: v for k, v in row.items() if v} for row in rows]
