"""Two runs as one page: a verdict in words, every difference with its interval, and the rows they decide differently.

The page is one HTML file that needs no network and runs in a sandboxed frame, as MLflow shows it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from research.scoring import PairedTest
from research.summary.runs import Comparison

LEVEL = 0.05
TEMPLATE = Path(__file__).with_suffix(".html")
Table = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Difference:
    """One metric of both runs, tested; `adjusted` is its p after Holm over the labels, None where it is alone."""

    test: PairedTest
    adjusted: float | None = None


@dataclass(frozen=True)
class LabelDiff:
    """One label: `cases` gold rows carry it; of the rows where the runs differ on it, each was right on so many."""

    label: str
    cases: int
    a_right: int
    b_right: int
    f1: Difference
    precision: Difference
    recall: Difference


@dataclass(frozen=True)
class ConfusionDiff:
    """Rows by gold (down) and predicted (across), of either run and A - B; each table (gold, predicted)."""

    name: str
    gold: tuple[str, ...]
    predicted: tuple[str, ...]
    a: Table
    b: Table
    difference: Table


@dataclass(frozen=True)
class SplitDiff:
    """One split that both runs were scored on with the same gold."""

    split: str
    macro: Difference
    labels: tuple[LabelDiff, ...]
    confusions: tuple[ConfusionDiff, ...]


@dataclass(frozen=True)
class Flip:
    """A row that the runs decide differently. `a` and `b` are label sets, None for an abstention; `a_p` and `b_p` a
    probability per label of the task, or empty. `right` is "A", "B" or "neither", judged on the whole set. The row is
    number `number` of the `of` in its article; `text` is None where it could not be had, `fields` what else is known
    of the article."""

    split: str
    article_id: str
    title: str | None
    start: int
    end: int
    number: int
    of: int
    text: str | None
    gold: tuple[str, ...]
    a: tuple[str, ...] | None
    b: tuple[str, ...] | None
    a_p: tuple[float, ...]
    b_p: tuple[float, ...]
    right: str
    claim: str
    fields: Mapping[str, str]


@dataclass(frozen=True)
class RunDiff:
    """All that the page shows. `facts` are name -> (of A, of B), such as the dataset; `untested` the splits that both
    runs have but with other gold; `no_texts` says why the texts are absent, if they are."""

    compared: Comparison
    labels: tuple[str, ...]
    facts: Mapping[str, tuple[str, str]]
    splits: tuple[SplitDiff, ...]
    untested: tuple[str, ...]
    flips: tuple[Flip, ...]
    no_texts: str | None


def run_diff_page(diff: RunDiff) -> str:
    """The page as HTML. Whatever comes from runs and articles is escaped or set as text, never as markup."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(number=number, signed=signed, chance=chance, words=words, unbroken=unbroken)
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    return template.render(
        diff=diff,
        a=diff.compared.a,
        b=diff.compared.b,
        verdicts={one.split: list(verdict(one)) for one in diff.splits},
        level=LEVEL,
        labels_json=json_in_html(diff.labels),
        flips_json=json_in_html([asdict(flip) for flip in diff.flips]),
    )


def json_in_html(value: Any) -> str:
    """JSON that may stand inside a <script> element: only ASCII, so neither U+2028 nor U+2029, and no markup."""
    text = json.dumps(value, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def verdict(one: SplitDiff) -> Iterator[str]:
    """What may be said of one split, a sentence for macro-F1 and one for each label."""
    test = one.macro.test
    if not any(label.a_right + label.b_right for label in one.labels):
        yield f"The runs decide all {test.n} rows alike."
        return
    if test.low is None:
        yield "One article is too little to tell the runs apart."
    elif test.p < LEVEL:
        yield f"{_winner(test)} is better: macro-F1 {_values(test)}, p = {chance(test.p)}."
    else:
        yield (
            f"No difference in macro-F1 can be shown with {test.articles} articles: {number(test.a)} (A) and "
            f"{number(test.b)} (B), p = {chance(test.p)}{_it_takes(test)}."
        )
    for label in one.labels:
        yield _label_verdict(label)


def _label_verdict(one: LabelDiff) -> str:
    test, name, cases = one.f1.test, words(one.label), "1 case" if one.cases == 1 else f"{one.cases} cases"
    adjusted = test.p if one.f1.adjusted is None else one.f1.adjusted
    p = f"p = {chance(test.p)}, adjusted {chance(adjusted)}"
    if not one.cases:
        return f"Nothing can be said on {name}: the gold has no case of it."
    if not one.a_right + one.b_right:
        return f"On {name} the runs decide alike."
    if test.low is None or test.p >= LEVEL:
        return f"No difference on {name} can be shown with {cases}: {p}{_it_takes(test)}."
    if adjusted >= LEVEL:
        return f"{_winner(test)} looks better on {name}, F1 {_values(test)}, but not surely among several labels: {p}."
    return f"{_winner(test)} is better on {name}: F1 {_values(test)}, {p}."


def _winner(test: PairedTest) -> str:
    return "A" if test.difference > 0 else "B"


def _values(test: PairedTest) -> str:
    """Seen from the better run: `.785 against .668, by .117 (.063 to .168)`."""
    sign = 1 if test.difference > 0 else -1
    low, high = sorted(sign * end for end in (test.low or 0.0, test.high or 0.0))
    first, second = sorted((test.a, test.b), reverse=True)
    return f"{number(first)} against {number(second)}, by {number(first - second)} ({number(low)} to {number(high)})"


def _it_takes(test: PairedTest) -> str:
    """The size of a difference that would show; nothing where one of that size was seen and may still be chance."""
    if test.detectable is None or abs(test.difference) >= test.detectable:
        return ""
    return f"; it would have to be {number(test.detectable)} or more"


def number(value: float | None) -> str:
    """Three decimals, without a zero in front; nothing for None."""
    if value is None:
        return ""
    size = f"{abs(value):.3f}"
    return ("−" if value < 0 and float(size) else "") + (size[1:] if size.startswith("0") else size)


def signed(value: float | None) -> str:
    shown = number(value)
    return shown if not shown or shown.startswith("−") else f"+{shown}"


def chance(p: float) -> str:
    """A p value to two digits: `.016`, `.0001`."""
    return f"{p:.2g}".removeprefix("0")


def words(name: str) -> str:
    return name.replace("_", " ")


def unbroken(sentence: str) -> str:
    """`p = .016` stays on one line."""
    return sentence.replace("p = ", "p\u00a0=\u00a0")
