"""Confusion, precision-recall, reliability and risk-coverage figures of the numbers in `research.scoring`.

Nothing is computed here. Figures are made without pyplot, so they keep no global state and need no display; colours
are those of Okabe & Ito (2008), told apart by every kind of colour vision, and each label has its own marker too.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any

from research.scoring.coverage import RiskCurve
from research.scoring.curves import Confusion, PrecisionRecall, Reliability

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P")
GREY = "#767676"


def confusion_figure(confusions: Sequence[Confusion], title: str = "") -> Figure:
    """One panel for each table, gold down and predicted across: the count in each cell, shaded by its share of the
    gold line, so that a rare label is as visible as background."""
    widths = [1.9 + 0.9 * len(table.predicted) for table in confusions]
    height = 1.9 + 0.7 * max((len(table.gold) for table in confusions), default=1)
    figure = _figure((max(sum(widths), 4.0), height), title)
    panels = figure.subplots(1, max(len(widths), 1), squeeze=False, width_ratios=widths or None)[0]
    for axes, table in zip(panels, confusions, strict=False):
        axes.imshow(table.shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        for i, line in enumerate(table.shares):
            for j, share in enumerate(line):
                colour = "white" if share > 0.55 else "black"
                axes.text(j, i, f"{table.counts[i, j]:,}\n{share:.0%}", ha="center", va="center", color=colour)
        axes.set_xticks(range(len(table.predicted)), table.predicted, rotation=30, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(len(table.gold)), table.gold)
        axes.set(xlabel="predicted", ylabel="gold", title=table.name)
    return figure


def precision_recall_figure(curves: Sequence[PrecisionRecall], title: str = "") -> Figure:
    """All labels in one panel; the dotted line of a label is its prevalence, the precision of guessing."""
    figure = _figure((6.4, 4.8), title)
    axes = figure.subplots()
    for curve, style in zip(curves, _styles(), strict=False):
        name = f"{curve.label} (AP {curve.average_precision:.3f})"
        axes.step(curve.recall, curve.precision, where="pre", label=name, markevery=0.1, **style)
        axes.axhline(curve.prevalence, color=style["color"], linestyle=":", linewidth=1)
    axes.set(xlabel="recall", ylabel="precision", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    _legend(figure, axes)
    return figure


def reliability_figure(tables: Sequence[Reliability], title: str = "") -> Figure:
    """Above, the share of gold over the mean probability of each bin; on the diagonal a probability means what it
    says. Below, how many rows stand behind each point, on a log scale."""
    figure = _figure((6.4, 6.0), title)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    above.plot((0, 1), (0, 1), color=GREY, linestyle="--", linewidth=1)
    for table, style in zip(tables, _styles(), strict=False):
        above.plot(table.mean, table.rate, label=table.label, **style)
        below.stairs(table.rows, table.edges, color=style["color"], linewidth=1.5)
    above.set(ylabel="share of gold", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    below.set(xlabel="probability", ylabel="rows")
    below.set_yscale("symlog", linthresh=1)
    below.set_ylim(bottom=0)
    _legend(figure, above)
    return figure


def risk_coverage_figure(curve: RiskCurve, title: str = "") -> Figure:
    """The share of wrong rows among the most confident ones, over how many are kept; the dotted line is the risk of
    keeping all, which a useless confidence would have at every coverage."""
    figure = _figure((6.4, 4.8), title)
    axes = figure.subplots()
    if len(curve.risk):
        axes.step(curve.coverage, curve.risk, where="post", color=COLOURS[0], label=f"risk (AURC {curve.aurc:.3f})")
        axes.axhline(curve.risk[-1], color=GREY, linestyle=":", linewidth=1, label=f"all rows ({curve.risk[-1]:.3f})")
    axes.set(xlabel="coverage: share of the rows, surest first", ylabel="risk: share of them that is wrong")
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    _legend(figure, axes)
    return figure


def _figure(size: tuple[float, float], title: str) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    if title:
        figure.suptitle(title)
    return figure


def _styles() -> Any:
    pairs = zip(COLOURS, MARKERS, strict=True)
    return ({"color": c, "marker": m, "markersize": 5, "linewidth": 1.5} for c, m in cycle(pairs))


def _legend(figure: Figure, axes: Any) -> None:
    # Outside the axes: long label names would cover the curves.
    if axes.get_legend_handles_labels()[1]:
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    axes.grid(color="#DDDDDD", linewidth=0.6)
