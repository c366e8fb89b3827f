"""What the commands that read articles share: where articles come from, and which are wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from research.records import Article
    from research.workflows.reading import Wanted

OUTLETS = 10  # shown
Sources = Annotated[list[str], typer.Argument(metavar="PATH|URL|-...", help="files, folders, addresses, - for stdin")]
Workers = Annotated[
    int | None, typer.Option(min=1, help="processes that parse pages and PDF files; default: one for each core")
]
Copies = Annotated[
    str,
    typer.Option(metavar="all|mark|first", help="near-duplicates: all; mark with their group; only the first of each"),
]
AnyLanguage = Annotated[bool, typer.Option("--any-language", help="also articles that are not English")]
Raw = Annotated[bool, typer.Option("--raw", help="text files as they are: not cleaned, one article each")]
Explain = Annotated[bool, typer.Option("--explain", help="tell on stderr what cleaning removed, and by which rule")]


def choice(copies: str, *, any_language: bool, explain: bool = False) -> Wanted:
    """What the options say; ResearchError for a word that --copies does not know."""
    from research.records import ResearchError
    from research.workflows.reading import CopiesWanted, Wanted

    if copies not in list(CopiesWanted):
        raise ResearchError(f"--copies {copies}: expected {', '.join(CopiesWanted)}")
    return Wanted(any_language, CopiesWanted(copies), _explain if explain else None)


def say_copies(wanted: Wanted) -> None:
    """How many copies there were, by outlet, when they were looked for."""
    from research.workflows.reading import CopiesWanted

    if wanted.copies is CopiesWanted.all:
        return
    counts = wanted.outlets.counts()
    copies = sum(count.copies for count in counts)
    left = ", left out" if wanted.left_out else ""
    typer.echo(f"{sum(count.articles for count in counts)} articles, {copies} of them copies{left}", err=True)
    for count in counts[:OUTLETS]:
        typer.echo(f"  {count.outlet or 'no outlet'}: {count.articles}, copies {count.copies}", err=True)


def _explain(article: Article) -> None:
    for removal in article.removals:
        words = " ".join(removal.text.split())
        typer.echo(f"{article.origin}:{removal.start}-{removal.end}: {removal.rule}: {words[:160]}", err=True)
