"""Commands over datasets: list, show, fetch, audit."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from research.cli.output import Format, print_records, print_tables
from research.cli.running import Form

app = typer.Typer(no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="a name, a .jsonl or YAML file; a+b mixes")]


@app.command("list")
def list_(form: Form = Format.table) -> None:
    """The datasets that can be named."""
    from research.datasets import list_datasets
    from research.summary.datasets import datasets_table

    found = list_datasets()
    if form is Format.table:
        print_tables([datasets_table(found)])
    else:
        print_records(found, form)


@app.command()
def show(name: Name, form: Form = Format.table) -> None:
    """Size, labels, licence, citation, revision."""
    from research.config import dataset_config
    from research.datasets import load_dataset, summarise
    from research.summary.datasets import summary_tables

    found = summarise(load_dataset(dataset_config(name)))
    if form is Format.table:
        print_tables(summary_tables(found))
    else:
        print_records([found], form)


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="a dataset or one of the corpora it is made from")],
    source: Annotated[Path | None, typer.Option("--from", help="a folder that has it already")] = None,
) -> None:
    """Download a corpus (checked, resumable), or take it from a folder."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

    from research.datasets import fetch as run

    columns = (BarColumn(), DownloadColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        job = bar.add_task(name, total=None)
        typer.echo(run(name, source, lambda done, total: bar.update(job, completed=done, total=total)))


@app.command()
def audit(name: Name, form: Form = Format.table) -> None:
    """Duplicates within and across splits, shared events, giveaway tokens."""
    from research.config import dataset_config
    from research.datasets import audit as run
    from research.datasets import load_dataset
    from research.summary.datasets import audit_tables

    found = run(load_dataset(dataset_config(name)))
    if form is Format.table:
        print_tables(audit_tables(found))
    else:
        print_records([asdict(found)], form)
