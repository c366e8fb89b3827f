"""What a model passed of the behavioural suite: a row per capability, and the cases that failed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from research.scoring.suite import PassRate

if TYPE_CHECKING:
    from rich.console import RenderableType


def rates_table(rates: Sequence[PassRate]) -> RenderableType:
    from rich.table import Table

    table = Table("capability", "passed", "cases", "rate", "95 % interval", box=None)
    for one in rates:
        interval = f"{one.low:.3f} to {one.high:.3f}"
        table.add_row(one.capability, str(one.passed), str(one.cases), f"{one.rate:.3f}", interval)
    return table


def failures_text(cases: Sequence[Mapping[str, Any]]) -> Iterator[RenderableType]:
    """The failing cases: every judged sentence with what it had to be and, where that is wrong, what it was."""
    from rich.text import Text

    for case in cases:
        if case["passed"]:
            continue
        lines = [f"{case['capability']}/{case['case']} ({case['expect']})"]
        for one in case["judged"]:
            mark = "x" if one["wrong"] else " "
            lines.append(f"  {mark} {one['version']}  {' '.join(one['text'].split())}")
            if one["wrong"]:
                found = "abstained" if one["found"] is None else _labels(one["found"])
                lines.append(f"       expected {_labels(one['expected'])}; found {found}")
        yield Text("\n".join(lines))


def _labels(labels: Sequence[str]) -> str:
    return ", ".join(labels) or "none of those looked at"
