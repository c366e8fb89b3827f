"""The command line `research`. A command parses, calls one function of a workflow and prints.

stdout is the answer, stderr the progress. Nothing heavy is imported before a command runs.
"""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from research.cli import classifying, data, running
from research.records import ResearchError


class Commands(TyperGroup):
    """One line for what the user can mend, and the exit status of the contract."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except ResearchError as e:
            typer.echo(f"error: {e}", err=True)
            raise typer.Exit(2) from None
        except KeyboardInterrupt:
            typer.echo("interrupted", err=True)
            raise typer.Exit(130) from None


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Label news by attribution (official statement, speculation, denial): train, compare, classify.",
)
running.register(app)
classifying.register(app)
app.add_typer(data.app, name="data", help="Datasets: what there is, what is in it, is it sound.")
