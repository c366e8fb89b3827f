"""A pretrained encoder, fine-tuned: it reads the article in windows and judges every sentence from its own tokens.

PyTorch and transformers are needed to fit one, and imported then. A folder that `save` wrote holds
encoder/            the encoder as transformers writes it: safetensors and JSON; of an exported model, an ONNX file
head.safetensors    the head
context.json        the names of the context numbers
tokenizer.json, inputs.json     what `Tokens` needs, so that an exported model runs without transformers
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

from research.config import Transformer
from research.models.encoder.head import Head
from research.models.encoder.passages import Passages
from research.models.encoder.runtime import Runtime, TorchRuntime, load_runtime, pooled_rows
from research.models.encoder.tokens import Tokens
from research.models.encoder.weights import load_encoder, load_tokens
from research.models.features import NO_WORDS, create_extractor
from research.models.protocol import ALONE, Fitting, Probabilities, gold_matrix
from research.records import Example, Task


class TransformerModel:
    """`fit` fine-tunes encoder and head together; `predict_proba` needs one pass of the encoder over the articles.

    `costs` are what the fit has read (`Passages.coverage`) and how fast; its `earlier_seconds` are those that a
    training took before it was interrupted.
    """

    def __init__(self, config: Transformer, task: Task, seed: int = 0) -> None:
        self.config, self.task, self.seed = config, task, seed
        self.costs: dict[str, float] = {}
        self.tokens: Tokens | None = None
        self.runtime: Runtime | None = None
        self._head: Head | None = None
        self._numbers = create_extractor(NO_WORDS, task) if config.cues else None

    def fit(self, examples: Sequence[Example], fitting: Fitting = ALONE) -> None:
        import torch

        from research.models.encoder.network import Network, bf16, prior
        from research.models.encoder.training import Trainer

        torch.manual_seed(self.seed)
        encoder = load_encoder(self.config.pretrained, dropout=self.config.dropout, layers=self.config.layers)
        self.tokens = load_tokens(self.config.pretrained, encoder.config)
        half = bf16(self.config.precision)
        numbers = self._numbers.fit_transform(examples) / self._numbers.weight if self._numbers else None
        gold = gold_matrix(examples, self.task)
        first = np.zeros(gold.shape[1]) if self.config.class_weight == "balanced" else prior(gold, self.task)
        network = Network(encoder, 0 if numbers is None else numbers.shape[1], first, half)
        self.runtime = TorchRuntime(encoder, half)
        passages = self._passages()
        trainer = Trainer(network, passages, numbers, self.tokens.special, self.config, self.task, self.seed)

        def judge() -> float | None:
            self._head = Head(network.arrays())
            return fitting.judge(self.predict_proba(fitting.held_out)) if fitting.held_out else None

        readings = passages.read(examples)
        told = passages.coverage(readings, passages.blocks(readings))
        text = "read {windows:,} windows, {tokens_read:,} tokens, {tokens_dropped:,} dropped"
        fitting.progress(text.format(**told), 0, 1)
        course = trainer.fit(readings, gold, fitting, judge)
        self.costs = {
            **told,
            "train_rows_per_second": course.rows / max(course.seconds, 1e-9),
            "earlier_seconds": course.earlier,
        }
        self._head = Head(network.arrays())

    def predict_proba(self, examples: Sequence[Example]) -> Probabilities:
        return self.judge(examples, self.pooled(examples))

    def pooled(self, examples: Sequence[Example]) -> NDArray[np.float32]:
        """Shape (spans of all examples, 2H): what the encoder makes of them."""
        assert self.tokens and self.runtime, "fit or load first"
        passages = self._passages()
        return pooled_rows(self.runtime, passages.blocks(passages.read(examples)), self.tokens.special)

    def judge(self, examples: Sequence[Example], pooled: NDArray[np.float32]) -> Probabilities:
        """What the head makes of `pooled` and the context numbers of the examples."""
        assert self._head, "fit or load first"
        numbers = self._numbers.transform(examples) / self._numbers.weight if self._numbers else None
        margins = self._head.margins(pooled, numbers)
        return np.asarray(expit(margins) if self.task.multi_label else softmax(margins, axis=1))

    def save(self, folder: Path) -> None:
        assert self.tokens and self.runtime and self._head, "fit or load first"
        self.runtime.save(folder)
        self.tokens.save(folder)
        self._head.save(folder)
        if self._numbers:
            self._numbers.save(folder)

    def load(self, folder: Path) -> None:
        self.tokens = Tokens.load(folder)
        self._head = Head.load(folder)
        if self._numbers:
            self._numbers.load(folder)
        self.runtime = load_runtime(folder, self.config.precision)

    def _passages(self) -> Passages:
        assert self.tokens
        return Passages(self.config, self.task, self.tokens)
