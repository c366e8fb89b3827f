"""The behavioural suite: what its files may say, how a case passes or fails, and a whole evaluation by it."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from research.cli import app
from research.config import Majority, Shipped
from research.datasets import load_dataset
from research.datasets.suite import Suite, gold_of, load_suite
from research.models import create
from research.models.checkpoint import Checkpoint
from research.records import TASKS, ResearchError, Row, examples_for
from research.scoring.suite import outcomes, pass_rates
from research.workflows.behaviour import predict_cases
from research.workflows.tracking import open_store

RUN = 8  # words in a row that the suite may not share with a training text
HEAD = {"capability": "bells", "task": "attribution", "about": "Bells.", "expect": "labels"}
CASE = {"case": "one", "sentences": [{"text": "Harn {denied|confirmed} it.", "labels": ["denial"], "then": []}]}


@pytest.fixture(scope="module")
def suite() -> Suite:
    return load_suite()


def written(folder: Path, **changes: Any) -> Path:
    text = yaml.safe_dump({**HEAD, "cases": [CASE], **changes}, allow_unicode=True)
    (folder / "bells.yaml").write_text(text, encoding="utf-8")
    return folder


def wrong(folder: Path, **changes: Any) -> str:
    with pytest.raises(ResearchError) as error:
        load_suite(written(folder, **changes))
    return str(error.value)


def case(**changes: Any) -> list[dict[str, Any]]:
    return [{**CASE, **changes}]


def sentence(text: object, **keys: Any) -> list[dict[str, Any]]:
    return case(sentences=[{"text": text, "labels": ["denial"], **keys}])


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


# --- the files that ship ----------------------------------------------------------------------------------------------


def test_every_capability_has_ten_cases(suite: Suite) -> None:
    assert len(suite.capabilities) >= 15
    assert {one.task for one in suite.capabilities} == {"attribution", "primary"}
    assert {one.name: len(one.cases) for one in suite.capabilities if len(one.cases) < 10} == {}


def test_no_sentence_stands_in_the_training_texts(suite: Suite) -> None:
    train = load_dataset(Shipped()).articles("train")
    sentences = {" ".join(words(s.text)) for a in train for s in a.sentences}
    assert len(sentences) > 1000
    runs = {tuple(w[i : i + RUN]) for s in sentences if (w := s.split()) for i in range(len(w) - RUN + 1)}
    for capability in suite.capabilities:
        for version in (v for one in capability.cases for v in one.versions):
            for found in version.sentences:
                own = words(found.text)
                assert " ".join(own) not in sentences, (version.article_id, found.text)
                shared = [own[i : i + RUN] for i in range(len(own) - RUN + 1) if tuple(own[i : i + RUN]) in runs]
                assert not shared, (version.article_id, shared)


# --- reading a file ---------------------------------------------------------------------------------------------------


def test_versions_of_a_pair_have_offsets_and_gold(tmp_path: Path) -> None:
    sentences = ["{|Rain fell.}", {"text": "Harn {denied|confirmed} it.", "labels": ["denial"], "then": []}]
    ((bells,),) = [load_suite(written(tmp_path, cases=case(headline="Bells", sentences=sentences))).capabilities]
    first, second = bells.cases[0].versions
    assert (first.text, second.text) == ("Bells\n\nHarn denied it.", "Bells\n\nRain fell. Harn confirmed it.")
    assert [first.text[r.start : r.end] for r in bells.cases[0].gold[:1]] == ["Harn denied it."]
    assert [r.labels for r in bells.cases[0].gold] == [("denial",), ()]
    assert first.title == "Bells"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"of": ["denail"]}, "bells.yaml: of.0: 'denail' is unknown; known: official_statement, speculation, denial"),
        ({"of": ["background"]}, "bells.yaml: of: task 'attribution' has no label 'background'"),
        ({"capability": "horns"}, "bells.yaml: capability is 'horns', expected the file's name 'bells'"),
        ({"expects": "labels"}, "bells.yaml: expects: unknown key; known: capability, task, about, expect, of, cases"),
        ({"cases": ["one"]}, "bells.yaml: case 1: expected the keys case, sentences, found 'one'"),
        ({"cases": case(case="One")}, "bells.yaml: case One: case: expected small letters and hyphens"),
        ({"cases": [CASE, CASE]}, "bells.yaml: case one: the name is used twice"),
        ({"cases": case(sentence=[])}, "bells.yaml: case one: sentence: unknown key; known: case, headline"),
        ({"cases": case(sentences=["It rained."])}, "bells.yaml: case one: no sentence has labels"),
        ({"cases": case(primary="denial")}, "bells.yaml: case one: task 'attribution' judges sentences"),
        ({"cases": sentence("No.", labels=["lie"])}, "bells.yaml: case one: sentence 1: labels.0: 'lie' is unknown"),
        ({"cases": sentence("No.", then=[])}, "bells.yaml: case one: then: there is no second version"),
        ({"cases": sentence("A {b|c|d}.")}, "bells.yaml: case one: sentence 1: text: expected pairs as {one|other}"),
        ({"cases": sentence("A {b|} c.")}, "bells.yaml: case one: sentence 1: text: white space around it"),
        ({"cases": sentence("{A.|}")}, "bells.yaml: case one: sentence 1: a judged sentence has to stand in both"),
        ({"cases": sentence(7)}, "bells.yaml: case one: sentence 1: text: "),
        ({"cases": sentence("No.", labels=["denial"] * 2)}, "bells.yaml: case one: sentence 1: labels: one stands twi"),
        ({"expect": "same"}, "bells.yaml: case one: then: expect is 'same', so the labels cannot differ"),
        ({"expect": "same", "cases": sentence("No.")}, "bells.yaml: case one: expect is 'same', but there is no secon"),
        ({"expect": "change", "of": ["speculation"]}, "bells.yaml: case one: expect is 'change', but none of speculat"),
        ({"task": "primary"}, "bells.yaml: case one: task 'primary' judges the article"),
        (
            {"task": "primary", "cases": case(sentences=["{Rain.|}"], primary="denial")},
            "bells.yaml: case one: a version has no words",
        ),
    ],
)
def test_a_wrong_file_is_told_in_a_line(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    assert wrong(tmp_path, **changes).splitlines()[0].startswith(message)


def test_all_problems_are_told_at_once_and_bad_yaml_by_line(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("capability: [", encoding="utf-8")
    found = wrong(tmp_path, cases=sentence("No.", labels=["lie"]) + sentence("A {b|} c.")).splitlines()
    assert [line.split(": ")[0] for line in found] == ["a.yaml:1", "bells.yaml", "bells.yaml"]
    with pytest.raises(ResearchError, match="no capability file"):
        load_suite(tmp_path / "none")


# --- passing and failing ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", ["attribution", "primary"])
def test_an_oracle_passes_all_and_one_wrong_label_fails_one_case(suite: Suite, task: str) -> None:
    gold = gold_of(suite.cases(task))
    oracle = [replace(row, fields={}) for row in gold]
    assert all(one.passed for one in outcomes(gold, oracle))
    turned = ("denial",) if oracle[0].labels != ("denial",) else ("speculation",)
    (failed,) = [one for one in outcomes(gold, [replace(oracle[0], labels=turned), *oracle[1:]]) if not one.passed]
    assert failed.case == gold[0].fields["case"]
    assert not outcomes(gold, [replace(oracle[0], labels=None), *oracle[1:]])[0].passed
    with pytest.raises(ResearchError, match="without prediction"):
        outcomes(gold, oracle[1:])


@pytest.mark.parametrize("task", ["attribution", "primary"])
def test_the_majority_model_fails_what_is_not_an_invariance(suite: Suite, task: str) -> None:
    model = create(Majority(), TASKS[task])
    model.fit([e for e in examples_for(TASKS[task], load_dataset(Shipped()).articles("train")[:20]) if e.gold])
    checkpoint = Checkpoint(model, Majority(), TASKS[task], (0.5,) * len(TASKS[task].labels))
    cases = suite.cases(task)
    found = outcomes(gold_of(cases), predict_cases(checkpoint, cases))
    assert all(one.passed for one in found if one.expect == "same")
    assert not any(one.passed for one in found if one.expect == "change")
    assert 0.2 < pass_rates(found)[-1].rate < 0.6


def row(version: int, labels: tuple[str, ...], expect: str, of: str = "speculation denial") -> Row:
    fields = {
        "capability": "bells",
        "case": "one",
        "version": str(version),
        "sentence": "1",
        "expect": expect,
        "of": of,
    }
    return Row("attribution", f"bells/one/{version}", 0, 9, labels, fields=fields)


@pytest.mark.parametrize(
    ("expect", "gold", "found", "passed"),
    [
        ("labels", (("denial",), ()), (("denial",), ()), True),
        ("labels", (("denial",), ()), (("denial", "official_statement"), ()), True),  # a label nobody looks at
        ("labels", (("denial",), ()), (("denial",), ("speculation",)), False),
        ("same", ((), ()), (("denial",), ("denial",)), True),  # wrong twice is the same
        ("same", ((), ()), (("denial",), ()), False),
        ("same", ((), ()), ((), ("official_statement",)), True),
        ("change", (("denial",), ()), (("denial", "speculation"), ("speculation",)), True),  # not what differs
        ("change", (("denial",), ()), ((), ()), False),
        ("change", (("denial",), ()), (("denial",), ("denial",)), False),
    ],
)
def test_what_passes(expect: str, gold: Any, found: Any, passed: bool) -> None:
    rows = [[row(v, labels, expect) for v, labels in enumerate(side, 1)] for side in (gold, found)]
    (outcome,) = outcomes(*rows)
    assert outcome.passed is passed


def test_rates_have_wilson_intervals() -> None:
    gold = [row(1, (), "labels")]
    many = [replace(g, article_id=f"{i}/1", fields={**g.fields, "case": str(i)}) for g in gold for i in range(10)]
    said = [replace(many[0], labels=("denial",)), *many[1:]]
    one, whole = pass_rates(outcomes(many, said))
    assert (one.capability, one.passed, one.cases, whole.capability) == ("bells", 9, 10, "all")
    assert (one.low, one.high) == (pytest.approx(0.5958, abs=1e-4), pytest.approx(0.9821, abs=1e-4))


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    return open_store()


def test_evaluate_runs_the_suite_and_logs_it(store: Any, suite: Suite, tmp_path: Path) -> None:
    command = ["evaluate", "bundled/primary", "--suite", "behaviour"]
    result = CliRunner().invoke(app, [*command, "--failures", "--format", "jsonl"], catch_exceptions=False)
    failed = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 0 and failed and not any(one["passed"] for one in failed)
    run = store.get_run(failed[0]["run_id"])
    cases = Path(store.download_artifacts(run.info.run_id, "behaviour/cases.jsonl", str(tmp_path))).read_text(
        encoding="utf-8"
    )
    outcomes_logged = [json.loads(line) for line in cases.splitlines()]
    assert len(outcomes_logged) == len(suite.cases("primary")) == run.data.metrics["behaviour/cases"]
    passed = sum(one["passed"] for one in outcomes_logged)
    assert run.data.metrics["behaviour/pass_rate"] == pytest.approx(passed / len(outcomes_logged))
    assert passed == len(outcomes_logged) - len(failed)
    assert "behaviour/headline-wins" in run.data.metrics
    assert "evaluates bundled/primary" in run.data.tags["mlflow.note.content"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "expected one of --dataset NAME:SPLIT and --suite behaviour"),
        (["--dataset", "shipped:dev", "--suite", "behaviour"], "expected one of --dataset NAME:SPLIT and --suite beh"),
        (["--dataset", "shipped:dev", "--failures"], "--failures goes with --suite"),
        (["--suite", "behaviour", "--drop-seen"], "--drop-seen goes with --dataset"),
        (["--suite", "manners"], "--suite manners: unknown suite; known: behaviour"),
    ],
)
def test_evaluate_takes_a_dataset_or_a_suite(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(app, ["evaluate", "bundled/primary", *arguments])
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
