"""The command `prevalence`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from research.cli.choosing import AnyLanguage, Copies, Raw, Sources, Workers, choice, say_copies
from research.cli.output import Format, print_records, print_tables


def register(app: typer.Typer) -> None:
    app.command()(prevalence)


def prevalence(
    sources: Sources,
    by: Annotated[str | None, typer.Option(help="fields, such as outlet,week (or day, month, year)")] = None,
    model: Annotated[str | None, typer.Option(help="RUN, NAME@ALIAS, FOLDER or bundled")] = None,
    method: Annotated[str, typer.Option(help="calibrated, adjusted or em: what is corrected how")] = "calibrated",
    copies: Copies = "all",
    any_language: AnyLanguage = False,
    raw: Raw = False,
    workers: Workers = None,
    form: Annotated[Format, typer.Option("--format", help="table for people, the others for programs")] = Format.table,
) -> None:
    """The share of each label over the sentences of articles, corrected for the classifier's error."""
    from research.articles import count_cores
    from research.records import ResearchError
    from research.summary.prevalence import prevalence_table
    from research.workflows.classify import classify_sources
    from research.workflows.prevalence import load_attribution, measure_prevalence

    failed = 0

    def report(origin: str, message: str) -> None:
        nonlocal failed
        failed += 1
        typer.echo(f"error: {origin}: {message}", err=True)

    fields = [name.strip() for name in (by or "").split(",") if name.strip()]
    wanted = choice(copies, any_language=any_language)
    classifiers = load_attribution(model)
    predictions = classify_sources(
        sources, classifiers, report, workers=workers or count_cores(), raw=raw, wanted=wanted
    )
    groups = measure_prevalence(predictions, classifiers, fields, method)
    say_copies(wanted)
    if not groups and not failed:
        raise ResearchError(f"nothing to classify in {', '.join(sources)}")
    if form is Format.table and groups:
        print_tables([prevalence_table(fields, [(group.values, group.shares) for group in groups])])
    elif groups:
        first = [dict(zip(fields, group.values, strict=True)) for group in groups]
        records = zip(first, groups, strict=True)
        print_records([names | asdict(one) for names, group in records for one in group.shares], form)
    if failed:
        raise typer.Exit(1 if groups else 2)
