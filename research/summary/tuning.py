"""A study as people read it: its trials, the best against the default, and the best as a recipe."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from research.records import Score
from research.scoring import PairedTest

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class TrialSummary:
    """One trial; number 0 is the config as given. `score` is the cross-validated macro-F1 of a complete trial,
    `problem` why a failed one failed. state: complete, pruned or failed."""

    number: int
    state: str
    values: Mapping[str, Any]
    folds: int
    seconds: float
    run_id: str
    score: Score | None = None
    problem: str | None = None


@dataclass(frozen=True)
class StudySummary:
    """A study, best trial first. `best` may be the default; `test` is the best of the other trials against the default
    in cv macro-F1; `model` the best model's section of the config; `folds` and `seconds` what all trials took,
    interrupted ones included; `planned` the trials asked for, besides the default."""

    name: str
    run_id: str
    planned: int
    trials: Sequence[TrialSummary]
    best: TrialSummary
    default: TrialSummary
    test: PairedTest
    model: Mapping[str, Any]
    folds: int
    seconds: float


def study_tables(found: StudySummary) -> Iterator[Table | str]:
    """The trials, the test, what to make of it."""
    from rich.table import Table

    keys = list(dict.fromkeys(key for trial in found.trials for key in trial.values))
    table = Table("trial", "cv macro_f1", "95 % interval", "folds", "state", *map(_short, keys), box=None)
    for trial in found.trials:
        shown = [_shown(trial.values[key]) if key in trial.values else "" for key in keys]
        name = str(trial.number) if trial.number else "default"
        value = f"{trial.score.value:.3f}" if trial.score else ""
        table.add_row(name, value, _interval(trial.score), str(trial.folds), trial.state, *shown)
    yield table
    test = found.test
    table = Table("best trial - default", "95 % interval", "p", "detectable", "articles", box=None)
    interval = "" if test.low is None else f"{test.low:+.3f} to {test.high:+.3f}"
    detectable = "" if test.detectable is None else f"{test.detectable:.3f}"
    table.add_row(f"{test.difference:+.3f}", interval, f"{test.p:.4f}", detectable, str(test.articles))
    yield table
    yield f"study {found.name} (run {found.run_id}): {spent(found)}"
    yield caution(found)


def spent(found: StudySummary) -> str:
    """What the study came to: trials by state, folds, seconds."""
    states = [trial.state for trial in found.trials if trial.number]
    counts = ", ".join(f"{states.count(s)} {s}" for s in ("complete", "pruned", "failed") if s in states)
    of = f"the default and {len(states)} of {found.planned} trials" + (f" ({counts})" if counts else "")
    return f"{of}, {found.folds} folds fitted, {found.seconds:.0f} s"


def caution(found: StudySummary) -> str:
    """Why the best of many is not as good as it looks."""
    tried = sum(trial.score is not None for trial in found.trials)
    if found.best is found.default:
        return f"no trial beat the default ({tried} complete)"
    return (
        f"caution: the best of {tried} looks better than it is (winner's curse); its score, difference and p are "
        f"optimistic. Train both on the same data and compare them on dev."
    )


def recipe(found: StudySummary) -> str:
    """The best model as a file for configs/models, with what is known of it on top."""
    import yaml

    best, test = found.best.score, found.test
    assert best is not None
    lines = [
        f"Found by research tune: {found.name}, {spent(found)}.",
        f"cv macro_f1 {best.value:.3f} ({_interval(best)}) on {best.n} rows of {best.articles} articles; "
        f"best trial {test.a:.3f}, default {test.b:.3f}, difference {test.difference:+.3f}, p = {test.p:.4f}.",
        caution(found),
    ]
    return "".join(f"# {line}\n" for line in lines) + yaml.safe_dump(
        dict(found.model), sort_keys=False, default_flow_style=None
    )


def _interval(score: Score | None) -> str:
    return "" if score is None or score.low is None else f"{score.low:.3f} to {score.high:.3f}"


def _short(key: str) -> str:
    return key.removeprefix("model.").removeprefix("features.")


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
