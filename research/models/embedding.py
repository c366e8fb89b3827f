"""Logistic regression over what a frozen encoder makes of each sentence in its article: the cheap middle ground.

A row is its pooled vector (the mean of its own tokens, and its anchor's state), standardised; where the unit is the
sentence, the means of the sentence before and after (0, which is the average, where there is none); and the context
numbers of the linear models. PyTorch, transformers and scikit-learn are needed to fit one, and imported then. A folder
that `save` wrote holds
encoder/            the encoder and its tokenizer as it was, so that the model works by itself
tokenizer.json, inputs.json     what `Tokens` needs
context.json        the names of the context numbers
logreg.safetensors  weights and intercepts, means and standard deviations
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from scipy.sparse import csr_matrix
from scipy.special import expit, softmax

from research.config import EmbeddingLogreg as Config
from research.models.encoder.embeddings import Embeddings, Vectors, folder_of
from research.models.encoder.runtime import TorchRuntime
from research.models.encoder.tokens import Tokens
from research.models.encoder.weights import ENCODER, load_encoder, load_tokens
from research.models.features import NO_WORDS, create_extractor
from research.models.protocol import ALONE, Fitting, Probabilities, gold_matrix
from research.records import Example, Task

LOGREG = "logreg.safetensors"
ITERATIONS = 2000  # it takes some hundred; more than this only where `c` is enormous
# Of the vectors, whose rows then have this mean length; TF-IDF rows have 1, context numbers about as much. By
# cross-validation on attribution-gold train among .3, .5 and 1, with `c` of .1 to 100.
WEIGHT = 0.5
SURE = 10.0  # the margin of a label that training shows always; of one that it shows never, less


class EmbeddingLogreg:
    """One linear function per label, fitted one against the rest; the encoder stays as it was pretrained.

    Multi-label probabilities are each label's own sigmoid; single-label ones are a softmax over the labels' margins.
    """

    def __init__(self, config: Config, task: Task, seed: int = 0) -> None:
        self.config, self.task, self.seed = config, task, seed
        self.tokens: Tokens | None = None
        self._encoder: Any = None
        self._embeddings: Embeddings | None = None
        self._numbers = create_extractor(NO_WORDS, task) if config.cues else None
        self._mean: Vectors = np.zeros(0, np.float32)
        self._scale: Vectors = np.ones(0, np.float32)
        self._weights: Vectors = np.zeros((len(task.labels), 0), np.float32)
        self._intercepts: NDArray[np.float64] = np.zeros(len(task.labels))

    def fit(self, examples: Sequence[Example], fitting: Fitting = ALONE) -> None:
        encoder = load_encoder(self.config.pretrained, layers=self.config.layers)
        self.tokens = load_tokens(self.config.pretrained, encoder.config)
        self._embeddings = self._run(encoder, folder_of(fitting.cache, encoder) if fitting.cache else None)
        vectors = self._embeddings.of(examples, fitting.progress)
        rows = np.concatenate([v[place] for v, place in zip(vectors, self._places(examples), strict=True)])
        self._mean, self._scale = rows.mean(axis=0), _positive(rows.std(axis=0))
        blocks = [self._in_context(vectors, examples)]
        if self._numbers:
            blocks.append(self._numbers.fit_transform(examples).toarray())
        x, gold = np.hstack(blocks), gold_matrix(examples, self.task)
        self._weights = np.zeros((gold.shape[1], x.shape[1]), np.float32)
        for i, y in enumerate(gold.T):
            fitting.progress("fit a label", i, gold.shape[1])
            self._weights[i], self._intercepts[i] = self._fit_label(x, y)

    def predict_proba(self, examples: Sequence[Example]) -> Probabilities:
        assert self._embeddings, "fit or load first"
        dense = self._in_context(self._embeddings.of(examples), examples)
        width = dense.shape[1]
        margins = (dense @ self._weights[:, :width].T).astype(np.float64) + self._intercepts
        if self._numbers:
            numbers: csr_matrix = self._numbers.transform(examples)
            margins += numbers @ self._weights[:, width:].T
        return np.asarray(expit(margins) if self.task.multi_label else softmax(margins, axis=1))

    def save(self, folder: Path) -> None:
        assert self.tokens, "fit or load first"
        self._encoder.save_pretrained(folder / ENCODER, safe_serialization=True)
        self.tokens.save(folder)
        if self._numbers:
            self._numbers.save(folder)
        arrays = {"mean": self._mean, "scale": self._scale, "weights": self._weights, "intercepts": self._intercepts}
        save_file(arrays, folder / LOGREG)

    def load(self, folder: Path) -> None:
        self.tokens = Tokens.load(folder)
        if self._numbers:
            self._numbers.load(folder)
        arrays = load_file(folder / LOGREG)
        self._mean, self._scale = arrays["mean"], arrays["scale"]
        self._weights, self._intercepts = arrays["weights"], arrays["intercepts"]
        self._embeddings = self._run(load_encoder(str(folder / ENCODER)))

    def _run(self, encoder: Any, kept: Path | None = None) -> Embeddings:
        """The encoder at work, in 32 bits: what is kept must not depend on the processor."""
        assert self.tokens
        from research.models.encoder.network import device

        self._encoder = encoder.to(device())
        return Embeddings(self.config, self.task, self.tokens, TorchRuntime(self._encoder, half=False), kept)

    def _places(self, examples: Sequence[Example]) -> list[list[int]]:
        """Per example the numbers of its spans among its vectors."""
        if self.task.unit != "sentence":
            return [list(range(len(e.spans))) for e in examples]
        number = [{s.span: i for i, s in enumerate(e.article.sentences)} for e in examples]
        return [[found[span] for span in e.spans] for found, e in zip(number, examples, strict=True)]

    def _in_context(self, vectors: Sequence[Vectors], examples: Sequence[Example]) -> Vectors:
        """Shape (spans, columns): rows of mean length WEIGHT, however wide the encoder is, so that `c` need not change
        with it."""
        width = len(self._mean)
        columns = 2 * width if self.task.unit == "sentence" else width
        rows = [np.zeros((0, columns), np.float32)]
        for own, place in zip(vectors, self._places(examples), strict=True):
            own = (own - self._mean) / self._scale
            if self.task.unit == "sentence":
                before, after = np.zeros((2, len(own), width // 2), np.float32)
                before[1:], after[:-1] = own[:-1, : width // 2], own[1:, : width // 2]
                own = np.hstack([own, before, after])
            rows.append(own[place])
        return np.concatenate(rows) * np.float32(WEIGHT / np.sqrt(columns))

    def _fit_label(self, x: Vectors, y: NDArray[np.bool_]) -> tuple[Any, float]:
        """L2-regularised logistic regression (L-BFGS: rows are dense). A label that training shows always or never has
        no weights, and a margin that says so."""
        if not 0 < y.sum() < len(y):
            return np.zeros(x.shape[1], np.float32), SURE if y.size and y.all() else -SURE
        from sklearn.linear_model import LogisticRegression

        weight = None if self.config.class_weight == "none" else self.config.class_weight
        found = LogisticRegression(C=self.config.c, class_weight=weight, max_iter=ITERATIONS).fit(x, y)
        return found.coef_[0], float(found.intercept_[0])


def _positive(deviation: Vectors) -> Vectors:
    """A dimension that never changes is divided by 1."""
    return np.where(deviation > 1e-6, deviation, np.float32(1))
