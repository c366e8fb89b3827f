"""The sub-commands `experiment run`, and the command `leaderboard`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from research.cli.output import Format, print_records, print_tables
from research.cli.running import Form

if TYPE_CHECKING:
    from research.summary.leaderboard import Board

QUIET_SECONDS = 20.0  # a long run tells what it does, a short one is not worth a line for each of its steps

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _experiment() -> None:
    """Questions over runs."""


@app.command()
def run(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="experiments/NNN-question with its experiment.yaml")],
    anew: Annotated[bool, typer.Option("--anew", help="do the finished runs again, too")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="name the runs, marking the finished, and stop")] = False,
    form: Form = Format.table,
) -> None:
    """Do the runs of an experiment that are not done yet; write results.json, table.md and leaderboard.png."""
    from research.workflows.experiments import finished, read_plan, run_experiment
    from research.workflows.tracking import open_store, store_exists

    plan = read_plan(folder)
    if dry_run:
        done = finished(open_store(), plan) if store_exists() and not anew else {}
        for job in plan.jobs:
            typer.echo(f"{'done' if job in done else 'to do'}\t{job.config.task}\t{job.name}")
        return
    clock = Clock(plan.name, len(plan.jobs))
    boards = run_experiment(plan, anew=anew, progress=clock.run, step=clock.step)
    _print(boards, form)
    typer.echo(f"written: results.json, table.md and leaderboard.png in {plan.folder}", err=True)


def leaderboard(
    task: Annotated[str, typer.Argument(help="attribution or primary")],
    split: Annotated[str, typer.Option(help="dev, cv or test")] = "dev",
    dataset: Annotated[str | None, typer.Option(help="only runs scored on this dataset")] = None,
    limit: Annotated[int, typer.Option(min=1, help="lines per gold")] = 20,
    form: Form = Format.table,
) -> None:
    """Rank the runs scored on the same gold, and tell which differences to the best are shown."""
    from research.workflows.leaderboard import leaderboard as find

    _print(find(task, split, dataset, limit), form)


class Clock:
    """Which run of how many begins, and about how long all will take, on stderr."""

    def __init__(self, name: str, runs: int) -> None:
        self.name, self.runs = name, runs
        self.started = self.spoke = time.monotonic()

    def run(self, name: str, done: int, total: int) -> None:
        if name and not done:
            self._say(f"{self.name}: {self.runs} runs, {self.runs - total} of them done already")
        left = (time.monotonic() - self.started) / done * (total - done) if done else 0.0
        about = f", about {_duration(left)} left" if left else ""
        self._say(f"{done + 1}/{total} {name}{about}" if name else "comparing")

    def step(self, name: str, done: int, total: int) -> None:
        if time.monotonic() - self.spoke > QUIET_SECONDS:
            self._say(f"  {name}" + (f" {done + 1}/{total}" if total > 1 else ""))

    def _say(self, what: str) -> None:
        self.spoke = time.monotonic()
        typer.echo(f"[{self.spoke - self.started:5.0f} s] {what}", err=True)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _print(boards: Sequence[Board], form: Format) -> None:
    from research.summary.leaderboard import board_records, board_tables

    if form is Format.table:
        print_tables(board_tables(boards))
    else:
        print_records(board_records(boards), form)
