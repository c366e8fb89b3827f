"""What a frozen encoder makes of each row of an example, kept in a folder by content.

A file `embeddings/<encoder and reading>/<texts>.npy` holds the pooled vectors of one article (with a claim: of the
pair) as 32-bit floats; both names are sha256. Whatever decides the vectors is in one of the two, so that nothing has to
be cleared: other weights, another tokenizer, other windows or another letter in the text are another name.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from research.config import Encoded
from research.models.encoder.passages import Passages
from research.models.encoder.runtime import Runtime, pooled_rows
from research.models.encoder.tokens import Tokens
from research.records import Example, Task

LAYOUT = 1  # raise it when passages are cut or pooled in another way: everything is then encoded anew
CHUNK = 32  # examples that are encoded together: what an interruption loses at most

Vectors = NDArray[np.float32]
Progress = Callable[[str, int, int], None]

log = logging.getLogger(__name__)


class Embeddings:
    """Examples of one task to pooled vectors, kept in `folder` where one is given (`folder_of`)."""

    def __init__(
        self, config: Encoded, task: Task, tokens: Tokens, runtime: Runtime, folder: Path | None = None
    ) -> None:
        self._task, self._tokens, self._runtime, self._folder = task, tokens, runtime, folder
        self._passages = Passages(config, task, tokens)

    def of(self, examples: Sequence[Example], progress: Progress = lambda *_: None) -> list[Vectors]:
        """Shape (units, 2H) per example: a row for every sentence of the article, in order, whichever are judged; or
        one for the whole article."""
        wholes = [self._whole(example) for example in examples]
        files = [self._folder / f"{_content(e)}.npy" if self._folder else None for e in wholes]
        found = [_read(file) if file else None for file in files]
        missing = [i for i, vectors in enumerate(found) if vectors is None]
        for start in range(0, len(missing), CHUNK):
            progress("encode", start, len(missing))
            chosen = missing[start : start + CHUNK]
            for i, vectors in zip(chosen, self._encode([wholes[i] for i in chosen]), strict=True):
                found[i] = vectors
                if file := files[i]:
                    _keep(file, vectors)
        return [vectors for vectors in found if vectors is not None]

    def _whole(self, example: Example) -> Example:
        """All sentences of the article as spans: the encoder reads them anyway."""
        spans = example.spans
        if self._task.unit == "sentence":
            spans = tuple(s.span for s in example.article.sentences)
        return replace(example, spans=spans, gold=())

    def _encode(self, examples: Sequence[Example]) -> list[Vectors]:
        blocks = self._passages.blocks(self._passages.read(examples))
        rows = pooled_rows(self._runtime, blocks, self._tokens.special)
        return np.split(rows, np.cumsum([len(e.spans) for e in examples])[:-1])


def folder_of(cache: Path, config: Encoded, task: Task, encoder: Any, tokens: Tokens) -> Path:
    """Where in `cache` the vectors lie that this PyTorch encoder gives when it reads like this. The encoder is known by
    what was loaded (configuration, weights, tokenizer), wherever it came from."""
    import torch

    reading = [LAYOUT, task.unit, config.input, config.max_tokens, config.context_tokens]
    settings = {key: value for key, value in encoder.config.to_dict().items() if not key.startswith("_")}
    found = hashlib.sha256(json.dumps([reading, settings], sort_keys=True, default=str).encode())
    found.update(tokens.to_json().encode())
    for key, weight in sorted(encoder.state_dict().items()):
        found.update(f"{key} {weight.dtype} {list(weight.shape)}".encode())
        found.update(weight.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return cache / "embeddings" / found.hexdigest()


def _content(example: Example) -> str:
    article, claim = example.article, example.claim.claim if example.claim else None
    texts = [article.title, article.text, [s.span for s in article.sentences], claim]
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()


def _read(file: Path) -> Vectors | None:
    """The vectors kept in `file`; None when there are none, or none that can be read."""
    try:
        return np.asarray(np.load(file, allow_pickle=False), np.float32)
    except (OSError, ValueError, EOFError):
        return None


def _keep(file: Path, vectors: Vectors) -> None:
    """Written whole or not at all; two processes may keep the same."""
    part = file.with_suffix(f".{os.getpid()}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as out:
            np.save(out, vectors, allow_pickle=False)
        part.replace(file)
    except OSError as e:  # a full disk must not keep anybody from working
        log.warning("%s: not cached: %s", file, e.strerror)
        part.unlink(missing_ok=True)
