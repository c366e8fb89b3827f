"""Experiments and the leaderboard: what a plan comes to, the answer, and the same answer after every kill."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from research.cli import app
from research.records import ResearchError, Row
from research.scoring import Judged, compare, join, score, score_seeds
from research.summary.leaderboard import Board, Line, board_markdown, leaderboard_figure
from research.workflows.experiments import Plan, _alone, finished, model_section, read_plan, run_experiment
from research.workflows.leaderboard import leaderboard
from research.workflows.tracking import open_store, tracked_run

TINY = """
question: Do rules beat the floor?
task: attribution
datasets: tiny.jsonl
models: {majority: , rules: cues}
reference: majority
folds: 2
"""
TWO_SEEDS = TINY + "seeds: [0, 1]\n"
WORDS = ("Officials said the bridge is safe.", "It may have been hit by a drone.", "The army denied any attack.")
LABELS = ("official_statement", "speculation", "denial")


def write_experiment(folder: Path, text: str = TINY) -> Path:
    """A folder with a data set of 8 articles, all of train, and the definition of an experiment on it."""
    articles = []
    for i in range(8):
        first, second = WORDS[i % 3], f"Town {i * 7919 % 97} has {i * 31 % 89} mills and a market on day {i * 13 % 61}."
        cut = len(first)
        sentences = [
            {"start": 0, "end": cut, "labels": [LABELS[i % 3]]},
            {"start": cut + 1, "end": cut + 1 + len(second), "labels": []},
        ]
        known = {"primary": LABELS[i % 3], "split": "train"}
        articles.append({"article_id": f"a{i}", "text": f"{first} {second}", "sentences": sentences, **known})
    (folder / "tiny.jsonl").write_text("".join(json.dumps(a) + "\n" for a in articles))
    (folder / "900-tiny").mkdir(exist_ok=True)
    (folder / "900-tiny" / "experiment.yaml").write_text(text)
    return folder / "900-tiny"


def problems(folder: Path, text: str) -> str:
    with pytest.raises(ResearchError) as caught:
        read_plan(write_experiment(folder, text))
    return str(caught.value)


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
        open_store()
    return folder / "mlflow.db"


@pytest.fixture(scope="module")
def ran(empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Plan, list[Board]]]:
    """The tiny experiment with two seeds, run once in a store of its own."""
    folder = tmp_path_factory.mktemp("ran")
    (folder / "mlflow.db").write_bytes(empty_store.read_bytes())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
        patch.chdir(folder)
        plan = read_plan(write_experiment(folder, TWO_SEEDS))
        yield folder, plan, run_experiment(plan)


# --- the definition -------------------------------------------------------------------------------------------


def test_a_model_is_a_recipe_a_kind_or_keys_over_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "configs/models").mkdir(parents=True)
    (tmp_path / "configs/models/small.yaml").write_text("kind: tfidf-svm\nfeatures: {buckets: 64, cues: false}\n")
    monkeypatch.chdir(tmp_path)
    assert model_section("cues", None) == model_section("rules", "cues") == {"kind": "cues"}
    assert model_section("no-carry", {"kind": "tfidf-svm", "features": {"carry": False}})["kind"] == "tfidf-svm"
    assert model_section("smaller", {"kind": "small", "c": 1, "features": {"buckets": 32}}) == {
        "kind": "tfidf-svm",
        "c": 1,
        "features": {"buckets": 32, "cues": False},
    }


def test_a_plan_names_every_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = TINY.replace("task: attribution", "tasks: [attribution, primary]") + "seeds: [0, 3]\nevaluate: [shipped:dev]"
    plan = read_plan(write_experiment(tmp_path, text))
    names = [f"{kind}-tiny-s{seed}" for seed in (0, 3) for kind in ("majority", "rules")]
    both = [name + end for name in names for end in ("", "-on-shipped-dev")]
    assert [(job.config.task, job.name) for job in plan.jobs] == [
        (task, name) for task in ("attribution", "primary") for name in both
    ]
    assert all(job.config.train.folds == 2 for job in plan.jobs)


def test_own_held_out_splits_are_not_scored_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = TINY.replace("tiny.jsonl", "[tiny.jsonl, shipped]") + "evaluate: [shipped:dev]"
    jobs = read_plan(write_experiment(tmp_path, text.replace("folds: 2", ""))).jobs
    assert {job.config.train.folds for job in jobs} == {5}, "the kind's own"
    names = [job.name for job in jobs]
    assert [name for name in names if "-on-" in name] == [f"{m}-tiny-s0-on-shipped-dev" for m in ("majority", "rules")]


def test_all_problems_are_told_before_anything_is_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "model: unknown key; known: question, tasks" in problems(tmp_path, TINY + "model: cues")
    found = problems(tmp_path, TINY.replace("rules: cues", "a: {kind: cues, c: 1}, b: none, d: 3"))
    for part in ("models.a: model.c: unknown key", "models.b: unknown model 'none'", "models.d: expected the name"):
        assert part in found
    assert "reference: unknown 'x'; known: majority, rules, majority-tiny, rules-tiny" in problems(
        tmp_path, TINY.replace("reference: majority", "reference: x")
    )
    assert "tiny.jsonl has no split 'dev'; known: train" in problems(tmp_path, TINY + "evaluate: [tiny.jsonl:dev]")
    assert "expected DATASET:SPLIT" in problems(tmp_path, TINY + "evaluate: [tiny]")
    assert "task: 'weather' is unknown" in problems(tmp_path, TINY.replace("attribution", "weather"))
    assert "experiment.yaml: seeds: 1 stands twice" in problems(tmp_path, TINY + "seeds: [0, 1, 1]")
    for key, value in (("datasets", "nope"), ("evaluate", "nope:dev")):
        assert f"experiment.yaml: {key}: {value}: unknown dataset 'nope'" in problems(
            tmp_path, TINY.replace("datasets: tiny.jsonl", "") + f"{key}: {value}".replace("nope:dev", "[nope:dev]")
        )
    for path in (tmp_path, tmp_path / "900-tiny/other.yaml"):
        with pytest.raises(ResearchError, match="expected a folder named NNN-question"):
            read_plan(path)


def test_runs_that_could_not_come_to_an_end_are_told_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "evaluate: tiny.jsonl:train: 8 of its 8 articles stand in tiny:train" in problems(
        tmp_path, TINY + "evaluate: [tiny.jsonl:train]"
    )
    assert "models.rules: without folds there is nothing in tiny to score it on" in problems(
        tmp_path, TINY.replace("folds: 2", "folds: 0")
    )
    bare = [line.replace('"primary"', '"topic"') for line in Path("tiny.jsonl").read_text().splitlines()]
    Path("bare.jsonl").write_text("\n".join(line.replace("Town", "City") for line in bare))
    found = problems(
        tmp_path,
        TINY.replace("attribution", "[attribution, primary]").replace("tiny.jsonl", "[shipped, bare.jsonl]"),
    )
    assert found.endswith("datasets: bare: no article of train is annotated for task 'primary'") and "\n" not in found
    target = TINY.replace("attribution", "[attribution, primary]") + "evaluate: [bare.jsonl:train]"
    assert "evaluate: bare.jsonl:train: no article is annotated for task 'primary'" in problems(tmp_path, target)


# --- the runs and the answer ----------------------------------------------------------------------------------


def test_the_answer(ran: tuple[Path, Plan, list[Board]]) -> None:
    folder, _, (board,) = ran
    results = json.loads((folder / "900-tiny/results.json").read_text())
    (table,) = results["tables"]
    assert [table[key] for key in ("task", "dataset", "split")] == ["attribution", "tiny", "cv"]
    assert (table["rows"], table["articles"]) == (16, 8)
    rules, majority = table["lines"]
    assert (rules["model"], rules["seeds"], majority["model"]) == ("rules", [0, 1], "majority")
    assert rules["against"]["model"] == "majority" and majority["against"] is None
    difference = rules["scores"]["macro_f1"]["value"] - majority["scores"]["macro_f1"]["value"]
    assert rules["against"]["difference"] == pytest.approx(difference, abs=2e-6) and difference > 0.5
    assert rules["against"]["p_holm"] == rules["against"]["p"]  # one comparison
    text = (folder / "900-tiny/results.json").read_text()
    assert not any(run_id in text for line in board.lines for run_id in line.run_ids)
    assert "| rules | tiny | 0 1 |" in (folder / "900-tiny/table.md").read_text()
    assert (folder / "900-tiny/leaderboard.png").read_bytes().startswith(b"\x89PNG")
    assert not list((folder / "900-tiny").glob(".*"))


def test_children_and_parent(ran: tuple[Path, Plan, list[Board]]) -> None:
    _, plan, _ = ran
    client = open_store()
    runs = client.search_runs([client.get_experiment_by_name("attribution").experiment_id])
    (parent,) = [run for run in runs if run.info.run_name == "900-tiny"]
    children = [run for run in runs if run is not parent]
    assert {run.info.run_name for run in children} == {job.name for job in plan.jobs} and len(children) == 4
    for run in children:
        assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert run.data.tags["experiment"] == "900-tiny"
    files = {file.path for file in client.list_artifacts(parent.info.run_id)}
    assert files == {"experiment.yaml", "results.json", "table.md", "leaderboard.png"}


def test_a_second_call_does_nothing_again(ran: tuple[Path, Plan, list[Board]], monkeypatch: Any) -> None:
    folder, plan, _ = ran
    monkeypatch.chdir(folder)
    before = (folder / "900-tiny/results.json").read_bytes()
    begun: list[str] = []
    run_experiment(plan, progress=lambda name, *_: begun.append(name))
    assert begun == [""]
    assert (folder / "900-tiny/results.json").read_bytes() == before
    assert len(finished(open_store(), plan)) == 4
    changed = read_plan(write_experiment(folder, TWO_SEEDS.replace("folds: 2", "folds: 3")))
    assert not finished(open_store(), changed), "another config is another run"


def test_a_folder_that_cannot_be_written_is_one_line(
    ran: tuple[Path, Plan, list[Board]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, plan, _ = ran
    monkeypatch.chdir(folder)
    (tmp_path / "table.md").mkdir()
    with pytest.raises(ResearchError, match=r"table\.md: Is a directory; the runs are done"):
        run_experiment(replace(plan, folder=tmp_path))
    assert not (tmp_path / "results.json").exists(), "it stands for all"


def test_a_table_is_a_table_whatever_its_names(ran: tuple[Path, Plan, list[Board]]) -> None:
    _, _, (board,) = ran
    other = replace(board, lines=[replace(line, name=f"{line.name}|b") for line in board.lines])
    text = board_markdown([other], "Is it?\nOr not?\n")
    assert text.startswith("# Is it? Or not?\n\n")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len({row.replace(r"\|", "").count("|") for row in rows}) == 1 and r"rules\|b" in text


# --- the leaderboard ------------------------------------------------------------------------------------------


def test_leaderboard_ranks_what_was_scored_on_the_same_gold(ran: tuple[Path, Plan, list[Board]]) -> None:
    (board,) = leaderboard("attribution", "cv")
    assert [line.name for line in board.lines] == [f"{m}-tiny-s{s}" for m in ("rules", "majority") for s in (0, 1)]
    assert board.lines[0].test is None and board.lines[1].test and board.lines[1].test.difference == 0
    assert board.lines[2].shown and board.lines[2].against == "rules-tiny-s0" and not board.lines[1].shown
    result = CliRunner().invoke(app, ["leaderboard", "attribution", "--split", "cv", "--format", "jsonl"])
    first = json.loads(result.stdout.splitlines()[0])
    assert (first["name"], first["rank"], first["articles"], first["p"]) == ("rules-tiny-s0", 1, 8, None)
    assert first["macro_f1"] == board.lines[0].scores["macro_f1"].value
    shown = CliRunner().invoke(app, ["leaderboard", "attribution", "--split", "cv"])
    assert "16 rows of 8 articles" in shown.stdout and "majority-tiny-s1" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["weather"], "unknown task 'weather'; known: attribution, primary"),
        (["attribution", "--split", "train"], "unknown split 'train'"),
        (
            ["attribution", "--dataset", "none"],
            "no finished run of task 'attribution' has dev scores on dataset 'none'",
        ),
        (["primary"], "no finished run of task 'primary' has dev scores"),
    ],
)
def test_leaderboard_of_nothing(ran: tuple[Path, Plan, list[Board]], arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(app, ["leaderboard", *arguments])
    assert result.exit_code == 2 and message in result.stderr


def test_the_figure_has_a_panel_for_each_gold(ran: tuple[Path, Plan, list[Board]]) -> None:
    _, _, (board,) = ran
    figure = leaderboard_figure([board, board])
    panels = figure.get_axes()
    assert [len(axes.get_yticks()) for axes in panels] == [2, 2]
    assert [text.get_text() for text in panels[0].get_yticklabels()] == ["rules", "majority"]
    assert panels[0].get_ylim()[0] > panels[0].get_ylim()[1], "best on top"


# --- seeds ----------------------------------------------------------------------------------------------------


def judged(seed: int, skill: float, articles: int = 30) -> Judged:
    """Rows of which a share `skill` is right."""
    rng = np.random.default_rng(seed)
    gold, predicted = [], []
    for i in range(articles * 4):
        truth = LABELS[i % 3]
        guess = truth if rng.random() < skill else LABELS[(i + 1) % 3]
        key = ("attribution", f"a{i // 4}", i, i + 1)
        gold.append(Row(*key, (truth,)))
        predicted.append(Row(*key, (guess,)))
    return join(gold, predicted)


def test_one_seed_is_the_plain_case() -> None:
    a, b = judged(1, 0.8), judged(2, 0.6)
    assert compare([a], [b], draws=200) == compare(a, b, draws=200)
    plain = {one.metric: one for one in score(a, draws=200)}
    assert all(one == plain[one.metric] for one in score_seeds([a], draws=200))


def test_seeds_are_averaged_and_swapped_together() -> None:
    good, bad = [judged(s, 0.8) for s in range(3)], [judged(s, 0.6) for s in range(3, 6)]
    test = compare(good, bad, draws=500)
    assert test.a == pytest.approx(np.mean([compare(g, bad[0], draws=2).a for g in good]))
    mean = next(one for one in score_seeds(good, draws=500) if one.metric == "macro_f1")
    assert mean.value == pytest.approx(test.a) and mean.low < mean.value < mean.high  # type: ignore[operator]
    same = compare(good, good, draws=500)
    assert (same.difference, same.p, same.low, same.high) == (0, 1, 0, 0)
    # The same output thrice says no more than once: seeds are no articles.
    assert compare(good[:1] * 3, bad[:1] * 3, draws=500).p == compare(good[0], bad[0], draws=500).p
    with pytest.raises(ResearchError, match="equally many seeds"):
        compare(good, bad[:2])


# --- stopped at any moment ------------------------------------------------------------------------------------

LAUNCHER = """
import os, signal, sys, time
from pathlib import Path
import mlflow, matplotlib.figure, datasets, sklearn.linear_model
from research.workflows.experiments import read_plan, run_experiment
os.chdir(sys.argv[1])
for delay in map(float, sys.argv[2:]):
    if child := os.fork():
        time.sleep(delay)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    else:
        run_experiment(read_plan(Path("900-tiny")))
        os._exit(0)
run_experiment(read_plan(Path("900-tiny")))
"""


def results_after_kills(folder: Path, delays: list[float]) -> bytes:
    """results.json of an experiment whose process is killed (SIGKILL) so many seconds after each of its starts."""
    write_experiment(folder, TWO_SEEDS)
    environment = {k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"}
    command = [sys.executable, "-c", LAUNCHER, str(folder), *map(str, delays)]
    subprocess.run(command, env=environment, check=True, timeout=300)
    return (folder / "900-tiny/results.json").read_bytes()


def statuses(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """How the runs of every name ended."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
    found: dict[str, list[str]] = {}
    for run in open_store().search_runs(["1"]):
        found.setdefault(run.info.run_name, []).append(run.info.status)
    return found


def test_killed_and_started_again(
    ran: tuple[Path, Plan, list[Board]], empty_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mlflow.db").write_bytes(empty_store.read_bytes())
    undisturbed = (ran[0] / "900-tiny/results.json").read_bytes()
    assert results_after_kills(tmp_path, [0.6, 1.1]) == undisturbed
    runs = statuses(tmp_path, monkeypatch)
    assert set(runs) == {"900-tiny", *(job.name for job in ran[1].jobs)}
    assert runs.pop("900-tiny") == ["FINISHED"], "the parent is taken up again"
    for ends in runs.values():
        assert ends.count("FINISHED") == 1 and set(ends) <= {"FINISHED", "KILLED"}, "half-done runs are marked"


@pytest.mark.slow
def test_killed_at_ten_moments_from_the_very_first(
    ran: tuple[Path, Plan, list[Board]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = (ran[0] / "900-tiny/results.json").read_bytes()
    killed = 0
    for i in range(10):
        folder = tmp_path / f"b{i}"
        folder.mkdir()
        assert results_after_kills(folder, [0.3 + 0.8 * i]) == undisturbed  # seconds of it make the tables of the store
        runs = statuses(folder, monkeypatch).values()
        assert all(ends.count("FINISHED") == 1 and "RUNNING" not in ends for ends in runs)
        killed += sum(ends.count("KILLED") for ends in runs)
    assert killed >= 2, "no kill met a run"


def test_two_at_once_are_refused(ran: tuple[Path, Plan, list[Board]], monkeypatch: pytest.MonkeyPatch) -> None:
    _, plan, _ = ran

    def second(*_: Any) -> None:
        with pytest.raises(ResearchError, match="900-tiny is already running in another process"):
            run_experiment(plan)

    run_experiment(plan, progress=second)
    with tracked_run("attribution", "a-run", {}) as run:  # nothing of the experiment stays current
        assert "mlflow.parentRunId" not in run.data.tags


def test_experiments_in_a_store_deep_down_have_a_lock_each(
    ran: tuple[Path, Plan, list[Board]], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, plan, _ = ran
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:////{'folder/' * 30}mlflow.db")
    with _alone(plan), _alone(replace(plan, name="901-other")):
        pass


def test_lines_are_not_shown_without_a_test() -> None:
    assert Line("a", "b", (0,), (), {}, None, None, None, None).shown is None
