"""Commands over runs and models: train, blend, evaluate, score, runs, compare, models, ui."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from research.cli.output import Format, print_records, print_tables, progress_printer

if TYPE_CHECKING:
    from research.config import RunConfig

Form = Annotated[Format, typer.Option("--format", help="table for people, the others for programs")]


def register(app: typer.Typer) -> None:
    for command in (train, blend, evaluate, score, runs, compare, models, ui):
        app.command()(command)


def train(
    task: Annotated[str | None, typer.Option(help="attribution or primary")] = None,
    model: Annotated[str | None, typer.Option(help="a kind, a recipe of configs/models, or a YAML file")] = None,
    dataset: Annotated[str | None, typer.Option(help="a name, a .jsonl or YAML file; a+b mixes")] = None,
    config: Annotated[Path | None, typer.Option(help="a complete config, such as a run's config.yaml")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="one key, such as model.c=2; repeatable")] = None,
    seed: Annotated[int | None, typer.Option(help="of folds and solvers")] = None,
    folds: Annotated[int | None, typer.Option(help="folds by article, for thresholds and cv/ scores; 0: none")] = None,
    drop_leaks: Annotated[bool | None, typer.Option("--drop-leaks", help="drop leaking training articles")] = None,
    promote: Annotated[bool, typer.Option("--promote", help="make it the champion of its task")] = False,
    save: Annotated[Path | None, typer.Option(help="also write the model to this folder")] = None,
    experiment: Annotated[str | None, typer.Option(help="tag the run with experiment=NNN-name")] = None,
    resume: Annotated[str | None, typer.Option(help="go on with an interrupted run, by id or name")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="print the resolved config and stop")] = False,
    form: Form = Format.table,
) -> None:
    """Train one model, score it, log the run."""
    flags = {"task": task, "model": model, "dataset": dataset, "seed": seed, "folds": folds, "drop_leaks": drop_leaks}
    resumed = None
    if resume:
        resolved, resumed = _interrupted(resume, {**flags, "config": config, "set": set_})
    else:
        from research.config import run_config

        resolved = run_config(file=config, assignments=set_ or (), **flags)  # type: ignore[arg-type]
    if dry_run:
        import yaml

        typer.echo(yaml.safe_dump(resolved.model_dump(mode="json"), sort_keys=False), nl=False)
        return
    from research.workflows.tracking import follows
    from research.workflows.train import train as run

    result = run(
        resolved,
        model_name=Path(model).stem if model else None,
        promoted=promote,
        save=save,
        experiment=experiment,
        resumed=resumed,
        progress=(lambda *_: None) if follows() else progress_printer(),
    )
    if follows():  # another process prints
        return
    _print_scores(form, result.run_id, result.run_name, result.scores, result.floors)
    if result.version:
        typer.echo(f"champion of task '{resolved.task}' is now version {result.version}", err=True)


def _interrupted(reference: str, flags: Mapping[str, Any]) -> tuple[RunConfig, str]:
    from research.records import ResearchError
    from research.workflows.train import interrupted

    given = [f"--{name.replace('_', '-')}" for name, value in flags.items() if value not in (None, [])]
    if given:
        raise ResearchError(f"--resume goes on with the config of the run; leave out {', '.join(given)}")
    return interrupted(reference)


def blend(
    runs: Annotated[list[str], typer.Argument(help="two run ids or names, or more, of one task and dataset")],
    weights: Annotated[str | None, typer.Option(help="such as 2,1; default: equal ones")] = None,
    promote: Annotated[bool, typer.Option("--promote", help="make it the champion of its task")] = False,
    save: Annotated[Path | None, typer.Option(help="also write the model to this folder")] = None,
    form: Form = Format.table,
) -> None:
    """Make one model of finished runs, such as a linear one and a transformer, or several seeds: trains nothing."""
    from research.workflows.blending import blend as run

    found = run(runs, weights=_numbers(weights), promoted=promote, save=save, progress=progress_printer())
    _print_scores(form, found.run_id, found.run_name, found.scores, found.floors)
    if found.version:
        typer.echo(f"champion is now version {found.version}", err=True)


def _numbers(text: str | None) -> tuple[float, ...]:
    from research.records import ResearchError

    try:
        found = tuple(float(part) for part in text.split(",")) if text else ()
    except ValueError:
        found = (0.0,)
    if any(not 0 < number < float("inf") for number in found):
        raise ResearchError(f"--weights {text}: expected positive numbers such as 2,1")
    return found


def evaluate(
    model: Annotated[str, typer.Argument(help="run id or name, NAME@ALIAS, bundled/TASK, or a model folder")],
    dataset: Annotated[str | None, typer.Option(help="NAME:SPLIT, such as attribution-gold:dev")] = None,
    suite: Annotated[str | None, typer.Option(help="a behavioural suite instead: behaviour")] = None,
    drop_seen: Annotated[bool, typer.Option("--drop-seen", help="leave out articles it was trained on")] = False,
    failures: Annotated[bool, typer.Option("--failures", help="show the cases of the suite that fail")] = False,
    form: Form = Format.table,
) -> None:
    """Score a trained model on a dataset it has not seen, or on a suite of behaviours."""
    from research.records import ResearchError
    from research.workflows.evaluate import evaluate as run

    if (dataset is None) == (suite is None):
        raise ResearchError("expected one of --dataset NAME:SPLIT and --suite behaviour")
    if suite is not None:
        if drop_seen:
            raise ResearchError("--drop-seen goes with --dataset: no model is trained on a suite")
        return _evaluate_suite(model, suite, failures, form)
    if failures:
        raise ResearchError("--failures goes with --suite")
    assert dataset is not None
    found = run(model, dataset, drop_seen=drop_seen)
    _print_scores(form, found.run_id, found.run_name, {found.split: found.scores}, {found.split: found.floor})


def score(
    gold: Annotated[Path, typer.Argument(help="gold rows, such as a run's gold/dev.jsonl")],
    predictions: Annotated[Path, typer.Argument(help="prediction rows, such as a run's predictions/dev.jsonl")],
    by: Annotated[str | None, typer.Option(help="a gold field: corpus, outlet, position, quoted, length ...")] = None,
    form: Form = Format.table,
) -> None:
    """Score predictions against gold, from files; whole or by a field."""
    from research.summary.runs import scores_table
    from research.workflows.score import score_files

    scores, floor = score_files(gold, predictions, by)
    if form is Format.table:
        print_tables([scores_table(scores, {"all": floor})])
    else:
        print_records([{"part": part, **asdict(one)} for part, found in scores.items() for one in found], form)


def runs(
    task: Annotated[str | None, typer.Option(help="only this task")] = None,
    limit: Annotated[int, typer.Option(min=1, help="how many")] = 20,
    form: Form = Format.table,
) -> None:
    """List the newest runs."""
    from research.summary.runs import runs_table
    from research.workflows.runs import list_runs

    found = list_runs(task, limit)
    if form is Format.table:
        print_tables([runs_table(found)])
    else:
        print_records([asdict(run) for run in found], form)


def compare(
    a: Annotated[str, typer.Argument(help="run id or name")],
    b: Annotated[str, typer.Argument(help="run id or name")],
    html: Annotated[Path | None, typer.Option(help="also write the page of differences to this file")] = None,
    form: Form = Format.table,
) -> None:
    """Two runs side by side: what differs, and whether one is better (paired test over articles). A page with every
    row that they decide differently becomes an artifact of both."""
    from research.summary.runs import comparison_tables
    from research.workflows.run_diff import write_run_diff
    from research.workflows.runs import compare_runs

    found = compare_runs(a, b)
    if form is Format.table:
        print_tables(comparison_tables(found))
    else:
        print_records([asdict(found)], form)
    written = write_run_diff(found, html)
    if form is Format.table:
        typer.echo(f"page: {', '.join(written)}", err=True)


def models(form: Form = Format.table) -> None:
    """List the kinds of model, and the registered ones."""
    from research.summary.datasets import datasets_table
    from research.workflows.runs import list_models

    found = list_models()
    if form is Format.table:
        print_tables([datasets_table(found)])
    else:
        print_records(found, form)


def ui(port: Annotated[int, typer.Option(help="on 127.0.0.1")] = 5000) -> None:
    """Start the MLflow UI on the run store; Ctrl-C ends it."""
    from research.workflows.ui import serve_ui, ui_address

    typer.echo(f"open {ui_address(port)} (up in about ten seconds; Ctrl-C ends it)", err=True)
    raise typer.Exit(serve_ui(port))


def _evaluate_suite(model: str, suite: str, failures: bool, form: Format) -> None:
    """Pass rates; with `failures` the failing cases too, which machine output prints instead."""
    from research.summary.behaviour import failures_text, rates_table
    from research.workflows.behaviour import evaluate_suite

    found = evaluate_suite(model, suite)
    first = {"run_id": found.run_id, "run_name": found.run_name}
    if form is Format.table:
        shown = failures_text(found.cases) if failures else ()
        print_tables([rates_table(found.rates), *shown, f"run {found.run_id} ({found.run_name})"])
    elif failures:
        print_records([{**first, **case} for case in found.cases if not case["passed"]], form)
    else:
        print_records([{**first, **asdict(one)} for one in found.rates], form)


def _print_scores(form: Format, run_id: str, name: str, scores: Any, floors: Any) -> None:
    from research.summary.runs import scores_table

    if form is Format.table:
        print_tables([scores_table(scores, floors), f"run {run_id} ({name})"])
        return
    first = {"run_id": run_id, "run_name": name}
    print_records([{**first, "split": s, **asdict(one)} for s, found in scores.items() for one in found], form)
