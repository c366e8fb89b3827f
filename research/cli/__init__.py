"""The command line `research`. A command parses, calls one function of a workflow and prints.

stdout is the answer, stderr the progress. Nothing heavy is imported before a command runs.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from research.cli import classifying, data, experimenting, exporting, importing, measuring, running, tuning
from research.records import ResearchError


class Commands(TyperGroup):
    """One line for what the user can mend, and the exit status of the contract."""

    def invoke(self, ctx: Any) -> Any:
        try:
            try:
                return super().invoke(ctx)
            finally:
                sys.stdout.flush()  # here, where a closed pipe can still be caught
        except ResearchError as e:
            for line in str(e).splitlines():
                typer.echo(f"error: {line}", err=True)
            raise typer.Exit(2) from None
        except typer.TyperException as e:  # a wrong option or argument
            if type(e).__name__ == "NoArgsIsHelpError":
                raise
            typer.echo(f"error: {' '.join(e.format_message().split())}; see --help", err=True)
            raise typer.Exit(2) from None
        except KeyboardInterrupt:
            typer.echo("interrupted", err=True)
            raise typer.Exit(130) from None
        except BrokenPipeError:  # the reader, such as `head`, has enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(128 + 13) from None  # what the shell reports of other programs, too


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Label news by attribution (official statement, speculation, denial): train, compare, classify.",
)
running.register(app)
classifying.register(app)
importing.register(app)
measuring.register(app)
app.command()(experimenting.leaderboard)
tuning.register(app)
exporting.register(app)
app.add_typer(experimenting.app, name="experiment", help="Questions over runs: models x datasets x seeds.")
app.add_typer(data.app, name="data", help="Datasets: what there is, what is in it, is it sound.")
