"""Search for a better config of one kind of model, by cross-validation on train alone: no label of dev or test is read.

A study lives in an Optuna database beside the run store, and as one MLflow run with a child for each trial. Trial 0
is the config as given: the best is never worse than it, and both are judged by the same folds. What a trial draws
follows from the seed and the trials before it, so that a study that was cut short, even by SIGKILL, goes on to the
same end as one that was not.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from research.config import RunConfig, flatten
from research.datasets import load_dataset
from research.models.checkpoint import prediction_rows
from research.models.decision import decide
from research.models.protocol import Probabilities, gold_matrix
from research.records import TASKS, Example, ResearchError, Row, Score, Task, gold_rows
from research.scoring import compare, floor, join, score
from research.summary.tuning import StudySummary, TrialSummary, caution, recipe, spent
from research.workflows.folds import Progress, choose_thresholds, cv_rows, each_fold
from research.workflows.results import log_scores, read_rows, to_jsonl
from research.workflows.tracking import NOTE, add_note, log_config, log_dataset, open_store, tracked_run
from research.workflows.train import annotated, judges_claims, to_yaml, without_leaks
from research.workflows.tune_space import Range, Space, default_space, given, read_space, suggest, with_values
from research.workflows.tune_study import best_so_far, complete, finished, import_optuna, name_of, open_study

RANDOM_TRIALS = 6  # drawn at random before the sampler (TPE; Bergstra et al. 2011, NIPS) goes by what it has seen
STATES = {"complete": "COMPLETE", "pruned": "PRUNED", "failed": "FAIL"}  # our word -> Optuna's


@dataclass(frozen=True)
class Problem:
    """What all trials of a study share."""

    task: Task
    config: RunConfig
    space: Space
    examples: Sequence[Example]
    tags: Mapping[str, str]


class OutOfTime(KeyboardInterrupt):
    """The seconds are used up in the middle of a trial: its run ends as on Ctrl-C."""


def tune(
    config: RunConfig,
    *,
    trials: int = 30,
    timeout: float | None = None,
    space: Path | None = None,
    name: str | None = None,
    out: Path | None = None,
    progress: Progress = lambda *_: None,
) -> StudySummary:
    """Bring a study to so many trials besides the default, and compare its best with the default.

    `config.train.seed` is the seed of folds, solvers and sampler. After `timeout` seconds no further fold is begun;
    the trial at hand is dropped, and drawn again when the study goes on. `out` is a recipe to write. ResearchError
    when Optuna is not installed, a text of train stands in another split (as in `train`), the space or the name does
    not fit, or no trial came to its end.
    """
    import_optuna()
    deadline = time.monotonic() + timeout if timeout else float("inf")
    task = TASKS[config.task]
    searched = read_space(space, config) if space else default_space(config)
    if not config.train.folds:
        raise ResearchError("train.folds: a study needs 2 or more (found 0); give --folds 2")
    if out:
        _check_recipe(out)
    dataset = without_leaks(load_dataset(config.dataset), drop=config.train.drop_leaks, claims=judges_claims(config))
    examples = annotated(task, dataset.articles("train"))
    if not examples:
        raise ResearchError(f"{dataset.name}: no article of train is annotated for task '{task.name}'")
    name = name or f"tune-{task.name}-{config.model.kind}-{dataset.name}-s{config.train.seed}"
    tags = {"dataset": dataset.name, "dataset_revision": dataset.revision, "study": name}
    problem = Problem(task, config, searched, examples, tags)
    with open_study(name, _settings(problem)) as study:
        limit = f", at most {timeout:.0f} s" if timeout else ""
        folds = config.train.folds
        progress(
            f"study {name}: the default and {trials} trials of {folds} folds, at most {(trials + 1) * folds} fits"
            f"{limit}, on {len(examples)} articles of {dataset.name}:train; {len(finished(study))} of these done",
            0,
            1,
        )
        with tracked_run(task.name, name, tags, run_id=study.user_attrs.get("run_id")) as run:
            study.set_user_attr("run_id", run.info.run_id)
            if NOTE not in run.data.tags:  # written last: without it a kill came before
                log_dataset(dataset, ["train"])
                log_config(flatten(config.model_dump(mode="json")), to_yaml(config))
            try:
                while (done := len(finished(study))) <= trials and time.monotonic() < deadline:
                    progress(f"{best_so_far(study)}trial", done, trials + 1)
                    _run_trial(study, done, problem, deadline, progress)
            except OutOfTime:
                progress("out of time; the same command goes on with this trial", 0, 1)
            found = _conclude(study, problem, trials)
    progress(f"done: {spent(found)}", 0, 1)
    if out:
        try:
            out.write_text(recipe(found), encoding="utf-8")
        except OSError as e:
            raise ResearchError(
                f"--out {out}: {e.strerror}; the same command, with another file, has it at once"
            ) from None
    return found


def _check_recipe(out: Path) -> None:
    """Before hours of work: `out` can be written, and what stands there is one of ours."""
    if out.suffix not in (".yaml", ".yml"):
        raise ResearchError(f"--out {out}: expected a .yaml file")
    if not out.absolute().parent.is_dir():
        raise ResearchError(f"--out {out}: no folder {out.absolute().parent}")
    if out.exists() and not (out.is_file() and out.read_bytes().startswith(b"# Found by research tune")):
        raise ResearchError(f"--out {out}: holds something that is not a found recipe; name another file")


def _settings(problem: Problem) -> dict[str, Any]:
    """Everything that the scores of a study depend on, as it is stored."""
    space = {
        f"space of {key}": values.model_dump() if isinstance(values, Range) else list(values)
        for key, values in problem.space.items()
    }
    return {
        **flatten(problem.config.model_dump(mode="json")),
        "dataset revision": problem.tags["dataset_revision"],
        **space,
    }


# --- a trial --------------------------------------------------------------------------------------------------


def _run_trial(study: Any, index: int, problem: Problem, deadline: float, progress: Progress) -> None:
    """Draw, score fold by fold, tell the study. What is interrupted, or ends by an error that is not the config's, is
    told as failed without a problem, and does not count."""
    from optuna.samplers import TPESampler
    from optuna.trial import TrialState

    # Seeded anew for each trial: the state of one generator for all would be lost with the process.
    seed = int(np.random.SeedSequence((problem.config.train.seed, index)).generate_state(1)[0])
    study.sampler = TPESampler(seed=seed, n_startup_trials=RANDOM_TRIALS)
    trial = study.ask()
    try:
        trial.set_user_attr("index", index)
        state, value = _judge(trial, index, f"{study.study_name}-{index:03d}", problem, deadline)
    except BaseException:
        study.tell(trial, state=TrialState.FAIL)
        raise
    study.tell(trial, value, state=TrialState[STATES[state]])
    known = trial.user_attrs
    shown = known.get("problem") or f"{known['folds']} of {problem.config.train.folds} folds"
    progress(f"{name_of(trial)}: {state}, {shown}" + (f", cv macro_f1 {value:.3f}" if value is not None else ""), 0, 1)


def _judge(trial: Any, index: int, name: str, problem: Problem, deadline: float) -> tuple[str, float | None]:
    """complete with the cv macro-F1, pruned, or failed when the config cannot be trained (the default has to)."""
    import mlflow

    values = suggest(trial, problem.space, problem.config) if index else given(problem.space, problem.config)
    trial.set_user_attr("values", values)
    try:
        with tracked_run(problem.task.name, name, problem.tags, nested=True) as run:
            trial.set_user_attr("run_id", run.info.run_id)
            config = with_values(problem.config, values, name)
            mlflow.log_params(flatten(config.model_dump(mode="json")))
            probabilities = _fold_by_fold(trial, config, problem, deadline)
            mlflow.log_metrics({"tune/folds": trial.user_attrs["folds"], "tune/seconds": trial.user_attrs["seconds"]})
            mlflow.set_tag("state", "pruned" if probabilities is None else "complete")
            if probabilities is None:
                return "pruned", None
            macro = _log_rows(problem, cv_rows(config, problem.task, problem.examples, probabilities))
            trial.set_user_attr("score", asdict(macro))
            return "complete", macro.value
    except ResearchError as e:
        if not index:
            raise
        trial.set_user_attr("problem", str(e).splitlines()[0])
        return "failed", None


def _fold_by_fold(trial: Any, config: RunConfig, problem: Problem, deadline: float) -> Probabilities | None:
    """Out-of-fold probabilities (spans, labels); None once the folds so far are below the median of the trials that
    came to their end."""
    import mlflow

    started = time.perf_counter()
    sizes = [len(e.spans) for e in problem.examples]
    probabilities = np.zeros((sum(sizes), len(problem.task.labels)))
    done = np.zeros(sum(sizes), dtype=bool)
    firsts = np.cumsum([0, *sizes[:-1]])  # the first span of each example
    for i, (held_out, found) in enumerate(each_fold(config, problem.task, problem.examples, lambda *_: None), 1):
        probabilities[held_out] = found
        done |= held_out
        trial.set_user_attr("folds", i)
        trial.set_user_attr("seconds", time.perf_counter() - started)
        if i == config.train.folds:
            break
        judged = [e for e, whether in zip(problem.examples, done[firsts], strict=True) if whether]
        partial = _partial_score(config, problem.task, judged, probabilities[done])
        mlflow.log_metric("tune/partial_macro_f1", partial, step=i)
        trial.report(partial, i)
        if trial.should_prune():
            return None
        if time.monotonic() > deadline:
            raise OutOfTime
    return probabilities


def _partial_score(config: RunConfig, task: Task, examples: Sequence[Example], probabilities: Probabilities) -> float:
    """Macro-F1 of the folds so far, with the thresholds that are best for them. That flatters, all trials alike: it
    is held against other trials' at the same fold, and is never reported as a score."""
    thresholds = choose_thresholds(config, task, probabilities, gold_matrix(examples, task))
    rows = prediction_rows(task, examples, probabilities, decide(probabilities, thresholds, task))
    return _macro(score(join(gold_rows(task, examples), rows), draws=0)).value


def _log_rows(problem: Problem, rows: Sequence[Row]) -> Score:
    """The cv/ scores and the rows they follow from into the current run, so that `research compare` can read them."""
    import mlflow

    gold = gold_rows(problem.task, problem.examples)
    judged = join(gold, rows)
    scores = score(judged, draws=problem.config.scoring.draws, confidence=problem.config.scoring.confidence)
    log_scores("cv", scores, floor(judged))
    mlflow.log_text(to_jsonl(gold), "gold/cv.jsonl")
    mlflow.log_text(to_jsonl(rows), "predictions/cv.jsonl")
    return _macro(scores)


def _macro(scores: Sequence[Score]) -> Score:
    (macro,) = (one for one in scores if one.metric == "macro_f1")
    return macro


# --- the end --------------------------------------------------------------------------------------------------


def _conclude(study: Any, problem: Problem, trials: int) -> StudySummary:
    """The best trial against the default on the same rows, logged in the study's own run."""
    ended = complete(study)
    if not ended:
        raise ResearchError(f"study '{study.study_name}': the time was over before the default was scored")
    summaries = {trial.number: _summary(trial) for trial in finished(study)}
    best = ended[0]
    (default,) = (trial for trial in ended if not trial.user_attrs["index"])
    rival = next((trial for trial in ended if trial.user_attrs["index"]), default)
    client, gold = open_store(), gold_rows(problem.task, problem.examples)
    rows = [read_rows(client, trial.user_attrs["run_id"], "predictions/cv.jsonl") for trial in (rival, default)]
    model = with_values(problem.config, best.user_attrs["values"], study.study_name).model
    ranked = dict.fromkeys([*(trial.number for trial in ended), *summaries])
    found = StudySummary(
        name=study.study_name,
        run_id=study.user_attrs["run_id"],
        planned=max(trials, len(summaries) - 1),  # an earlier call may have asked for more
        trials=[summaries[number] for number in ranked],
        best=summaries[best.number],
        default=summaries[default.number],
        test=compare(join(gold, rows[0]), join(gold, rows[1])),
        model={"kind": model.kind, **model.model_dump(mode="json")},
        folds=sum(trial.user_attrs.get("folds", 0) for trial in study.trials),
        seconds=sum(trial.user_attrs.get("seconds", 0.0) for trial in study.trials),
    )
    _log_found(found, gold, rows[1] if best is default else rows[0])
    return found


def _log_found(found: StudySummary, gold: Sequence[Row], rows: Sequence[Row]) -> None:
    """What the study came to, into its run; `rows` are those of the best."""
    import mlflow

    macro = found.best.score
    assert macro is not None
    metrics = {
        "cv/macro_f1": macro.value,
        "cv/macro_f1_low": macro.low,
        "cv/macro_f1_high": macro.high,
        "tune/default_macro_f1": found.test.b,
        "tune/difference": found.test.difference,
        "tune/p": found.test.p,
        "tune/detectable": found.test.detectable,
        "tune/folds": found.folds,
        "tune/seconds": found.seconds,
    }
    mlflow.log_metrics({name: value for name, value in metrics.items() if value is not None})
    mlflow.log_text(to_jsonl(gold), "gold/cv.jsonl")
    mlflow.log_text(to_jsonl(rows), "predictions/cv.jsonl")
    mlflow.log_text(recipe(found), "best.yaml")
    finding = f"**best**: cv macro_f1 {macro.value:.3f}, default {found.test.b:.3f}, p = {found.test.p:.4f}"
    if finding not in mlflow.get_run(found.run_id).data.tags.get(NOTE, ""):
        add_note(f"{finding}; {caution(found)}")


def _summary(trial: Any) -> TrialSummary:
    """A trial of the study as it is shown."""
    known = trial.user_attrs
    (state,) = (ours for ours, name in STATES.items() if name == trial.state.name)
    return TrialSummary(
        number=known["index"],
        state=state,
        values=known["values"],
        folds=known.get("folds", 0),
        seconds=known.get("seconds", 0.0),
        run_id=known.get("run_id", ""),
        score=Score(**known["score"]) if "score" in known else None,
        problem=known.get("problem"),
    )
