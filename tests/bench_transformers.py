"""Speed of the transformer as ratios measured side by side: `python tests/bench_transformers.py inference|training`.

inference   sentences a second of the same weights on the same articles: (a) the `text-classification` pipeline of
            transformers, a sentence at a time, batch 32; ours in PyTorch, (b) mode sentence, (c) mode window; exported,
            (d) ONNX fp32, (e) ONNX int8. `--model` names a checkpoint (else one is trained for a moment, and its F1
            says nothing); `--real` reads the dev split of attribution-gold (RESEARCH_DATA) instead of shipped articles.
training    sentences a second of ours against the `Trainer` of transformers with its default settings.

What is compared runs alternately, round after round; the median counts. Needs the extras transformers and onnx.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import numpy as np
from rich.console import Console
from rich.table import Table

from research.config import Transformer, dataset_config
from research.datasets import load_dataset
from research.models.checkpoint import Checkpoint
from research.models.encoder.weights import find
from research.models.transformer import TransformerModel
from research.records import TASKS, Example, gold_rows
from research.scoring import join, score
from research.workflows.export import export
from research.workflows.train import annotated

TASK = TASKS["attribution"]
BATCH = 32
ROUNDS = 3


def inference(model: Path | None, examples: Sequence[Example], rounds: int) -> Table:
    with tempfile.TemporaryDirectory() as scratch:
        folder = model or trained_for_a_moment(Path(scratch, "model"), examples)
        checkpoint = Checkpoint.load(folder)
        pairs = TransformerModel(checkpoint.config.model_copy(update={"input": "sentence"}), TASK)
        pairs.load(folder)
        systems: dict[str, Callable[[], object]] = {
            "(a) pipeline, batch 32": pipeline(folder, examples),
            "(b) PyTorch, sentence": lambda: pairs.predict_proba(examples),
            "(c) PyTorch, window": lambda: checkpoint.predict(examples),
        }
        judged = {"(c) PyTorch, window": checkpoint}
        for name, int8 in (("(d) ONNX fp32, window", False), ("(e) ONNX int8, window", True)):
            exported = Checkpoint.load(export(str(folder), int8=int8, to=Path(scratch, name[1:2]), force=True).folder)
            systems[name] = lambda exported=exported: exported.predict(examples)
            judged[name] = exported
        taken = alternately(systems, rounds)
        f1 = {name: macro_f1(one, examples) for name, one in judged.items()}
    sentences = sum(len(e.spans) for e in examples)
    title = f"{sentences} sentences, {len(examples)} articles"
    table = Table("system", "sentences/s", "times (a)", "macro-F1", title=title)
    for name, seconds in taken.items():
        times = taken["(a) pipeline, batch 32"] / seconds
        table.add_row(name, f"{sentences / seconds:.0f}", f"{times:.1f}", f"{f1[name]:.3f}" if name in f1 else "")
    return table


def pipeline(folder: Path, examples: Sequence[Example]) -> Callable[[], object]:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer
    from transformers import pipeline as make

    encoder = find(str(folder))
    model = AutoModelForSequenceClassification.from_pretrained(encoder, num_labels=3)
    ready = make("text-classification", model=model, tokenizer=AutoTokenizer.from_pretrained(find("minilm")))
    texts = [s.text for e in examples for s in e.article.sentences]
    return lambda: ready(texts, batch_size=BATCH, truncation=True)


def training(examples: Sequence[Example], rounds: int) -> Table:
    """One epoch of both over the same sentences, the Trainer's each by itself, padded to its longest."""
    systems = {"ours": lambda: TransformerModel(Transformer(epochs=1), TASK).fit(examples), "Trainer": plain(examples)}
    taken = alternately(systems, rounds)
    sentences = sum(len(e.spans) for e in examples)
    table = Table("system", "sentences/s", "times the Trainer", title=f"training, {sentences} sentences, one epoch")
    for name, seconds in taken.items():
        table.add_row(name, f"{sentences / seconds:.1f}", f"{taken['Trainer'] / seconds:.1f}")
    return table


def plain(examples: Sequence[Example]) -> Callable[[], object]:
    """What the documentation of transformers shows: tokenised sentences, `Trainer` with its defaults."""
    from datasets import Dataset
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, Trainer, TrainingArguments

    place = find("minilm")
    tokenizer = AutoTokenizer.from_pretrained(place)
    rows = {
        "text": [s.text for e in examples for s in e.article.sentences],
        "labels": [[float(label in gold) for label in TASK.labels] for e in examples for gold in e.gold],
    }
    data = Dataset.from_dict(rows).map(lambda batch: tokenizer(batch["text"], truncation=True), batched=True)

    def run() -> None:
        model = AutoModelForSequenceClassification.from_pretrained(
            place, num_labels=3, problem_type="multi_label_classification"
        )
        with tempfile.TemporaryDirectory() as out:
            arguments = TrainingArguments(out, num_train_epochs=1, save_strategy="no", disable_tqdm=True)
            Trainer(model, arguments, train_dataset=data, processing_class=tokenizer).train()

    return run


def alternately(systems: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """The median seconds of each."""
    taken: dict[str, list[float]] = {name: [] for name in systems}
    for _ in range(rounds):
        for name, work in systems.items():
            began = time.perf_counter()
            work()
            taken[name].append(time.perf_counter() - began)
    return {name: median(some) for name, some in taken.items()}


def trained_for_a_moment(folder: Path, examples: Sequence[Example]) -> Path:
    config = Transformer(epochs=1)
    model = TransformerModel(config, TASK)
    model.fit(examples[:4])
    Checkpoint(model, config, TASK, (0.5,) * 3).save(folder)
    return folder


def macro_f1(checkpoint: Checkpoint, examples: Sequence[Example]) -> float:
    judged = join(gold_rows(TASK, examples), checkpoint.predict(examples))
    return next(one.value for one in score(judged, draws=0) if one.metric == "macro_f1")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("inference", "training"))
    parser.add_argument("--model", type=Path)
    parser.add_argument("--real", action="store_true")
    parser.add_argument("--articles", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args()
    name, split = ("attribution-gold", "dev") if given.real else ("shipped", "test")
    examples = annotated(TASK, load_dataset(dataset_config(name)).articles(split))[: given.articles]
    np.random.default_rng(0).shuffle(examples)  # type: ignore[arg-type]
    if given.what == "inference":
        Console().print(inference(given.model, examples, given.rounds))
    else:
        Console().print(training(examples, given.rounds))


if __name__ == "__main__":
    main()
