"""The command `classify`."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer

from research.cli.output import Format, print_tables, writing

if TYPE_CHECKING:
    from research.records import Prediction


def register(app: typer.Typer) -> None:
    app.command()(classify)


def classify(
    sources: Annotated[
        list[str], typer.Argument(metavar="PATH|URL|-...", help="files, folders, addresses, - for stdin")
    ],
    model: Annotated[list[str] | None, typer.Option(help="RUN, NAME@ALIAS, FOLDER or bundled; one per task")] = None,
    abstain: Annotated[
        float | None, typer.Option(help="leave out what is unsure, until this share of the labels is expected wrong")
    ] = None,
    labelled: Annotated[
        Path | None, typer.Option(help="also write the articles with these labels, to train on: --dataset NAME++FILE")
    ] = None,
    form: Annotated[Format | None, typer.Option("--format", help="default: table on a terminal, else jsonl")] = None,
) -> None:
    """Label new articles and each of their sentences."""
    from research.articles import article_to_json
    from research.records import ResearchError
    from research.workflows.classify import abstaining, classify_sources, load_classifiers
    from research.workflows.registry import BUNDLED_FOLDER, is_bundled

    done = failed = 0
    silent = Counter[str]()

    def report(origin: str, message: str) -> None:
        nonlocal failed
        failed += 1
        typer.echo(f"error: {origin}: {message}", err=True)

    def counted(predictions: Iterable[Prediction], articles: IO[str] | None) -> Iterator[Prediction]:
        nonlocal done
        for prediction in predictions:
            yield prediction
            if articles:
                line = article_to_json(prediction.labelled_article) | {"split": "train"}
                articles.write(json.dumps(line, ensure_ascii=False) + "\n")
            done += 1
            silent.update(prediction.abstentions)
            if done % 1000 == 0:
                typer.echo(f"{done} articles", err=True)

    classifiers = load_classifiers(model or ())
    if not model and all(is_bundled(origin) for _, origin in classifiers.values()):
        card = BUNDLED_FOLDER / "README.md"
        typer.echo(
            f"no champion yet: using the bundled models ({card} says how good they are); "
            "`research train --promote` makes a champion",
            err=True,
        )
    if abstain is not None:
        classifiers = abstaining(classifiers, abstain)
    predictions = classify_sources(sources, classifiers, report)
    with writing(labelled) if labelled else nullcontext() as articles:
        _print(counted(predictions, articles), form or (Format.table if sys.stdout.isatty() else Format.jsonl))
    if not done and not failed:
        raise ResearchError(f"nothing to classify in {', '.join(sources)}")
    if abstain is not None:
        counts = [f"{silent[f'silent {unit}']} of {silent[unit]} {unit}" for unit in ("sentences", "articles")]
        typer.echo(f"abstained: {', '.join(counts)} (expected error of the others: at most {abstain:g})", err=True)
    if failed:
        typer.echo(f"{done} articles classified, {failed} failed", err=True)
        raise typer.Exit(1 if done else 2)


def _print(predictions: Iterable[Prediction], form: Format) -> None:
    """Each prediction as soon as it is there."""
    from research.summary.predictions import csv_header, legend, prediction_csv, prediction_view

    if form is Format.table:
        print_tables([legend(), ""])
        for prediction in predictions:
            print_tables(prediction_view(prediction))
    elif form is Format.csv:
        sys.stdout.write(csv_header())
        sys.stdout.writelines(prediction_csv(prediction) for prediction in predictions)
    else:
        lines = (json.dumps(prediction.to_json(), ensure_ascii=False) for prediction in predictions)
        if form is Format.jsonl:
            sys.stdout.writelines(line + "\n" for line in lines)
        else:
            sys.stdout.write("[")
            sys.stdout.writelines((",\n" if i else "\n") + line for i, line in enumerate(lines))
            sys.stdout.write("\n]\n")
