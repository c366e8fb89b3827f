"""The command `import`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from research.cli.choosing import Copies, Explain, Raw, Sources, Workers, choice, say_copies


def register(app: typer.Typer) -> None:
    app.command("import")(import_)


def import_(
    sources: Sources,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="new file; default: stdout")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="go on with the file of -o, if it is there")] = False,
    columns: Annotated[
        list[str] | None, typer.Option("--map", metavar="NAME=COLUMN", help="such as text=body; repeatable")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="stop after so many articles")] = None,
    copies: Copies = "all",
    raw: Raw = False,
    explain: Explain = False,
    workers: Workers = None,
) -> None:
    """Read articles from files, folders, archives, feeds, sitemaps and addresses into one file of Article JSONL."""
    from research.articles import count_cores, parse_columns
    from research.records import ResearchError
    from research.workflows.importing import check_sources, import_articles, open_target

    mapped = parse_columns(columns or ())
    check_sources(sources, output, resume)
    wanted = choice(copies, any_language=True, explain=explain)
    done = failed = already = 0

    def report(origin: str, message: str) -> None:
        nonlocal failed
        failed += 1
        typer.echo(f"error: {origin}: {message}", err=True)

    def say() -> None:
        there = f", {already} were there already" if already else ""
        typer.echo(f"{done} articles imported, {failed} failed{there}", err=True)

    try:
        with open_target(output, resume) as target, _progress(limit) as advance:
            already = len(target.origins)
            for _ in import_articles(
                sources,
                target,
                report,
                columns=mapped,
                workers=workers or count_cores(),
                limit=limit,
                raw=raw,
                wanted=wanted,
            ):
                done += 1
                advance(failed)
    except KeyboardInterrupt:
        say()
        if output:
            typer.echo("--resume goes on with it", err=True)
        raise
    if not done and not failed and not already:
        raise ResearchError(f"nothing to import in {', '.join(sources)}")
    say()
    say_copies(wanted)
    if failed:
        raise typer.Exit(1 if done or already else 2)


@contextmanager
def _progress(limit: int | None) -> Iterator[Any]:
    """A bar on stderr if that is a terminal: call it for each article with the number of failures."""
    if not sys.stderr.isatty():
        yield lambda failed: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    text = TextColumn("{task.description}")
    bar = Progress(text, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=Console(stderr=True))
    with bar:
        task = bar.add_task("articles", total=limit)
        yield lambda failed: bar.update(task, advance=1, description=f"articles ({failed} failed)")
