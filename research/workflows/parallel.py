"""Batches of articles predicted in several processes, in order and with a bounded number in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from research.articles.workers import interrupts_held, start_processes
from research.models.checkpoint import Checkpoint
from research.records import Article, Prediction
from research.workflows.predicting import Classifiers, Origin, predict_batch

# Each process has its own copy of the models, so they must be light, and such as use one core by themselves.
LIGHT = frozenset({"cues", "majority", "tfidf-logreg", "tfidf-svm"})
FEW = 2  # batches predicted here before processes are started, which takes as long
AHEAD = 2  # batches a worker that wait to be predicted or to be asked for

_classifiers: Classifiers = {}  # of a worker


def predict_batches(
    batches: Iterable[Sequence[Article]], classifiers: Classifiers, workers: int = 0
) -> Iterator[Prediction]:
    """The predictions of all articles, in order. With `workers` of 2 or more and light models as many processes
    predict from batch FEW + 1 on. Processes are spawned: a script that asks for them needs its
    `if __name__ == "__main__"`."""
    light = all(getattr(checkpoint.config, "kind", "") in LIGHT for checkpoint, _ in classifiers.values())
    executor: ProcessPoolExecutor | None = None
    waiting: deque[Future[list[Prediction]]] = deque()
    copies = TemporaryDirectory(prefix="models-")  # a model is no pickle, not even between our own processes
    try:
        for number, batch in enumerate(batches, start=1):
            if workers < 2 or not light or number <= FEW:
                yield from predict_batch(batch, classifiers)
                continue
            executor = executor or start_processes(workers, _begin, _save(classifiers, Path(copies.name)))
            with interrupts_held():
                waiting.append(executor.submit(_predict, batch))
            while len(waiting) > AHEAD * workers:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    finally:
        if executor:
            executor.shutdown(cancel_futures=True)
        copies.cleanup()


def _save(classifiers: Classifiers, folder: Path) -> tuple[Path, dict[str, tuple[Origin, float]]]:
    """Where the models lie, and what their files do not say: their origin and how sure they must be."""
    for task, (checkpoint, _) in classifiers.items():
        checkpoint.save(folder / task)
    return folder, {task: (dict(origin), one.least_confidence) for task, (one, origin) in classifiers.items()}


def _begin(folder: Path, known: Mapping[str, tuple[Origin, float]]) -> None:
    global _classifiers
    _classifiers = {
        task: (replace(Checkpoint.load(folder / task), least_confidence=least), origin)
        for task, (origin, least) in known.items()
    }


def _predict(batch: Sequence[Article]) -> list[Prediction]:
    return list(predict_batch(batch, _classifiers))
