"""Export to ONNX: what is checked, what is refused, and that the exported model runs without PyTorch."""

import json
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from research.cli import app
from research.config import Blend, Majority, Shipped, TfidfLogreg, Transformer
from research.datasets import load_dataset
from research.models import create
from research.models.blend import BlendModel
from research.models.checkpoint import Checkpoint, Export
from research.models.transformer import TransformerModel
from research.records import TASKS, Example, ResearchError, examples_for
from research.workflows.registry import log_checkpoint
from research.workflows.tracking import NOTE, open_store, tracked_run
from research.workflows.train import text_digest

pytestmark = [
    pytest.mark.transformers,
    pytest.mark.skipif(find_spec("onnx") is None or find_spec("onnxruntime") is None, reason="needs the extra onnx"),
]
ATTRIBUTION = TASKS["attribution"]


@pytest.fixture(scope="module")
def trained(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a transformer model after one epoch of large steps on six articles; it decides both ways."""
    values = {"pretrained": str(tiny_encoder), "max_tokens": 96, "context_tokens": 16, "precision": "fp32"}
    steps = {"epochs": 1, "batch_tokens": 96, "learning_rate": 0.01, "head_learning_rate": 0.1}
    config = Transformer.model_validate(values | steps)
    model = TransformerModel(config, ATTRIBUTION, seed=1)
    examples = list(examples_for(ATTRIBUTION, load_dataset(Shipped()).articles("train")[:6]))
    model.fit(examples)
    thresholds = tuple(np.quantile(model.predict_proba(examples), 0.6, axis=0).tolist())
    trained_on = {"dataset": "shipped", "revision": "0", "texts": [text_digest(e.article) for e in examples]}
    folder = tmp_path_factory.mktemp("trained") / "checkpoint"
    Checkpoint(model, config, ATTRIBUTION, thresholds, trained_on).save(folder)
    return folder


@pytest.fixture(scope="module")
def exported(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(trained, tmp_path_factory.mktemp("exported") / "onnx")


def export(model: Path, to: Path, **keys: object) -> Path:
    from research.workflows.export import export as run

    return run(str(model), to=to, **keys).folder  # type: ignore[arg-type]


def some_examples() -> list[Example]:
    return list(examples_for(ATTRIBUTION, load_dataset(Shipped()).articles("test")[:8]))


def told(folder: Path) -> Export:
    return Export.model_validate(json.loads((folder / "checkpoint.json").read_text())["export"])


def test_graph_gives_what_pytorch_gives(trained: Path, exported: Path) -> None:
    models = [Checkpoint.load(folder).model for folder in (trained, exported)]
    before, after = (model.pooled(some_examples()) for model in models if isinstance(model, TransformerModel))
    assert 0 < np.abs(after - before).max() < 1e-3
    before, after = (model.predict_proba(some_examples()) for model in models)
    assert np.abs(after - before).max() < 1e-3 < np.ptp(before, axis=0).min()
    assert not (exported / "encoder").exists()
    found = told(exported)
    assert (found.format, found.rounding, found.label_agreement) == ("onnx", "none", 1.0)
    assert found.macro_f1_before == found.macro_f1_after
    assert found.n == sum(len(a.sentences) for a in load_dataset(Shipped()).articles("dev"))


@pytest.mark.parametrize("rounding", ["channels", "blocks"])
def test_both_roundings_stay_near(exported: Path, tmp_path: Path, rounding: str) -> None:
    from research.models.encoder.onnx import INT8, OnnxRuntime, quantize

    quantize(exported / "model.onnx", tmp_path / INT8, rounding)  # type: ignore[arg-type]
    assert (tmp_path / INT8).stat().st_size < (exported / "model.onnx").stat().st_size
    model = Checkpoint.load(exported).model
    assert isinstance(model, TransformerModel)
    exact = model.pooled(some_examples())
    model.runtime = OnnxRuntime(tmp_path / INT8)
    rounded = model.pooled(some_examples())
    assert 1e-5 < np.linalg.norm(rounded - exact) / np.linalg.norm(exact) < 0.1


def test_int8_reports_what_it_costs(trained: Path, tmp_path: Path) -> None:
    folder = export(trained, tmp_path / "int8", int8=True, loss=-1.0, force=True)
    again = Checkpoint.load(folder)
    found = told(folder)
    assert again.export == found
    assert (found.format, found.rounding) == ("onnx-int8", "blocks")  # after the faster one was not good enough
    assert 1e-4 < found.difference < 0.2
    dev = list(examples_for(ATTRIBUTION, load_dataset(Shipped()).articles("dev")))
    pairs = zip(again.predict(dev), Checkpoint.load(trained).predict(dev), strict=True)
    assert np.mean([a.labels == b.labels for a, b in pairs]) == found.label_agreement


def test_refused(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(ResearchError, match=r"ONNX differs from PyTorch by .*, allowed 0"):
        export(trained, tmp_path / "a", tolerance=0.0)
    with pytest.raises(ResearchError, match=r"8 bits cost .* of macro-F1 .*; export without --int8, or with --force"):
        export(trained, tmp_path / "a", int8=True, loss=-1.0)
    assert not (tmp_path / "a").exists()


def test_the_transformers_of_a_blend_are_exported(trained: Path, tmp_path: Path) -> None:
    one, other = (Checkpoint.load(trained) for _ in range(2))
    linear = create(TfidfLogreg(), ATTRIBUTION)
    linear.fit(some_examples()[:4])
    config = Blend.model_validate({"parts": [one.config, TfidfLogreg(), other.config]})
    blend = BlendModel.of(config, ATTRIBUTION, [one.model, linear, other.model], [None] * 3)
    Checkpoint(blend, config, ATTRIBUTION, (0.5,) * 3, one.trained_on).save(tmp_path / "blend")
    folder = export(tmp_path / "blend", tmp_path / "onnx", int8=True, force=True)
    assert sorted(f.name for f in folder.rglob("*.onnx")) == ["model.int8.onnx"] * 2
    before, after = (Checkpoint.load(f).model.predict_proba(some_examples()) for f in (tmp_path / "blend", folder))
    assert 0 < np.abs(before - after).max() < 0.2


def test_what_cannot_be_exported(trained: Path, exported: Path, tmp_path: Path) -> None:
    majority = tmp_path / "majority"
    model = create(Majority(), ATTRIBUTION)
    model.fit(some_examples())
    Checkpoint(model, Majority(), ATTRIBUTION, (0.5, 0.5, 0.5)).save(majority)
    with pytest.raises(ResearchError, match="a model of kind 'majority'; only those of kind 'transformer'"):
        export(majority, tmp_path / "to")
    with pytest.raises(ResearchError, match="exported already"):
        export(exported, tmp_path / "to")
    with pytest.raises(ResearchError, match="the model itself"):
        export(trained, trained)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").touch()
    with pytest.raises(ResearchError, match="holds something that is not a model"):
        export(trained, tmp_path / "full")


def test_classify_imports_no_torch(trained: Path, exported: Path) -> None:
    code = (
        "import sys; from research.cli import app; app(sys.argv[1:], standalone_mode=False); "
        "print(sorted({'torch', 'transformers', 'onnxruntime'} & set(sys.modules)), file=sys.stderr)"
    )
    sample = Path(__file__).parent.parent / "docs/sample-article.txt"
    args = [sys.executable, "-c", code, "classify", str(sample), "--format", "jsonl", "--model"]
    with_onnx = subprocess.run([*args, str(exported)], capture_output=True, text=True, check=True)
    assert with_onnx.stderr.splitlines()[-1] == "['onnxruntime']"
    with_torch = subprocess.run([*args, str(trained)], capture_output=True, text=True, check=True)
    assert with_torch.stderr.splitlines()[-1] == "['torch', 'transformers']"
    labels = [[s["labels"] for s in json.loads(done.stdout)["sentences"]] for done in (with_onnx, with_torch)]
    assert labels[0] == labels[1]


def test_damaged_graph_is_one_line(exported: Path, tmp_path: Path) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(exported, folder)
    graph = folder / "model.onnx"
    graph.write_bytes(bytes(graph.stat().st_size))
    with pytest.raises(ResearchError, match=r"cannot be read as a model 'transformer': .*model\.onnx") as caught:
        Checkpoint.load(folder)
    assert "\n" not in str(caught.value)
    graph.write_bytes(b"short")
    with pytest.raises(ResearchError, match=r"model\.onnx: 5 bytes, expected \d+; the file is damaged"):
        Checkpoint.load(folder)


def test_run_keeps_what_was_exported(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with tracked_run("attribution", "tiny", {}) as run:
        log_checkpoint(trained, ATTRIBUTION, {})
    done = CliRunner().invoke(app, ["export", "tiny", "--format", "onnx"])
    assert (done.exit_code, done.stdout) == (0, "exports/tiny-onnx\n"), done.stderr
    client = open_store()
    kept = client.download_artifacts(run.info.run_id, "export/onnx", str(tmp_path))
    assert Checkpoint.load(Path(kept)).export == told(Path("exports/tiny-onnx"))
    assert "research classify FILE --model export/onnx" in client.get_run(run.info.run_id).data.tags[NOTE]
