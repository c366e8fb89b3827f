"""The command that searches for a better config: tune."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from research.cli.output import Format, print_records, print_tables, progress_printer


def register(app: typer.Typer) -> None:
    app.command()(tune)


def tune(
    task: Annotated[str | None, typer.Option(help="attribution or primary")] = None,
    model: Annotated[str | None, typer.Option(help="the default to better: a kind, a recipe or a YAML file")] = None,
    dataset: Annotated[str | None, typer.Option(help="a name, a .jsonl or YAML file; only its train is read")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="one key, such as model.c=2; repeatable")] = None,
    seed: Annotated[int | None, typer.Option(help="of folds, solvers and sampler")] = None,
    folds: Annotated[int | None, typer.Option(help="folds by article that each trial is scored on")] = None,
    drop_leaks: Annotated[bool | None, typer.Option("--drop-leaks", help="drop leaking training articles")] = None,
    trials: Annotated[int, typer.Option(min=1, help="how many in all, besides the default")] = 30,
    timeout: Annotated[float | None, typer.Option(min=1, help="seconds after which no fold is begun")] = None,
    space: Annotated[Path | None, typer.Option(help="YAML file of what to search; else the kind's own")] = None,
    name: Annotated[str | None, typer.Option(help="of the study; the same name goes on with it")] = None,
    out: Annotated[Path | None, typer.Option(help="write the best as a recipe, such as configs/models/a.yaml")] = None,
    form: Annotated[Format, typer.Option("--format", help="table for people, the others for programs")] = Format.table,
) -> None:
    """Search for a better config by cross-validation on train."""
    from research.config import run_config
    from research.summary.tuning import caution, recipe, study_tables
    from research.workflows.tune import tune as run

    config = run_config(
        task=task,
        model=model,
        dataset=dataset,
        seed=seed,
        folds=folds,
        drop_leaks=drop_leaks,
        assignments=set_ or (),
    )
    progress = progress_printer()
    found = run(config, trials=trials, timeout=timeout, space=space, name=name, out=out, progress=progress)
    if form is not Format.table:
        print_records([{**asdict(found), "caution": caution(found)}], form)
        return
    print_tables(study_tables(found))
    typer.echo(f"written to {out}" if out else f"\n{recipe(found)}", nl=bool(out))
