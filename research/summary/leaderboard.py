"""Runs ranked on the same gold: for the terminal, as Markdown, as records and as a figure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from research.records import TASKS, Score
from research.scoring import PairedTest
from research.summary.figures import COLOURS, GREY

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# What benchmarks of a task report besides: metric -> column. "of gold": macro-F1 over the labels that the gold holds.
BESIDES: Mapping[str, Mapping[str, str]] = {
    "stance": {"macro_f1_present": "macro-F1 of gold", "accuracy": "accuracy", "fnc_score": "FNC score"}
}
BAR = r"\|"  # in a cell of a Markdown table
CAPTION = (
    "Intervals: 95 %, bootstrap over articles. Differences: paired over articles, p by approximate randomisation, "
    "p (Holm) adjusted for all comparisons of the table; a difference below `detectable` is one that this gold would "
    "have missed more often than one time in five. With several seeds every score is their mean, and an article is "
    "drawn or swapped with its outputs of all seeds; the spread of the seeds (lowest to highest) is no part of an "
    "interval."
)


@dataclass(frozen=True)
class Line:
    """One system. `scores`: macro_f1, <label>/f1 and those of BESIDES, means over the seeds; `spread`: lowest and
    highest macro-F1 of several seeds; `against`, `test` and `p_holm`: the comparison, None for the line that others
    are compared with."""

    name: str
    trained_on: str
    seeds: tuple[int, ...]
    run_ids: tuple[str, ...]
    scores: Mapping[str, Score]
    spread: tuple[float, float] | None
    against: str | None
    test: PairedTest | None
    p_holm: float | None

    @property
    def shown(self) -> bool | None:
        """Whether the difference is shown: adjusted p at most .05."""
        return None if self.p_holm is None else self.p_holm <= 0.05


@dataclass(frozen=True)
class Board:
    """Systems that were scored on the same gold rows, best first. `gold`: 12 hex digits that name these rows;
    `floor`: the macro-F1 that needs no model."""

    task: str
    dataset: str
    split: str
    gold: str
    rows: int
    articles: int
    floor: float
    lines: Sequence[Line]

    @property
    def title(self) -> str:
        where = f"{self.task} on {self.dataset}:{self.split}"
        return f"{where}: {self.rows:,} rows of {self.articles:,} articles, floor {self.floor:.3f}"


def board_tables(boards: Sequence[Board]) -> Iterator[Any]:
    """For the terminal: a title and a table for each."""
    from rich.table import Table

    for board in boards:
        columns, lines = _cells(board, short=True)
        table = Table(*columns, box=None)
        table.columns[0].no_wrap = True
        for cells in lines:
            table.add_row(*cells)
        yield from (f"{_heading(board)} (gold {board.gold})", table)


def board_markdown(boards: Sequence[Board], question: str) -> str:
    """table.md: the question, a table for each board, and how to read them."""
    parts = [f"# {' '.join(question.split())}", CAPTION]
    for board in boards:
        columns, lines = _cells(board)
        rows = [columns, ["---"] * len(columns), *lines]
        parts += [f"## {_heading(board)}", "\n".join(map(_markdown_row, rows))]
    return "\n\n".join(parts) + "\n"


def board_records(boards: Sequence[Board]) -> list[dict[str, Any]]:
    """A flat record for every line, for programs."""
    return [_record(board, rank, line) for board in boards for rank, line in enumerate(board.lines, 1)]


def leaderboard_figure(boards: Sequence[Board]) -> Figure:
    """A panel for each board: macro-F1 with its interval, best on top; the dotted line is the floor, a diamond the line
    that the others are compared with."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    heights = [0.9 + 0.3 * len(board.lines) for board in boards]
    figure = Figure(figsize=(7.2, sum(heights) + 0.4), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(boards), 1, squeeze=False, sharex=True, height_ratios=heights)[:, 0]
    for axes, board in zip(panels, boards, strict=True):
        for place, line in enumerate(board.lines):
            one = line.scores["macro_f1"]
            if one.low is not None and one.high is not None:
                axes.plot((one.low, one.high), (place, place), color=COLOURS[0], linewidth=1.5)
            marker = "D" if line.test is None and any(other.test for other in board.lines) else "o"
            axes.plot(one.value, place, color=COLOURS[0], marker=marker, markersize=5)
        axes.axvline(board.floor, color=GREY, linestyle=":", linewidth=1)
        axes.set_yticks(range(len(board.lines)), [_name(line, board) for line in board.lines])
        axes.set_ylim(len(board.lines) - 0.5, -0.5)
        axes.set_title(board.title, fontsize=9, loc="left")
        axes.grid(axis="x", color="#DDDDDD", linewidth=0.6)
    panels[-1].set_xlabel("macro-F1")
    return figure


def _heading(board: Board) -> str:
    against = _only_reference(board)
    return f"{board.title}; differences to {against}" if against else board.title


def _markdown_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', BAR) for cell in cells)} |"


def _only_reference(board: Board) -> str | None:
    """The line that all others are compared with, if it is one."""
    found = {line.against for line in board.lines} - {None}
    return found.pop() if len(found) == 1 else None


def _cells(board: Board, short: bool = False) -> tuple[list[str], list[list[str]]]:
    """Column names and the text of every line, less columns that are empty; `short` also less those that say the same
    in every line."""
    labels = TASKS[board.task].labels
    besides = BESIDES.get(board.task, {})
    columns = ["model", "trained on", "seeds", "macro-F1", "95 % interval", *labels, *besides.values()]
    columns += ["seed spread", "against"]
    columns += ["difference", "95 % interval", "p", "p (Holm)", "detectable", "shown"]
    lines = []
    for line in board.lines:
        macro = line.scores["macro_f1"]
        cells = [line.name, line.trained_on, " ".join(map(str, line.seeds))]
        cells += [f"{macro.value:.3f}", _interval(macro.low, macro.high)]
        cells += [f"{line.scores[name].value:.3f}" for name in (*(f"{label}/f1" for label in labels), *besides)]
        lines.append([*cells, _interval(*(line.spread or (None, None))), *_test_cells(line)])
    kept = [i for i in range(len(columns)) if any(line[i] for line in lines)]
    same = ["against"] if _only_reference(board) else []
    if short:
        same += ["trained on"] * all(line.trained_on == board.dataset for line in board.lines)
        same += ["seeds"] * all(len(line.seeds) < 2 for line in board.lines)
    kept = [i for i in kept if columns[i] not in same]
    return [columns[i] for i in kept], [[line[i] for i in kept] for line in lines]


def _test_cells(line: Line) -> list[str]:
    test = line.test
    if test is None:
        return [""] * 7
    interval = "" if test.low is None else f"{test.low:+.3f} to {test.high:+.3f}"
    detectable = "" if test.detectable is None else f"{test.detectable:.3f}"
    cells = [line.against or "", f"{test.difference:+.3f}", interval, f"{test.p:.4f}", f"{line.p_holm:.4f}"]
    return [*cells, detectable, "yes" if line.shown else "no"]


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{low:.3f} to {high:.3f}"


def _name(line: Line, board: Board) -> str:
    return line.name if line.trained_on in ("", board.dataset) else f"{line.name}, {line.trained_on}"


def _record(board: Board, rank: int, line: Line) -> dict[str, Any]:
    macro, test = line.scores["macro_f1"], line.test
    return {
        "task": board.task,
        "dataset": board.dataset,
        "split": board.split,
        "gold": board.gold,
        "rank": rank,
        "name": line.name,
        "trained_on": line.trained_on,
        "seeds": list(line.seeds),
        "run_ids": list(line.run_ids),
        "macro_f1": macro.value,
        "low": macro.low,
        "high": macro.high,
        "floor": board.floor,
        "n": board.rows,
        "articles": board.articles,
        **{name: one.value for name, one in line.scores.items() if name != "macro_f1"},
        "spread": line.spread,
        "against": line.against,
        "difference": test and test.difference,
        "difference_low": test and test.low,
        "difference_high": test and test.high,
        "p": test and test.p,
        "p_holm": line.p_holm,
        "detectable": test and test.detectable,
        "shown": line.shown,
    }
