"""The run store: what a run leaves in it, how it ends, two first starts at once, the UI and the served model."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import pytest

from research.config import run_config
from research.records import ResearchError, Score
from research.workflows.results import headline, log_scores
from research.workflows.tracking import add_note, experiment_id, open_store, shared_view, tracked_run
from research.workflows.train import TrainResult, train
from research.workflows.ui import serve_ui, ui_address

CONFIG = run_config(model="cues", dataset="shipped", seed=3, assignments=["scoring.draws=100"])
VIEW_TAG = "mlflow.sharedViewState.leaderboard"


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with its tables made: that takes seconds, a copy none."""
    folder = tmp_path_factory.mktemp("store")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
        open_store()
    return str(folder / "mlflow.db")


@pytest.fixture
def store(empty_store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "mlflow.db").write_bytes(Path(empty_store).read_bytes())
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    return open_store()


@pytest.fixture(scope="module")
def trained(empty_store: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, TrainResult]]:
    """One small training in a store of its own."""
    database = tmp_path_factory.mktemp("trained") / "mlflow.db"
    database.write_bytes(Path(empty_store).read_bytes())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{database}")
        client = open_store()
        yield client, train(CONFIG, experiment="001-baselines")


def artifacts(client: Any, run_id: str, folder: str | None = None) -> set[str]:
    found = client.list_artifacts(run_id, folder)
    return {f for a in found for f in (artifacts(client, run_id, a.path) if a.is_dir else {a.path})}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answer(process: subprocess.Popen[str], url: str, body: bytes | None = None) -> str:
    """What `url` answers once the server is up."""
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    for _ in range(300):
        assert process.poll() is None, "the server ended"
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return str(response.read().decode())
        except urllib.error.URLError:
            time.sleep(0.2)
    raise AssertionError(f"no answer from {url}")


# --- how a run ends -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "status"),
    [(None, "FINISHED"), (ValueError, "FAILED"), (SystemExit, "FAILED"), (KeyboardInterrupt, "KILLED")],
)
def test_status(store: Any, error: type[BaseException] | None, status: str) -> None:
    def work() -> str:
        with tracked_run("attribution", "a-run", {"dataset": "none"}) as run:
            if error:
                raise error
        return str(run.info.run_id)

    if error:
        with pytest.raises(error):
            work()
    else:
        work()
    (run,) = store.search_runs([experiment_id(store, "attribution")])
    assert (run.info.status, run.info.run_name, run.data.tags["dataset"]) == (status, "a-run", "none")
    assert mlflow.active_run() is None


def test_sigterm_kills_the_run_and_the_handler_goes(store: Any) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), tracked_run("primary", "a-run", {}):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
    (run,) = store.search_runs([experiment_id(store, "primary")])
    assert run.info.status == "KILLED"
    assert signal.getsignal(signal.SIGTERM) == before


# --- what a run leaves ----------------------------------------------------------------------------------------


def test_names_and_tags(trained: tuple[Any, TrainResult]) -> None:
    client, result = trained
    run = client.get_run(result.run_id)
    assert client.get_experiment(run.info.experiment_id).name == "attribution"
    assert run.info.run_name == result.run_name == "cues-shipped-s3"
    tags = run.data.tags
    assert tags["experiment"] == "001-baselines"
    assert len(tags["dataset_revision"]) == len(tags["config_digest"]) == 12
    assert len(tags["mlflow.source.git.commit"]) == 40 and tags["git_dirty"] in ("true", "false")


def test_metrics(trained: tuple[Any, TrainResult]) -> None:
    client, result = trained
    metrics = client.get_run(result.run_id).data.metrics
    for split, scores in result.scores.items():
        by_name = {one.metric: one for one in scores}
        for name, one in by_name.items():
            assert metrics[f"{split}/{name}"] == one.value
        for name in ("macro_f1", "denial/f1"):
            assert metrics[f"{split}/{name}_low"] == by_name[name].low
            assert metrics[f"{split}/{name}_high"] == by_name[name].high
        assert metrics[f"{split}/macro_f1_floor"] == result.floors[split]
        assert metrics[f"{split}/articles"] == by_name["macro_f1"].articles
    assert set(result.scores) == {"cv", "dev", "test"}
    assert {"cost/train_seconds", "cost/predict_per_second", "cost/model_mb"} <= metrics.keys()
    assert not any(name.endswith("/recall_low") for name in metrics), "each metric is a chart"


def test_parameters_inputs_artifacts(trained: tuple[Any, TrainResult], tmp_path: Path) -> None:
    client, result = trained
    run = client.get_run(result.run_id)
    assert {"model.kind": "cues", "dataset.kind": "shipped", "train.seed": "3"}.items() <= run.data.params.items()
    inputs = {i.dataset.name: i.dataset for i in run.inputs.dataset_inputs}
    assert set(inputs) == {"shipped:train", "shipped:dev", "shipped:test"}
    assert {i.digest for i in inputs.values()} == {run.data.tags["dataset_revision"]}
    assert json.loads(inputs["shipped:test"].profile)["num_rows"] == 27
    per_split = {f"{kind}/{s}" for s in ("cv", "dev", "test") for kind in ("gold", "predictions", "scores", "figures")}
    found = artifacts(client, result.run_id)
    assert "config.yaml" in found
    assert {str(Path(f).with_suffix("")) for f in found if f.count("/") == 1} | {
        str(Path(f).parent) for f in found if f.count("/") == 2
    } == per_split
    table = json.loads(Path(client.download_artifacts(result.run_id, "scores/test.json", str(tmp_path))).read_text())
    assert table["columns"] == ["metric", "value", "low", "high", "n", "articles"]
    assert [row[0] for row in table["data"]] == [one.metric for one in result.scores["test"]]
    assert client.search_logged_models([run.info.experiment_id])[0].source_run_id == result.run_id


def test_note_begins_with_test_and_ends_with_the_command(trained: tuple[Any, TrainResult]) -> None:
    client, result = trained
    note = client.get_run(result.run_id).data.tags["mlflow.note.content"]
    assert [line[:5] for line in note.splitlines() if line.startswith("**")] == ["**tes", "**dev", "**cv*"]
    assert note.endswith("research train --config config.yaml")
    assert "`cues` for attribution, trained on shipped (" in note and f"classify FILE --model {result.run_id}" in note


def test_the_logged_config_is_the_config(trained: tuple[Any, TrainResult], tmp_path: Path) -> None:
    client, result = trained
    file = Path(client.download_artifacts(result.run_id, "config.yaml", str(tmp_path)))
    assert run_config(file=file) == CONFIG


def test_scores_without_interval_or_value(store: Any) -> None:
    scores = [Score("macro_f1", 0.5, n=4, articles=2), Score("denial/f1", float("nan")), Score("ece", 0.1, 0.0, 0.2)]
    with tracked_run("attribution", "a-run", {}) as run:
        log_scores("dev", scores, 0.25)
        add_note("first")
        add_note("second")
    data = store.get_run(run.info.run_id).data
    expected = {"dev/macro_f1": 0.5, "dev/macro_f1_floor": 0.25, "dev/rows": 4, "dev/articles": 2, "dev/ece": 0.1}
    assert data.metrics == expected
    assert data.tags["mlflow.note.content"] == "second\n\nfirst"
    line = headline("dev", [Score("macro_f1", 0.5, 0.4, 0.61, 4, 2), Score("denial/f1", 0.25)], 0.25)
    assert line == "**dev**: macro_f1 0.500 (0.400 to 0.610), floor 0.250; denial/f1 0.250; 4 rows of 2 articles"


# --- the store ------------------------------------------------------------------------------------------------


def test_the_view_comes_to_experiments_made_before_it(store: Any) -> None:
    old = store.create_experiment("primary")
    assert experiment_id(store, "primary") == old
    view = json.loads(store.get_experiment(old).tags[VIEW_TAG])
    assert view == shared_view("primary")
    assert "metrics.`test/macro_f1`" in view["selectedColumns"] and view["orderByKey"] == "metrics.`test/macro_f1`"
    for task in ("attribution", "primary", "stance"):
        assert len(json.dumps(shared_view(task), separators=(",", ":"))) < 5000, "the longest tag that MLflow takes"


def test_a_relative_sqlite_address(store: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///mlflow.db")
    location = store.get_experiment(experiment_id(open_store(), "attribution")).artifact_location
    assert location == (tmp_path / "mlartifacts").as_uri()


def test_a_deleted_experiment_and_a_store_that_is_none(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    store.delete_experiment(experiment_id(store, "attribution"))
    with pytest.raises(ResearchError, match="mlflow experiments restore --experiment-id 1"):
        experiment_id(store, "attribution")
    Path("text.db").write_text("no database")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///text.db")
    with pytest.raises(ResearchError, match=r"cannot open the run store sqlite:///text\.db: .*[^\n]$"):
        open_store()


def test_three_first_starts_at_once(tmp_path: Path) -> None:
    code = """
import os, sys
import mlflow
from research.workflows.tracking import tracked_run

def start():
    if child := os.fork():
        return child
    with tracked_run("attribution", "a-run", {}):
        pass
    os._exit(0)

sys.exit(sum(os.waitpid(child, 0)[1] for child in [start() for _ in range(3)]))
"""
    environment = {k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True, timeout=120)
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    assert [run.info.status for run in client.search_runs(["1"])] == ["FINISHED"] * 3


# --- the UI ---------------------------------------------------------------------------------------------------


def test_the_address_leads_to_the_task_that_ran_last(store: Any) -> None:
    port = free_port()
    page = (
        f"http://127.0.0.1:{port}/#/experiments/{{}}/runs?viewStateShareKey=leaderboard&workflowType=machine_learning"
    )
    assert ui_address(port) == page.format(experiment_id(store, "attribution"))
    with tracked_run("primary", "a-run", {}):
        pass
    assert ui_address(port) == page.format(experiment_id(store, "primary"))
    with tracked_run("attribution", "a-run", {}):
        pass
    assert ui_address(port) == page.format(experiment_id(store, "attribution"))


def test_a_port_that_cannot_be_used(store: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ResearchError, match="in use; choose another"):
            ui_address(taken.getsockname()[1])
    with pytest.raises(ResearchError, match="--port 70000: "):
        ui_address(70000)


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_the_ui_answers_and_ends_without_traceback(store: Any, monkeypatch: pytest.MonkeyPatch, end: int) -> None:
    port = free_port()
    command = [sys.executable, "-c", "from research.cli import app; app()", "ui", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        address = f"http://127.0.0.1:{port}"
        assert answer(process, f"{address}/health") == "OK"
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"{address}/")
        assert ui_address(5000).startswith(f"{address}/#/experiments/")
        assert serve_ui(5000) == 0
        process.send_signal(end)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, "")
    assert "Traceback" not in err and f"open {address}/#/experiments/" in err
    with pytest.raises(OSError):
        urllib.request.urlopen(f"{address}/health", timeout=5)


@pytest.mark.slow
def test_a_served_model_answers(trained: tuple[Any, TrainResult]) -> None:
    _, result = trained
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", f"runs:/{result.run_id}/model"]
    command += ["--env-manager", "local", "--port", str(port)]
    body = {"dataframe_records": [{"text": "The ministry denied the report. It rained in the capital all day."}]}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # MLflow calls uvicorn by its bare name
    options: dict[str, Any] = {"env": {**os.environ, "PATH": path}, "start_new_session": True}
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, text=True, **options) as process:
        try:
            answer(process, f"http://127.0.0.1:{port}/ping")
            found = json.loads(answer(process, f"http://127.0.0.1:{port}/invocations", json.dumps(body).encode()))
        finally:
            os.killpg(process.pid, signal.SIGTERM)
    first, second = found["predictions"]
    assert (first["row"], first["text"]) == (0, "The ministry denied the report.")
    assert "denial" in first["labels"] and first["denial"] > second["denial"]
    assert (second["labels"], second["start"]) == ("", 32)
