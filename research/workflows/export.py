"""A transformer model, or a blend with one, as a folder that ONNX Runtime runs, checked against PyTorch before it is
written.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from research.config import Shipped, dataset_config
from research.datasets import Dataset, load_dataset
from research.models.blend import BlendModel
from research.models.calibration import calibrated
from research.models.cascade import CascadeModel
from research.models.checkpoint import Checkpoint, Export, is_checkpoint, prediction_rows
from research.models.decision import decide
from research.models.encoder.onnx import FP32, INT8, OPSET, OnnxRuntime, Rounding, export_encoder, quantize
from research.models.encoder.runtime import Runtime, TorchRuntime
from research.models.protocol import Gold, Model, Probabilities
from research.models.transformer import TransformerModel
from research.records import Example, ResearchError, gold_rows
from research.scoring import join, score
from research.workflows.folds import Progress
from research.workflows.registry import load_model
from research.workflows.tracking import append_note, open_store
from research.workflows.train import annotated, text_digest

FOLDER = Path("exports")
TOLERANCE = 1e-3  # of the 32-bit graph: hidden states and probabilities
LOSS = 0.01  # of macro-F1 that 8 bits may cost
SAMPLE = 20  # examples whose vectors are compared; of all of them the probabilities are
AGREEMENT = 0.96  # of rows, below which the more careful rounding is tried


@dataclass(frozen=True)
class Exported:
    """`run_id` is empty where the model came from a folder."""

    folder: Path
    export: Export
    run_id: str


@dataclass(frozen=True)
class Answer:
    """What a model says of some rows: probabilities and decisions (n, labels), and of some of them what each encoder
    makes of them, (rows, 2H)."""

    pooled: list[NDArray[np.float32]]
    probabilities: Probabilities
    decided: Gold
    macro_f1: float


def export(
    reference: str,
    *,
    int8: bool = False,
    to: Path | None = None,
    force: bool = False,
    tolerance: float = TOLERANCE,
    loss: float = LOSS,
    progress: Progress = lambda *_: None,
) -> Exported:
    """Write the model `reference` to the folder `to` as ONNX, with `int8` in 8 bits; of a run, into the run as well.

    ResearchError when there is no transformer in it, when the 32-bit graph differs from PyTorch by more than
    `tolerance` on real sentences, or when 8 bits cost more than `loss` of macro-F1 on articles that it has not seen
    (unless `force`).
    """
    missing = [name for name in ("onnx", "onnxruntime", "onnxscript") if find_spec(name) is None]
    if missing:
        raise ResearchError(f"export needs {', '.join(missing)}: pip install 'stance-attribution[onnx]'")
    checkpoint, origin = load_model(reference)
    parts = transformer_parts(checkpoint.model)
    if not parts:
        kind = checkpoint.config.model_dump()["kind"]
        raise ResearchError(
            f"{reference}: a model of kind '{kind}'; only those of kind 'transformer' are exported, and blends of them"
        )
    encoders = [part.runtime.encoder for part in parts if isinstance(part.runtime, TorchRuntime)]
    if len(encoders) < len(parts):
        raise ResearchError(f"{reference}: exported already; name the model that it was made from")
    form = "onnx-int8" if int8 else "onnx"
    folder = to or FOLDER / f"{origin['name'].replace('/', '-')}-{form}"
    _check_free(folder, reference)
    unseen, others = real_examples(checkpoint)
    with TemporaryDirectory() as scratch:
        progress("judge with PyTorch", 0, 1)
        before = _answer(checkpoint, [TorchRuntime(encoder, half=False) for encoder in encoders], unseen, others)
        graphs = [Path(scratch, str(i), FP32) for i in range(len(parts))]
        for i, graph in enumerate(graphs):
            progress("export", i, len(graphs))
            graph.parent.mkdir()
            _write(graph, parts[i], encoders[i], reference)
        progress("judge with ONNX", 0, 1)
        after = _answer(checkpoint, [OnnxRuntime(graph) for graph in graphs], unseen, others)
        found = _compare(before, after, sum(len(e.spans) for e in unseen))
        gaps = [float(np.abs(a - b).max()) for a, b in zip(after.pooled, before.pooled, strict=True)]
        if not (worst := max(found.difference, *gaps)) <= tolerance:
            raise ResearchError(f"{reference}: ONNX differs from PyTorch by {worst:.2g}, allowed {tolerance:g}")
        if int8:
            for rounding in get_args(Rounding):  # the fastest first
                progress(f"judge with 8 bits, {rounding}", 0, 1)
                for graph in graphs:
                    quantize(graph, graph.with_name(INT8), rounding)
                smaller = [OnnxRuntime(graph.with_name(INT8)) for graph in graphs]
                after = _answer(checkpoint, smaller, unseen, others)
                found = _compare(before, after, found.n, rounding)
                lost = found.macro_f1_before - found.macro_f1_after
                if found.label_agreement >= AGREEMENT and lost <= loss:
                    break
            if lost > loss and not force:
                raise ResearchError(
                    f"{reference}: 8 bits cost {lost:.3f} of macro-F1 ({before.macro_f1:.3f} to {after.macro_f1:.3f}, "
                    f"{found.n} rows), allowed {loss:g}; export without --int8, or with --force"
                )
        replace(checkpoint, export=found).save(Path(scratch, "checkpoint"))
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(Path(scratch, "checkpoint"), folder)
    if origin["run_id"]:
        _log(origin["run_id"], folder, found)
    return Exported(folder, found, origin["run_id"])


def transformer_parts(model: Model) -> list[TransformerModel]:
    """The fine-tuned encoders in a model: itself, or those among the parts of a blend or a cascade."""
    if isinstance(model, BlendModel | CascadeModel):
        return [found for part in model.parts for found in transformer_parts(part)]
    return [model] if isinstance(model, TransformerModel) else []


def headline(found: Export) -> str:
    """What the export changed, in a line."""
    how = "32 bits" if found.rounding == "none" else f"8 bits, scales by {found.rounding}"
    return (
        f"{how}: {found.label_agreement:.2%} of {found.n} unseen rows labelled as by PyTorch, macro-F1 "
        f"{found.macro_f1_before:.3f} -> {found.macro_f1_after:.3f}, probabilities differ by at most "
        f"{found.difference:.2g}"
    )


def real_examples(checkpoint: Checkpoint) -> tuple[list[Example], list[Example]]:
    """Annotated articles that the model has not seen: of dev of the dataset it was trained on, where that is here,
    else of the shipped corpus; and the other held-out articles of the shipped corpus."""
    seen = set(checkpoint.trained_on.get("texts", ()))
    shipped = load_dataset(Shipped())
    always = annotated(checkpoint.task, shipped.articles("dev") + shipped.articles("test"))
    own = _training_data(checkpoint)
    dev = annotated(checkpoint.task, own.articles("dev")) if own and "dev" in own.splits else []
    for candidates in (dev, always):
        if unseen := [e for e in candidates if text_digest(e.article) not in seen]:
            known = {text_digest(e.article) for e in unseen}
            return unseen, [e for e in always if text_digest(e.article) not in known]
    raise ResearchError("the model has seen every annotated article that it could be checked on")


def _training_data(checkpoint: Checkpoint) -> Dataset | None:
    try:
        return load_dataset(dataset_config(str(checkpoint.trained_on.get("dataset"))))
    except ResearchError:  # another machine's file, or a corpus that is not here
        return None


def _check_free(folder: Path, reference: str) -> None:
    if folder.exists() and not is_checkpoint(folder) and (not folder.is_dir() or any(folder.iterdir())):
        raise ResearchError(f"--to {folder}: holds something that is not a model; name an empty or new folder")
    if folder.resolve() == Path(reference).resolve():
        raise ResearchError(f"--to {folder}: the model itself; name another folder")


def _write(graph: Path, part: TransformerModel, encoder: Any, reference: str) -> None:
    assert part.tokens
    try:
        export_encoder(encoder, part.tokens.special, graph)
    except Exception as e:  # the exporter raises whatever an unusual encoder makes it raise
        reason = " ".join(str(e).split())[:300]
        raise ResearchError(f"{reference}: PyTorch cannot export this encoder: {reason}") from None


def _answer(
    checkpoint: Checkpoint, runtimes: Sequence[Runtime], unseen: Sequence[Example], others: Sequence[Example]
) -> Answer:
    """What the model says of all examples with these encoders, and its macro-F1 on the unseen ones."""
    task, parts = checkpoint.task, transformer_parts(checkpoint.model)
    for part, runtime in zip(parts, runtimes, strict=True):
        part.runtime = runtime
    examples = [*unseen, *others]
    pooled = [part.pooled(examples[:SAMPLE]) for part in parts]
    raw = checkpoint.model.predict_proba(examples)
    probabilities = calibrated(checkpoint.calibration, raw)
    decided = decide(probabilities, checkpoint.thresholds, task)
    n = sum(len(e.spans) for e in unseen)
    judged = join(gold_rows(task, unseen), prediction_rows(task, unseen, probabilities[:n], decided[:n]))
    (macro_f1,) = (one.value for one in score(judged, draws=0) if one.metric == "macro_f1")
    return Answer(pooled, raw, decided, macro_f1)


def _compare(before: Answer, after: Answer, n: int, rounding: str = "none") -> Export:
    return Export(
        format="onnx" if rounding == "none" else "onnx-int8",
        opset=OPSET,
        rounding=rounding,
        difference=float(np.abs(after.probabilities - before.probabilities).max()),
        label_agreement=float((after.decided[:n] == before.decided[:n]).all(axis=1).mean()),
        macro_f1_before=before.macro_f1,
        macro_f1_after=after.macro_f1,
        n=n,
    )


def _log(run_id: str, folder: Path, found: Export) -> None:
    """The folder as the artifact export/FORMAT of the run, and how to use it in the run's description."""
    client, path = open_store(), f"export/{found.format}"
    client.log_artifacts(run_id, str(folder), path)
    fetch = f"mlflow artifacts download --run-id {run_id} --artifact-path {path} --dst-path ."
    append_note(
        client, run_id, f"Exported, {headline(found)}:\n\n    {fetch}\n    research classify FILE --model {path}"
    )
