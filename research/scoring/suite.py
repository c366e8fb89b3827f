"""Which cases of a behavioural suite a model passes: gold rows and prediction rows in, outcomes and pass rates out.

The fields of a gold row say what is asked of it: capability, case, version ("1", "2"), sentence, `of` (the labels
looked at) and `expect`: `labels`, those of the gold; `same`, what the model said of the first version (so a model that
always says the same passes all of these); `change`, that the labels which differ between the gold of the two versions
go or come as they do there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from research.records import Row
from research.scoring.rows import join

ALL = "all"


@dataclass(frozen=True)
class Judgement:
    """One judged sentence (or article) of a case. `expected` and `found` hold only labels that are looked at; found is
    None for an abstention, which is always wrong."""

    article_id: str
    start: int
    end: int
    expected: tuple[str, ...]
    found: tuple[str, ...] | None

    @property
    def wrong(self) -> bool:
        return self.found is None or set(self.found) != set(self.expected)


@dataclass(frozen=True)
class Outcome:
    """A case passes when nothing in it is wrong."""

    capability: str
    case: str
    expect: str
    judged: tuple[Judgement, ...]

    @property
    def passed(self) -> bool:
        return not any(one.wrong for one in self.judged)


@dataclass(frozen=True)
class PassRate:
    """Share of the cases of a capability (or of all) that passed, with the Wilson interval."""

    capability: str
    passed: int
    cases: int
    rate: float
    low: float
    high: float


def outcomes(gold: Sequence[Row], predicted: Sequence[Row]) -> list[Outcome]:
    """One outcome per case, in the order of the gold. ResearchError where the rows do not match one to one."""
    join(gold, predicted)
    found = {row.key: row for row in predicted}
    cases: dict[tuple[str, str], list[Row]] = {}
    for row in gold:
        cases.setdefault((row.fields["capability"], row.fields["case"]), []).append(row)
    return [
        Outcome(*name, rows[0].fields["expect"], tuple(_judge(row, _partner(row, rows), found) for row in rows))
        for name, rows in cases.items()
    ]


def _partner(row: Row, rows: Iterable[Row]) -> Row:
    """The same sentence in the other version; the row itself where there is only one."""
    same = (r for r in rows if r.fields["sentence"] == row.fields["sentence"] and r is not row)
    return next(same, row)


def _judge(row: Row, partner: Row, found: dict[tuple[str, str, str, int, int], Row]) -> Judgement:
    looked_at = set(row.fields["of"].split())
    expected, given = row.labels or (), found[row.key].labels
    if row.fields["expect"] == "same":
        first = row if row.fields["version"] == "1" else partner
        expected = found[first.key].labels or ()
    elif row.fields["expect"] == "change":
        looked_at &= set(expected) ^ set(partner.labels or ())

    def seen(labels: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(label for label in labels if label in looked_at)

    return Judgement(row.article_id, row.start, row.end, seen(expected), None if given is None else seen(given))


def pass_rates(found: Sequence[Outcome], confidence: float = 0.95) -> list[PassRate]:
    """The rate of every capability in their order, then that of all cases."""
    by_capability: dict[str, list[Outcome]] = {}
    for outcome in found:
        by_capability.setdefault(outcome.capability, []).append(outcome)
    return [_rate(name, some, confidence) for name, some in [*by_capability.items(), (ALL, found)]]


def _rate(name: str, found: Sequence[Outcome], confidence: float) -> PassRate:
    """Wilson (1927, JASA 22(158)): an interval that holds for few cases and near 0 and 1 too."""
    from scipy.stats import binomtest

    passed = sum(outcome.passed for outcome in found)
    interval = binomtest(passed, len(found)).proportion_ci(confidence, method="wilson")
    return PassRate(name, passed, len(found), passed / len(found), float(interval.low), float(interval.high))
