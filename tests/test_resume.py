"""An interrupted training: killed in the middle of an epoch it goes on to the very weights of an undisturbed one."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from research.articles import article_to_json
from research.cli import app
from research.config import Shipped
from research.datasets import load_dataset
from research.workflows.tracking import open_store
from research.workflows.train import STATES, locked

pytestmark = pytest.mark.transformers

# Training whose state is kept after each step until the one in which the process ends itself, two steps later.
DYING = """
import os
from research.cli import app
from research.models.encoder import training

training.STATE_EVERY = 0
step = training.Trainer._step

def dying(self, batches, done, course, *rest):
    if course.epoch == 1 and course.batch >= 2:
        training.STATE_EVERY = 1e9
    if course.epoch == 1 and course.batch >= 6:
        os.kill(os.getpid(), {signal})
    step(self, batches, done, course, *rest)

training.Trainer._step = dying
app()
"""


@pytest.fixture(scope="module")
def arguments(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    file = tmp_path_factory.mktemp("articles") / "six.jsonl"
    found = load_dataset(Shipped())
    chosen = [(split, a) for split, n in (("train", 6), ("dev", 1)) for a in found.articles(split)[:n]]
    lines = [{k: v for k, v in article_to_json(a).items() if k != "event"} | {"split": split} for split, a in chosen]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    keys = {
        "pretrained": tiny_encoder,
        "max_tokens": 96,
        "context_tokens": 16,
        "batch_tokens": 256,
        "accumulate": 2,
        "epochs": 3,
        "patience": 3,
        "dropout": 0.1,
    }
    settings = [f"--set=model.{key}={value}" for key, value in keys.items()]
    return ["train", "--model=transformer", f"--dataset={file}", "--set=scoring.draws=100", *settings]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The working directory, with a store of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.chdir(tmp_path_factory.mktemp("runs"))
        yield Path.cwd()


@pytest.fixture(scope="module")
def undisturbed(folder: Path, arguments: list[str]) -> Path:
    result = research(*arguments, f"--save={folder / 'undisturbed'}")
    assert result.exit_code == 0, result.stderr
    assert any(line.endswith(" tokens, 0 dropped") for line in result.stderr.splitlines())
    assert any("train, batch 1/" in line for line in result.stderr.splitlines())
    assert not (folder / STATES).exists() or not any((folder / STATES).iterdir())
    return folder / "undisturbed"


def research(*arguments: str) -> Result:
    result = CliRunner().invoke(app, arguments)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def dies(folder: Path, arguments: list[str], by: signal.Signals) -> tuple[int, str]:
    """The exit status of a training that dies, and the id of its run."""
    code = DYING.format(signal=by.value)
    status = subprocess.run([sys.executable, "-c", code, *arguments], cwd=folder, capture_output=True).returncode
    (left,) = (folder / STATES).iterdir()
    return status, left.name


def curves(run_id: str) -> dict[str, list[tuple[int, float]]]:
    """What every epoch came to: the weights kept may be those of one before the kill."""
    return {
        name: [(m.step, m.value) for m in open_store().get_metric_history(run_id, f"epoch/{name}")]
        for name in ("loss", "held_out_score", "best_held_out_score")
    }


def weights(folder: Path) -> dict[str, bytes]:
    files = {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}
    assert any(name.endswith("model.safetensors") for name in files)
    return files


def test_killed_and_resumed_is_as_never_disturbed(folder: Path, arguments: list[str], undisturbed: Path) -> None:
    status, run_id = dies(folder, arguments, signal.SIGKILL)
    assert status == -signal.SIGKILL and open_store().get_run(run_id).info.status == "RUNNING"
    kept = folder / STATES / run_id / "whole"
    assert [f.name for f in kept.iterdir()] == ["training.pt"]
    with locked(folder / STATES / run_id):
        busy = research("train", "--resume", run_id)
    assert busy.exit_code == 2 and busy.stderr == f"error: run {run_id}: another process is training it\n"
    assert open_store().get_run(run_id).info.status == "RUNNING"
    open_store().update_run(run_id, name="mine")
    result = research("train", "--resume", run_id, f"--save={folder / 'resumed'}")
    assert result.exit_code == 0, result.stderr
    assert weights(folder / "resumed") == weights(undisturbed)
    run = open_store().get_run(run_id)
    assert (run.info.status, run.info.run_name) == ("FINISHED", "mine") and not kept.exists()
    first = open_store().search_runs(["1"], order_by=["attributes.start_time ASC"])[0].info.run_id
    assert [epoch for epoch, _ in curves(first)["loss"]] == [1, 2, 3]
    assert curves(run_id) == curves(first)
    assert run.data.metrics["cost/tokens_dropped"] == 0 < run.data.metrics["cost/tokens_read"]
    assert run.data.metrics["cost/train_seconds"] > run.data.metrics["epoch/seconds"] > 0
    assert research("train", "--resume", run_id).stderr == (
        f"error: --resume {run_id}: the run is finished; see `research runs`\n"
    )


@pytest.mark.slow
def test_ended_by_sigterm_the_run_is_killed_and_goes_on(folder: Path, arguments: list[str], undisturbed: Path) -> None:
    status, run_id = dies(folder, arguments, signal.SIGTERM)
    assert status == 130 and open_store().get_run(run_id).info.status == "KILLED"
    result = research("train", "--resume", run_id[:12], f"--save={folder / 'ended'}")
    assert result.exit_code == 0, result.stderr
    assert weights(folder / "ended") == weights(undisturbed)


def test_what_cannot_be_resumed(folder: Path, undisturbed: Path) -> None:
    wrong = research("train", "--resume", "nothing")
    assert wrong.exit_code == 2 and wrong.stderr.startswith("error: no run or model folder 'nothing' in ")
    mixed = research("train", "--resume", "nothing", "--seed", "0", "--set", "model.c=1", "--drop-leaks")
    assert mixed.stderr == (
        "error: --resume goes on with the config of the run; leave out --seed, --drop-leaks, --set\n"
    )


def test_other_data_are_not_gone_on_with(folder: Path, arguments: list[str], undisturbed: Path, tmp_path: Path) -> None:
    (data,) = (a for a in arguments if a.startswith("--dataset="))
    lines = Path(data.partition("=")[2]).read_text().splitlines(keepends=True)
    file = tmp_path / "other.jsonl"
    file.write_text("".join(lines))
    bad = ["--set=model.pretrained=./nowhere"]  # fails at once, and leaves an interrupted run
    failed = research(*[f"--dataset={file}" if a == data else a for a in arguments], *bad)
    assert failed.exit_code == 2, failed.stderr
    file.write_text("".join(lines[1:]))
    result = research("train", "--resume", "transformer-other-s0")
    assert result.exit_code == 2 and "the run began with revision" in result.stderr


@pytest.mark.slow
def test_two_processes_train_one_run(folder: Path, arguments: list[str], undisturbed: Path) -> None:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", "--standalone"]
    command = [*launcher, "--no-python", sys.executable, "-c", "from research.cli import app; app()"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    found = subprocess.run(
        [*command, *arguments, "--seed=9", "--format=json"], cwd=folder, capture_output=True, env=environment
    )
    assert found.returncode == 0, found.stderr[-2000:]
    (run_id,) = {row["run_id"] for row in json.loads(found.stdout)}  # one answer
    runs = open_store().search_runs(["1"], filter_string="attributes.run_name LIKE '%-s9'")
    assert [run.info.run_id for run in runs] == [run_id]
