"""The command `classify`."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer

from research.cli.output import Format, print_tables


def register(app: typer.Typer) -> None:
    app.command()(classify)


def classify(
    sources: Annotated[
        list[str], typer.Argument(metavar="PATH|URL|-...", help="files, folders, addresses, - for stdin")
    ],
    model: Annotated[list[str] | None, typer.Option(help="RUN, NAME@ALIAS or FOLDER; one per task")] = None,
    form: Annotated[Format | None, typer.Option("--format", help="default: table on a terminal, else jsonl")] = None,
) -> None:
    """Label new articles and each of their sentences."""
    from research.records import ResearchError
    from research.workflows.classify import classify_sources, load_classifiers

    failed = 0

    def report(origin: str, message: str) -> None:
        nonlocal failed
        failed += 1
        typer.echo(f"error: {origin}: {message}", err=True)

    write = _writer(form or (Format.table if sys.stdout.isatty() else Format.jsonl))
    done = 0
    for prediction in classify_sources(sources, load_classifiers(model or ()), report):
        write(prediction)
        done += 1
        if done % 1000 == 0:
            typer.echo(f"{done} articles", err=True)
    if not done and not failed:
        raise ResearchError(f"nothing to classify in {', '.join(sources)}")
    if failed:
        typer.echo(f"{done} articles classified, {failed} failed", err=True)
        raise typer.Exit(1 if done else 2)


def _writer(form: Format) -> Any:
    """A function that prints one prediction."""
    from research.summary.predictions import csv_header, legend, prediction_csv, prediction_view

    if form is Format.table:
        print_tables([legend(), ""])
        return lambda prediction: print_tables(prediction_view(prediction))
    if form is Format.csv:
        sys.stdout.write(csv_header())
        return lambda prediction: sys.stdout.write(prediction_csv(prediction))
    return lambda prediction: sys.stdout.write(json.dumps(prediction.to_json(), ensure_ascii=False) + "\n")
