"""The training loop: `accelerate` for the device and the precision, and a state on disk that a killed run goes on from.

Everything random follows from the seed, the epoch and the batch, so that a resumed run repeats what an undisturbed one
does.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor, nn

from research.config import Transformer
from research.models.encoder.batches import by_length, collate
from research.models.encoder.network import Network, tensors
from research.models.encoder.passages import Block, Passages, Reading
from research.models.encoder.tokens import Special
from research.models.protocol import Fitting, Gold
from research.records import Task

STATE = "training.pt"
STATE_EVERY = 120.0  # seconds
LAYER = re.compile(r"\.(?:layer|layers|h|block)\.(\d+)\.")


@dataclass
class Course:
    """How far the training is: the epoch and the batch that come next, the rows learned from in so many seconds (of
    them `earlier` in processes before this one), and the best epoch so far."""

    epoch: int = 0
    batch: int = 0
    loss: float = 0.0
    rows: int = 0
    seconds: float = 0.0
    earlier: float = 0.0
    best_score: float = float("-inf")
    best_epoch: int = -1
    done: bool = False


class Trainer:
    """Fits a network to rows of gold (rows, labels), in passages that are cut anew for each epoch. `numbers` (rows, C)
    are the rows' context numbers, if the network sees any."""

    def __init__(
        self,
        network: Network,
        passages: Passages,
        numbers: csr_matrix | None,
        special: Special,
        config: Transformer,
        task: Task,
        seed: int,
    ) -> None:
        from accelerate import Accelerator

        self.network, self.passages, self.numbers, self.special = network, passages, numbers, special
        self.config, self.task, self.seed = config, task, seed
        # The network itself chooses its precision: only the encoder is worth half of one.
        self.accelerator = Accelerator(cpu=not torch.cuda.is_available(), mixed_precision="no")
        freeze(network, config.frozen_layers)
        self.optimizer = torch.optim.AdamW(parameter_groups(network, config), betas=(0.9, 0.999))
        self.prepared, self.stepper = self.accelerator.prepare(network, self.optimizer)

    def fit(
        self, readings: Sequence[Reading], gold: Gold, fitting: Fitting, judge: Callable[[], float | None]
    ) -> Course:
        """`judge` gives the score on held-out examples after an epoch, or None where there is none. With
        `model.patience` the weights of the best epoch are what remains. Reported after each epoch: its mean loss and
        rows per second, the seconds of training so far, the held-out score."""
        course, best = self._resume(fitting.state)
        targets = torch.from_numpy(gold.astype(np.float32)).to(self.accelerator.device)
        criterion = loss_function(self.config, self.task, targets)
        while course.epoch < self.config.epochs and not course.done:
            rows, seconds = course.rows, course.seconds
            with spelled_out(self.network, self.config):
                self._epoch(course, readings, targets, criterion, fitting, best)
            report = {
                "loss": course.loss / max(course.batch, 1),
                "rows_per_second": (course.rows - rows) / max(course.seconds - seconds, 1e-9),
                "seconds": course.seconds,
            }
            score = judge()
            fitting.report(course.epoch + 1, report | ({} if score is None else {"held_out_score": score}))
            if score is not None and score > course.best_score:
                course.best_score, course.best_epoch = score, course.epoch
                if self.config.patience:
                    best = {k: v.detach().cpu().clone() for k, v in self.network.state_dict().items()}
            patience = self.config.patience
            course.done = bool(patience and score is not None and course.epoch - course.best_epoch >= patience)
            course.epoch, course.batch, course.loss = course.epoch + 1, 0, 0.0
            self._keep(fitting.state, course, best)
        if best:
            self.network.load_state_dict(best)
            fitting.report(course.best_epoch + 1, {"best_held_out_score": course.best_score})
        return course

    def _epoch(
        self,
        course: Course,
        readings: Sequence[Reading],
        targets: Tensor,
        criterion: Callable[[Tensor, Tensor], Tensor],
        fitting: Fitting,
        best: dict[str, Tensor],
    ) -> None:
        """One pass over the data, from `course.batch` on."""
        batches = self._batches(readings, course.epoch)
        self.prepared.train()
        kept = clock = time.perf_counter()
        while course.batch < len(batches):
            step, steps = course.epoch * len(batches) + course.batch, self.config.epochs * len(batches)
            loss = f", loss {course.loss / course.batch:.3f}" if course.batch else ""
            fitting.progress(f"train{loss}, batch", step, steps)
            together = batches[course.batch : course.batch + self.config.accumulate]
            self._step(together, step / steps, course, targets, criterion)
            course.batch += len(together)
            course.seconds, clock = course.seconds + time.perf_counter() - clock, time.perf_counter()
            if course.batch < len(batches) and clock - kept > STATE_EVERY:
                self._keep(fitting.state, course, best)
                kept = clock

    def _step(
        self,
        batches: Sequence[Sequence[Block]],
        done: float,
        course: Course,
        targets: Tensor,
        criterion: Callable[[Tensor, Tensor], Tensor],
    ) -> None:
        """One step of the optimizer, by the mean of the batches' gradients."""
        at = np.random.SeedSequence([self.seed, course.epoch, course.batch, self.accelerator.process_index])
        torch.manual_seed(int(at.generate_state(1)[0]))  # dropout
        speed = schedule(done, self.config.warmup)
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * speed
        for i, blocks in enumerate(batches):
            batch = self._batch(blocks)
            # Several processes exchange gradients once, with the last batch.
            with nullcontext() if i == len(batches) - 1 else self.accelerator.no_sync(self.prepared):
                loss = criterion(self.prepared(batch), targets[batch["rows"]])
                self.accelerator.backward(loss / len(batches))
            course.loss += float(loss.detach())
            course.rows += len(batch["rows"])
        self.accelerator.clip_grad_norm_(self.prepared.parameters(), 1.0)
        self.stepper.step()
        self.stepper.zero_grad()

    def _batch(self, blocks: Sequence[Block]) -> dict[str, Tensor]:
        read = collate(blocks, self.special)
        arrays = tensors(read)
        if self.numbers is not None:
            arrays["numbers"] = torch.from_numpy(self.numbers[read.rows].toarray().astype(np.float32))
        return {k: v.to(self.accelerator.device) for k, v in arrays.items()}

    def _batches(self, readings: Sequence[Reading], epoch: int) -> list[list[Block]]:
        """The batches of an epoch; of several processes each takes its share, all of them equally many."""
        rng = np.random.default_rng([self.seed, epoch])
        blocks = self.passages.blocks(readings, lambda low, high: int(rng.integers(low, high + 1)))
        batches = by_length(blocks, self.config.batch_tokens, rng)
        processes, own = self.accelerator.num_processes, self.accelerator.process_index
        each = len(batches) // processes if processes > 1 else len(batches)
        return [batches[i * processes + own] for i in range(each)]

    def _keep(self, folder: Path | None, course: Course, best: dict[str, Tensor]) -> None:
        """The state, written whole or not at all."""
        if folder is None or not self.accelerator.is_main_process:
            return
        folder.mkdir(parents=True, exist_ok=True)
        state = {
            "course": vars(course),
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "best": best,
        }
        part = folder / f"{STATE}.part"
        torch.save(state, part)
        part.replace(folder / STATE)

    def _resume(self, folder: Path | None) -> tuple[Course, dict[str, Tensor]]:
        if folder is None or not (folder / STATE).is_file():
            return Course(), {}
        state: dict[str, Any] = torch.load(folder / STATE, map_location="cpu", weights_only=True)
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        course = Course(**state["course"])
        course.earlier = course.seconds
        return course, state["best"]


@contextmanager
def spelled_out(network: Network, config: Transformer) -> Iterator[None]:
    """Attention as matrix products while it is trained on a processor in bfloat16: PyTorch's fused operator, the
    faster one to predict with, computes its gradients in 32 bits there and makes a step of MiniLM a quarter slower
    (320 tokens). Its memory grows with the square of the passage, so that long ones do without."""
    encoder = network.encoder
    fused = getattr(encoder.config, "_attn_implementation", None) == "sdpa"
    if not (fused and network.in_half and encoder.device.type == "cpu" and config.max_tokens <= 512):
        yield
        return
    encoder.set_attn_implementation("eager")
    try:
        yield
    finally:
        encoder.set_attn_implementation("sdpa")


def schedule(done: float, warmup: float) -> float:
    """The factor on the learning rates when the share `done` of all steps is over: up to 1, then down to 0."""
    if done < warmup:
        return max(done / warmup, 0.01)
    return (1 - done) / (1 - warmup)


def loss_function(config: Transformer, task: Task, gold: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
    """Binary cross-entropy of each label, or cross-entropy over them; "balanced" weighs a label by how rare it is."""
    least = 1 / (len(gold) + 1)
    share = gold.mean(dim=0).clamp(least, 1 - least)
    balanced = config.class_weight == "balanced"
    if task.multi_label:
        by_label = nn.BCEWithLogitsLoss(pos_weight=(1 - share) / share if balanced else None)
        return lambda logits, rows: by_label(logits, rows)
    over_labels = nn.CrossEntropyLoss(weight=1 / (share * len(share)) if balanced else None)
    return lambda logits, rows: over_labels(logits, rows.argmax(dim=1))


def freeze(network: Network, layers: int) -> None:
    """The embeddings and the lowest `layers` stay as they are; so does a pooler, which nothing here reads."""
    for name, parameter in network.encoder.named_parameters():
        number = _layer(name)
        fixed = number < layers if number is not None else ("embed" in name or "pooler" in name)
        parameter.requires_grad_(not fixed)


def parameter_groups(network: Network, config: Transformer) -> list[dict[str, Any]]:
    """The head and each layer with its `peak` learning rate, matrices with weight decay and vectors without."""
    last = max((_layer(name) or 0 for name, _ in network.encoder.named_parameters()), default=0)
    groups: dict[tuple[float, float], list[Tensor]] = {}
    for name, parameter in network.named_parameters():
        if not parameter.requires_grad:
            continue
        number = _layer(name)
        depth = 0 if number is None else last - number
        encoder = name.startswith("encoder.")
        peak = config.learning_rate * config.layer_decay**depth if encoder else config.head_learning_rate
        groups.setdefault((peak, config.weight_decay if parameter.ndim > 1 else 0.0), []).append(parameter)
    return [{"params": ps, "peak": peak, "lr": peak, "weight_decay": decay} for (peak, decay), ps in groups.items()]


def _layer(name: str) -> int | None:
    found = LAYER.search(f".{name}")
    return int(found[1]) if found else None
