"""Tuning: train alone decides, a killed study goes on to the same end, pruning saves folds, the best is a recipe."""

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import pytest
import yaml
from filelock import FileLock
from typer.testing import CliRunner

from research.cli import app
from research.config import RunConfig, flatten, run_config
from research.records import ResearchError
from research.summary.tuning import StudySummary, caution, recipe
from research.workflows.leaderboard import leaderboard
from research.workflows.tracking import experiment_id, open_store
from research.workflows.train import train
from research.workflows.tune import tune
from research.workflows.tune_space import default_space, read_space

SPACE = """\
model.c: {low: 0.00001, high: 10, log: true}
model.features.min_count: {low: 1, high: 18}
model.features.word_ngrams: [[1, 1], [1, 2]]
"""
TRIALS = 7
KEYS = ["scoring.draws=100"]
KEYS += [f"model.features.{name}=false" for name in "characters neighbours position quotation carry cues".split()]
SIGNS = {
    "official_statement": "said announced ministry told statement",
    "speculation": "may could reportedly believed likely",
    "denial": "denied rejected untrue dismissed refuted",
    "background": "rain valley river summer evening",
}
NEUTRAL = "the of harbour bridge school mayor on Monday in town with house road".split()


def write_articles(path: Path, held_out: tuple[str, ...]) -> Path:
    """16 articles of train with eight sentences each, in which some words tell the label; 4 of dev and test
    whose sentences all have the labels `held_out`."""
    rng = random.Random(1)
    lines = []
    for n in range(20):
        text, sentences = "", []
        for label in [*SIGNS] * 2:
            words = [rng.choice(SIGNS[label].split() if rng.random() < 0.35 else NEUTRAL) for _ in range(5)]
            start, text = len(text), f"{text}{' '.join(words)}. "
            gold = held_out if n >= 16 else () if label == "background" else (label,)
            sentences.append({"start": start, "end": len(text) - 1, "labels": gold})
        split = "train" if n < 16 else ("dev", "test")[n % 2]
        lines.append(json.dumps({"article_id": f"a{n}", "text": text, "split": split, "sentences": sentences}))
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def small(articles: Path) -> RunConfig:
    return run_config(model="tfidf-logreg", dataset=str(articles), folds=2, seed=1, assignments=KEYS)


def results(found: StudySummary) -> list[tuple[Any, ...]]:
    return sorted((t.number, t.state, t.folds, json.dumps(t.values), t.score) for t in found.trials)


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A database with its tables made: that takes seconds, a copy none."""
    folder = tmp_path_factory.mktemp("store")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
        open_store()
    return (folder / "mlflow.db").read_bytes()


@pytest.fixture
def folder(empty_store: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "mlflow.db").write_bytes(empty_store)
    (tmp_path / "space.yaml").write_text(SPACE)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    write_articles(tmp_path / "articles.jsonl", ("denial",))
    return tmp_path


@pytest.fixture(scope="module")
def whole(empty_store: bytes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, StudySummary, Any]]:
    """One study from start to end, in a store of its own."""
    place = tmp_path_factory.mktemp("whole")
    (place / "mlflow.db").write_bytes(empty_store)
    (place / "space.yaml").write_text(SPACE)
    articles = write_articles(place / "articles.jsonl", ("denial",))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{place / 'mlflow.db'}")
        client = open_store()
        yield place, tune(small(articles), trials=TRIALS, space=place / "space.yaml", out=place / "best.yaml"), client


# --- a whole study --------------------------------------------------------------------------------------------


def test_best_is_ranked_first_and_tested_against_the_default(whole: tuple[Path, StudySummary, Any]) -> None:
    _, found, _ = whole
    assert sorted(t.number for t in found.trials) == list(range(TRIALS + 1))
    values = [t.score.value for t in found.trials if t.score]
    assert values == sorted(values, reverse=True) and found.trials[0] is found.best
    assert found.default.number == 0 and found.default.values["model.c"] == 2.0
    assert found.best.score and found.default.score and found.best.number
    assert (found.test.a, found.test.b) == (found.best.score.value, found.default.score.value)
    assert len({json.dumps(t.values) for t in found.trials}) == len(found.trials)  # no draw is repeated
    assert "winner's curse" in caution(found)


def test_pruned_trials_have_fewer_folds(whole: tuple[Path, StudySummary, Any]) -> None:
    _, found, _ = whole
    by_state = {state: {t.folds for t in found.trials if t.state == state} for state in ("complete", "pruned")}
    assert by_state == {"complete": {2}, "pruned": {1}}
    assert found.folds == sum(t.folds for t in found.trials) < 2 * (TRIALS + 1)


def test_store_has_a_child_for_each_trial(whole: tuple[Path, StudySummary, Any]) -> None:
    _, found, client = whole
    runs = {run.info.run_id: run for run in client.search_runs([experiment_id(client, "attribution")])}
    parent = runs.pop(found.run_id)
    assert found.best.score
    assert parent.data.metrics["cv/macro_f1"] == found.best.score.value and parent.info.status == "FINISHED"
    assert {t.run_id for t in found.trials} == set(runs)
    for trial in found.trials:
        run = runs[trial.run_id]
        assert run.data.tags["mlflow.parentRunId"] == found.run_id
        assert (run.data.tags["state"], run.data.metrics["tune/folds"]) == (trial.state, trial.folds)
        assert run.data.params["model.c"] == str(trial.values["model.c"])
        assert run.data.metrics.get("cv/macro_f1") == (trial.score.value if trial.score else None)
        assert (run.data.metrics.keys() >= {"cv/denial/f1"}) == (trial.state == "complete")


def test_leaderboard_shows_a_study_not_its_trials(
    whole: tuple[Path, StudySummary, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    place, found, _ = whole
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{place / 'mlflow.db'}")
    (board,) = leaderboard("attribution", "cv")
    assert [line.name for line in board.lines] == [found.name] and found.best.score
    assert board.lines[0].scores["macro_f1"].value == pytest.approx(found.best.score.value)


def test_recipe_trains_to_the_score_it_names(
    whole: tuple[Path, StudySummary, Any], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, found, _ = whole
    text = (place / "best.yaml").read_text()
    assert text == recipe(found) and text.startswith("# Found by research tune")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
    articles, recipe_file = str(place / "articles.jsonl"), str(place / "best.yaml")
    config = run_config(model=recipe_file, dataset=articles, folds=2, seed=1, assignments=KEYS[:1])
    flat = flatten(config.model_dump(mode="json"))
    assert {key: flat[key] for key in found.best.values} == found.best.values
    (cv,) = (one for one in train(config).scores["cv"] if one.metric == "macro_f1")
    assert cv == found.best.score


def test_dev_and_test_have_no_part(whole: tuple[Path, StudySummary, Any], folder: Path) -> None:
    articles = write_articles(folder / "articles.jsonl", ("speculation", "official_statement"))
    other = tune(small(articles), trials=TRIALS, space=folder / "space.yaml")
    assert results(other) == results(whole[1])


# --- going on -------------------------------------------------------------------------------------------------


def test_study_goes_on_where_it_stopped(whole: tuple[Path, StudySummary, Any], folder: Path) -> None:
    config, space = small(folder / "articles.jsonl"), folder / "space.yaml"
    with pytest.raises(ResearchError, match="the time was over before the default was scored"):
        tune(config, trials=TRIALS, space=space, timeout=1e-6)

    def interrupt(step: str, done: int, total: int) -> None:
        if step.startswith("trial 4"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune(config, trials=TRIALS, space=space, progress=interrupt)
    found = tune(config, trials=TRIALS, space=space)
    assert results(found) == results(whole[1])
    fewer = tune(config, trials=1, space=space)
    assert results(fewer) == results(found) and f"{TRIALS} of {TRIALS} trials" in recipe(fewer)
    runs = open_store().search_runs([experiment_id(open_store(), "attribution")])
    parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    assert [run.info.run_id for run in parents] == [found.run_id]
    assert len(runs) == 1 + TRIALS + 1


@pytest.mark.slow
def test_killed_study_goes_on(whole: tuple[Path, StudySummary, Any], folder: Path) -> None:
    command = "tune --model tfidf-logreg --dataset articles.jsonl --folds 2 --seed 1 --space space.yaml"
    command += f" --trials {TRIALS}" + "".join(f" --set {key}" for key in KEYS)
    process = subprocess.Popen(
        [sys.executable, "-c", "from research.cli import app; app()", *command.split()],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr
    for line in process.stderr:
        if f"trial 4/{TRIALS + 1}" in line:  # three are done, the fourth has begun
            process.kill()
    process.wait()
    found = tune(small(Path("articles.jsonl")), trials=TRIALS, space=folder / "space.yaml")
    assert results(found) == results(whole[1])
    statuses = [run.info.status for run in open_store().search_runs([experiment_id(open_store(), "attribution")])]
    assert set(statuses) <= {"FINISHED", "KILLED"} and statuses.count("FINISHED") == 1 + TRIALS + 1


def test_what_a_kill_left_open_is_closed(folder: Path) -> None:
    config = small(folder / "articles.jsonl")
    found = tune(config, trials=1, space=folder / "space.yaml")
    open_store()
    with mlflow.start_run(run_id=found.run_id):
        client = mlflow.MlflowClient()
        left = client.create_run(experiment_id(client, "attribution"), tags={"mlflow.parentRunId": found.run_id})
    tune(config, trials=1, space=folder / "space.yaml")
    assert client.get_run(left.info.run_id).info.status == "KILLED"
    client.delete_run(found.run_id)
    with pytest.raises(ResearchError, match=r"its run \w+ is not in .*\(it was deleted\); give another --name"):
        tune(config, trials=1, space=folder / "space.yaml")


def test_leaking_train_is_refused_or_dropped_as_in_training(folder: Path) -> None:
    file = folder / "articles.jsonl"
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    lines[-1] |= {"text": lines[0]["text"], "sentences": lines[0]["sentences"]}
    file.write_text("\n".join(map(json.dumps, lines)))
    with pytest.raises(ResearchError, match="stand in two splits"):
        tune(small(file), trials=1, space=folder / "space.yaml")
    config = run_config(model="tfidf-logreg", dataset=str(file), folds=2, seed=1, drop_leaks=True, assignments=KEYS)
    score = tune(config, trials=1, space=folder / "space.yaml").default.score
    assert score and score.articles == 15


def test_without_folds_there_is_nothing_to_go_by(folder: Path) -> None:
    with pytest.raises(ResearchError, match=r"train\.folds: a study needs 2 or more \(found 0\)"):
        tune(run_config(dataset=str(folder / "articles.jsonl"), folds=0), trials=1)


def test_places_that_cannot_be_written_are_one_line(folder: Path) -> None:
    config, out = small(folder / "articles.jsonl"), folder / "found.yaml"

    def take_the_place(step: str, done: int, total: int) -> None:
        if step.startswith("done"):
            out.mkdir()

    with pytest.raises(ResearchError, match=r"--out .*found\.yaml: Is a directory; the same command"):
        tune(config, trials=1, space=folder / "space.yaml", out=out, progress=take_the_place)
    with pytest.raises(ResearchError, match=r"--name x+: cannot lock the study: File name too long"):
        tune(config, trials=1, name="x" * 300)


def test_other_settings_are_refused(folder: Path) -> None:
    articles = folder / "articles.jsonl"
    tune(small(articles), trials=1, space=folder / "space.yaml", name="one")
    (folder / "space.yaml").write_text("model.c: [1, 2]\n")
    with pytest.raises(ResearchError, match=r"study 'one' was made with another space of model\.c"):
        tune(small(articles), trials=1, space=folder / "space.yaml", name="one")
    with (
        FileLock("optuna.db.two.lock"),
        pytest.raises(ResearchError, match="study 'two' is running in another process"),
    ):
        tune(small(articles), trials=1, name="two")


def test_config_that_cannot_be_trained_is_a_failed_trial(folder: Path) -> None:
    (folder / "space.yaml").write_text("model.features.min_count: [900, 1]\n")
    found = tune(small(folder / "articles.jsonl"), trials=4, space=folder / "space.yaml")
    failed = [t for t in found.trials if t.state == "failed"]
    assert failed and all(t.values == {"model.features.min_count": 900} for t in failed)
    assert "nothing is left to learn from" in str(failed[0].problem)


# --- the space ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model.d: [1, 2]", "s.yaml: model.d: unknown key; known: model."),
        ("train.seed: [1, 2]", "s.yaml: train.seed: unknown key"),
        ("model.c: 3", "s.yaml: model.c: expected a list of values, or low and high (found 3)"),
        ("model.c: [3]", "s.yaml: model.c: expected two or more different values"),
        ("model.c: {low: 1}", "s.yaml: model.c: high: key is missing"),
        ("model.c: {low: 1, high: 1}", "s.yaml: model.c: high: expected more than low (found 1)"),
        ("model.c: {low: 0, high: 1, log: true}", "s.yaml: model.c: log: expected false, or a low above 0"),
        ("model.c: {low: 1, high: 2, step: 1}", "s.yaml: model.c: step: unknown key; known: low, high, log"),
        ("model.c: {low: -1, high: 2}", "s.yaml: model.c: should be greater than 0 (found -1"),
        ("model.class_weight: [balanced, heavy]", "s.yaml: model.class_weight: 'heavy' is unknown; known: balanced"),
        ("model.class_weight: {low: 1, high: 2}", "s.yaml: model.class_weight: is no number; expected a list"),
        ("model.features.min_count: {low: 1.5, high: 2}", "s.yaml: model.features.min_count: expected whole numbers"),
        ("model.features.word_ngrams: [[1, 2], [3, 1]]", "s.yaml: model.features.word_ngrams: expected [shortest"),
    ],
)
def test_wrong_space_is_one_line(text: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("s.yaml").write_text(text)
    with pytest.raises(ResearchError) as error:
        read_space(Path("s.yaml"), run_config(model="tfidf-svm"))
    assert str(error.value).startswith(message) and "\n" not in str(error.value)


def test_default_space_leaves_out_what_has_no_effect() -> None:
    whole = set(default_space(run_config(model="tfidf-svm")))
    hashed = set(default_space(run_config(model="tfidf-svm", assignments=["model.features.buckets=1024"])))
    wordless = set(default_space(run_config(model="tfidf-svm", assignments=["model.features.words=false"])))
    assert whole - hashed == {"model.features.min_count"}
    assert whole - wordless == {"model.features.word_ngrams"}
    with pytest.raises(ResearchError, match="model 'cues' has no search space of its own"):
        default_space(run_config(model="cues"))


@pytest.mark.parametrize("kind", ["tfidf-logreg", "tfidf-svm"])
def test_default_spaces_are_valid(kind: str, tmp_path: Path) -> None:
    config = run_config(model=kind)
    space = default_space(config)
    written = {k: list(v) if isinstance(v, tuple) else v.model_dump() for k, v in space.items()}
    (tmp_path / "space.yaml").write_text(yaml.safe_dump(written))
    assert read_space(tmp_path / "space.yaml", config) == space


# --- the command ----------------------------------------------------------------------------------------------


def test_command(folder: Path) -> None:
    common = "tune --model tfidf-logreg --dataset articles.jsonl --folds 2 --trials 1 --set scoring.draws=100".split()
    table = CliRunner().invoke(app, common)
    assert table.exit_code == 0, table.output
    assert (
        "at most 4 fits" in table.stderr
        and "best trial - default" in table.stdout
        and "kind: tfidf-logreg" in table.stdout
    )
    found = CliRunner().invoke(app, [*common, "--format", "json", "--out", "found.yaml"])
    (record,) = json.loads(found.stdout)
    assert record["model"] == yaml.safe_load(Path("found.yaml").read_text())
    Path("mine.yaml").write_text("kind: tfidf-svm\n")
    refused = CliRunner().invoke(app, [*common, "--out", "mine.yaml"])
    assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1) and "not a found recipe" in refused.stderr


def test_without_optuna_one_line_says_how_to_install() -> None:
    code = "import sys; sys.modules['optuna'] = None; from research.cli import app; app(['tune'])"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.returncode == 2
    assert ended.stderr == "error: `research tune` needs Optuna (the extra 'tune'): pip install 'optuna>=4,<5'\n"
