"""The command `classify`."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer

from research.cli.choosing import AnyLanguage, Copies, Explain, Raw, Sources, Workers, choice, say_copies
from research.cli.output import ArticleFormat, Format, print_page, print_records, print_tables, writing

if TYPE_CHECKING:
    from research.records import Prediction


def register(app: typer.Typer) -> None:
    app.command()(classify)
    app.command()(claims)


ClaimsFile = typer.Option("--claims", help="claims: .txt, one a line; .csv or .jsonl with claim_id and claim")
Form = Annotated[Format, typer.Option("--format")]
OneClaim = Annotated[list[str] | None, typer.Option("--claim", help="a sentence to find the stance toward; repeatable")]


def classify(
    sources: Sources,
    model: Annotated[list[str] | None, typer.Option(help="RUN, NAME@ALIAS, FOLDER or bundled; one per task")] = None,
    claim: OneClaim = None,
    claims: Annotated[Path | None, ClaimsFile] = None,
    sentences: Annotated[
        bool,
        typer.Option("--sentences", help="with claims: the stance of each sentence that shares a word with one, too"),
    ] = False,
    abstain: Annotated[
        float | None, typer.Option(help="leave out what is unsure, until this share of the labels is expected wrong")
    ] = None,
    labelled: Annotated[
        Path | None, typer.Option(help="also write the articles with these labels, to train on: --dataset NAME++FILE")
    ] = None,
    copies: Copies = "all",
    any_language: AnyLanguage = False,
    raw: Raw = False,
    explain: Explain = False,
    workers: Workers = None,
    form: Annotated[
        ArticleFormat | None,
        typer.Option("--format", help="default: table on a terminal, else jsonl; html is one page"),
    ] = None,
) -> None:
    """Label new articles and each of their sentences, and their stances toward claims."""
    from research.articles import article_to_json, claims_of, count_cores
    from research.records import ResearchError
    from research.workflows.classify import abstaining, classify_sources, load_classifiers, with_stance
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

    asked = claims_of(claim or (), claims)
    wanted = choice(copies, any_language=any_language, explain=explain)
    classifiers = load_classifiers(model or ())
    if asked:
        classifiers = with_stance(classifiers)
    if not model and all(is_bundled(origin) for _, origin in classifiers.values()):
        card = BUNDLED_FOLDER / "README.md"
        typer.echo(
            f"no champion yet: using the bundled models ({card} says how good they are); "
            "`research train --promote` makes a champion",
            err=True,
        )
    if abstain is not None:
        classifiers = abstaining(classifiers, abstain)
    predictions = classify_sources(
        sources, classifiers, report, asked, sentences, workers=workers or count_cores(), raw=raw, wanted=wanted
    )
    with writing(labelled) if labelled else nullcontext() as articles:
        usual = ArticleFormat.table if sys.stdout.isatty() else ArticleFormat.jsonl
        _print(counted(predictions, articles), form or usual)
    if not done and not failed:
        raise ResearchError(f"nothing to classify in {', '.join(sources)}")
    if abstain is not None:
        units = ("sentences", "articles", *(("stances",) if asked else ()))
        counts = [f"{silent[f'silent {unit}']} of {silent[unit]} {unit}" for unit in units]
        typer.echo(f"abstained: {', '.join(counts)} (expected error of the others: at most {abstain:g})", err=True)
    say_copies(wanted)
    if failed:
        typer.echo(f"{done} articles classified, {failed} failed", err=True)
        raise typer.Exit(1 if done else 2)


def claims(
    sources: Sources,
    claims: Annotated[Path | None, ClaimsFile] = None,
    claim: OneClaim = None,
    model: Annotated[str | None, typer.Option(help="a stance model: RUN, NAME@ALIAS, FOLDER or bundled/stance")] = None,
    copies: Copies = "all",
    any_language: AnyLanguage = False,
    raw: Raw = False,
    workers: Workers = None,
    form: Form = Format.table,
) -> None:
    """Who supports, denies or discusses each claim: a folder of articles, rolled up."""
    from research.articles import claims_of, count_cores
    from research.records import ResearchError
    from research.summary.claims import claims_tables
    from research.workflows.claims import roll_up
    from research.workflows.classify import classify_sources, load_stance

    asked = claims_of(claim or (), claims)
    if not asked:
        raise ResearchError('expected --claims FILE, or --claim "..."')
    failed = 0

    def report(origin: str, message: str) -> None:
        nonlocal failed
        failed += 1
        typer.echo(f"error: {origin}: {message}", err=True)

    wanted = choice(copies, any_language=any_language)
    predictions = classify_sources(
        sources, load_stance(model), report, asked, workers=workers or count_cores(), raw=raw, wanted=wanted
    )
    found = roll_up(predictions, asked)
    if not found.articles and not failed:
        raise ResearchError(f"nothing to classify in {', '.join(sources)}")
    if form is Format.table:
        print_tables(claims_tables(found))
    else:
        print_records([asdict(voice) for voices in found.voices.values() for voice in voices], form)
    say_copies(wanted)
    typer.echo(f"{found.articles} articles, {len(asked)} claims, {failed} failed", err=True)
    if failed:
        raise typer.Exit(1 if found.articles else 2)


def _print(predictions: Iterable[Prediction], form: ArticleFormat) -> None:
    """Each prediction as soon as it is there."""
    from research.summary.article_page import article_page
    from research.summary.predictions import csv_header, legend, prediction_csv, prediction_view

    if form is ArticleFormat.table:
        print_tables([legend(), ""])
        for prediction in predictions:
            print_tables(prediction_view(prediction))
    elif form is ArticleFormat.csv:
        sys.stdout.write(csv_header())
        sys.stdout.writelines(prediction_csv(prediction) for prediction in predictions)
    elif form is ArticleFormat.html:
        print_page(article_page(predictions))
    else:
        lines = (json.dumps(prediction.to_json(), ensure_ascii=False) for prediction in predictions)
        if form is ArticleFormat.jsonl:
            sys.stdout.writelines(line + "\n" for line in lines)
        else:
            sys.stdout.write("[")
            sys.stdout.writelines((",\n" if i else "\n") + line for i, line in enumerate(lines))
            sys.stdout.write("\n]\n")
