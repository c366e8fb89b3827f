"""The command `export`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from research.cli.output import progress_printer


class Target(StrEnum):
    onnx = "onnx"


def register(app: typer.Typer) -> None:
    app.command()(export)


def export(
    model: Annotated[str, typer.Argument(help="run id or name, NAME@ALIAS, or a model folder")],
    form: Annotated[Target, typer.Option("--format", help="of the encoder")] = Target.onnx,
    int8: Annotated[bool, typer.Option("--int8", help="weights in 8 bits: faster, a little less exact")] = False,
    to: Annotated[Path | None, typer.Option(help="folder to write; default: exports/NAME-onnx[-int8]")] = None,
    force: Annotated[bool, typer.Option("--force", help="even if 8 bits cost more than a point of macro-F1")] = False,
) -> None:
    """Write a transformer model for ONNX Runtime: `classify` then needs no PyTorch. Prints the folder."""
    from research.workflows.export import export as run
    from research.workflows.export import headline

    found = run(model, int8=int8, to=to, force=force, progress=progress_printer())
    typer.echo(headline(found.export), err=True)
    if found.run_id:
        typer.echo(f"logged as artifact export/{found.export.format} of run {found.run_id}", err=True)
    typer.echo(f"use it: research classify FILE --model {found.folder}", err=True)
    typer.echo(str(found.folder))
