"""Any trained model put through the behavioural suite, as an MLflow run of its own. Nothing is trained on the cases."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from research.datasets.suite import Case, Suite, gold_of, load_suite
from research.models.checkpoint import Checkpoint
from research.records import ResearchError, Row, examples_for
from research.scoring.suite import ALL, Outcome, PassRate, outcomes, pass_rates
from research.workflows.registry import load_model
from research.workflows.results import to_jsonl
from research.workflows.tracking import add_note, tracked_run

NAME = "behaviour"


@dataclass(frozen=True)
class SuiteResult:
    """`rates` per capability and, last, of all cases. `cases` are the outcomes as records: capability, case, expect,
    passed, and the judged sentences with version, text, expected and found labels."""

    run_id: str
    run_name: str
    rates: Sequence[PassRate]
    cases: Sequence[dict[str, Any]]


def evaluate_suite(reference: str, name: str = NAME) -> SuiteResult:
    """Run the cases of the model's task and log pass rates, outcomes, gold and prediction rows."""
    if name != NAME:
        raise ResearchError(f"--suite {name}: unknown suite; known: {NAME}")
    checkpoint, origin = load_model(reference)
    suite = load_suite()
    task = checkpoint.task
    cases = suite.cases(task.name)
    if not cases:
        raise ResearchError(f"--suite {name}: no capability is written for task '{task.name}'")
    kind = checkpoint.config.model_dump()["kind"]
    trained_on = str(checkpoint.trained_on.get("dataset", "untrained"))
    run_name = f"{kind}-{trained_on}-on-{NAME}"
    tags = {"evaluates": origin["run_id"] or reference, "suite": NAME, "suite_revision": suite.revision}
    with tracked_run(task.name, run_name, tags | {"trained_on": trained_on}) as run:
        import mlflow

        mlflow.log_params({"model.kind": kind, "dataset.kind": NAME, "suite.revision": suite.revision})
        add_note(f"Run it again:\n\n    research evaluate {tags['evaluates']} --suite {NAME}")
        gold, predicted = gold_of(cases), predict_cases(checkpoint, cases)
        found = outcomes(gold, predicted)
        rates = pass_rates(found)
        records = case_records(suite, found)
        mlflow.log_metrics({f"{NAME}/{metric}": value for metric, value in _metrics(rates).items()})
        mlflow.log_text(to_jsonl(gold), f"gold/{NAME}.jsonl")
        mlflow.log_text(to_jsonl(predicted), f"predictions/{NAME}.jsonl")
        lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        mlflow.log_text(lines, f"{NAME}/cases.jsonl")
        add_note(_headline(rates[-1], origin, reference))
        return SuiteResult(run.info.run_id, run_name, rates, records)


def predict_cases(checkpoint: Checkpoint, cases: Sequence[Case]) -> list[Row]:
    """Prediction rows of the judged spans. The model reads every sentence of a case, the unjudged ones as context."""
    articles = [article for case in cases for article in case.versions]
    judged = {row.key for row in gold_of(cases)}
    return [row for row in checkpoint.predict(list(examples_for(checkpoint.task, articles))) if row.key in judged]


def case_records(suite: Suite, found: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Outcomes with the text they are about, for artifact and output."""
    texts = {a.article_id: a.text for one in suite.capabilities for case in one.cases for a in case.versions}
    return [
        {
            "capability": outcome.capability,
            "case": outcome.case,
            "expect": outcome.expect,
            "passed": outcome.passed,
            "judged": [
                {
                    "version": int(one.article_id.rpartition("/")[2]),
                    "text": texts[one.article_id][one.start : one.end],
                    "expected": list(one.expected),
                    "found": None if one.found is None else list(one.found),
                    "wrong": one.wrong,
                }
                for one in outcome.judged
            ],
        }
        for outcome in found
    ]


def _metrics(rates: Sequence[PassRate]) -> dict[str, float]:
    metrics = {one.capability: one.rate for one in rates if one.capability != ALL}
    whole = rates[-1]
    metrics |= {"pass_rate": whole.rate, "pass_rate_low": whole.low, "pass_rate_high": whole.high}
    return metrics | {"cases": float(whole.cases)}


def _headline(whole: PassRate, origin: dict[str, str], reference: str) -> str:
    """Which model it was, and how many cases it passed, in a line of Markdown."""
    run = f"run {origin['run_id']} ({origin['name']})" if origin["run_id"] else reference
    rate = f"{whole.rate:.3f} ({whole.low:.3f} to {whole.high:.3f})"
    return f"**{NAME}**: {whole.passed} of {whole.cases} cases passed, {rate}; evaluates {run}"
