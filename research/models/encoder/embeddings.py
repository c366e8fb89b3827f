"""What a frozen encoder makes of each row of an example, kept in a folder.

A file `embeddings/<encoder>/<what it reads>.npy` holds the pooled vectors of one article (with a claim: of the pair) as
32-bit floats. Both names are sha256: of the weights, and of the passages as token ids. So nothing has to be cleared:
another letter in the text, another tokenizer or other windows are another name.
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
from research.models.encoder.passages import Block, Passages
from research.models.encoder.runtime import Runtime, pooled_rows
from research.models.encoder.tokens import Tokens
from research.records import Example, Task

POOLING = 1  # raise it when hidden states become vectors in another way: everything is then encoded anew
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
        blocks = [self._blocks(example) for example in examples]
        files = [self._folder / f"{_digest(found)}.npy" if self._folder else None for found in blocks]
        vectors = {i: kept for i, file in enumerate(files) if file and (kept := _read(file)) is not None}
        missing = [i for i in range(len(examples)) if i not in vectors]
        for start in range(0, len(missing), CHUNK):
            progress("encode", start, len(missing))
            chosen = missing[start : start + CHUNK]
            for i, made in zip(chosen, self._encode([blocks[i] for i in chosen]), strict=True):
                vectors[i] = made
                if file := files[i]:
                    _keep(file, made)
        return [vectors[i] for i in range(len(examples))]

    def _blocks(self, example: Example) -> list[Block]:
        """All sentences of the article are rows: the encoder reads them anyway."""
        spans = example.spans
        if self._task.unit == "sentence":
            spans = tuple(s.span for s in example.article.sentences)
        return self._passages.blocks(self._passages.read([replace(example, spans=spans, gold=())]))

    def _encode(self, examples: Sequence[list[Block]]) -> list[Vectors]:
        sizes = [sum(len(block.rows) for block in blocks) for blocks in examples]
        firsts = np.cumsum(sizes) - sizes
        placed = [
            replace(block, rows=[int(first) + row for row in block.rows])
            for first, blocks in zip(firsts, examples, strict=True)
            for block in blocks
        ]
        return np.split(pooled_rows(self._runtime, placed, self._tokens.special), firsts[1:])


def folder_of(cache: Path, encoder: Any) -> Path:
    """Where in `cache` the vectors of this PyTorch encoder lie. It is known by its configuration and its weights,
    wherever they were loaded from."""
    import torch

    settings = {key: value for key, value in encoder.config.to_dict().items() if not key.startswith("_")}
    found = hashlib.sha256(json.dumps([POOLING, settings], sort_keys=True, default=str).encode())
    for key, weight in sorted(encoder.state_dict().items()):
        found.update(f"{key} {weight.dtype} {list(weight.shape)}".encode())
        found.update(weight.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return cache / "embeddings" / found.hexdigest()


def _digest(blocks: Sequence[Block]) -> str:
    """Of everything that `pooled_rows` is given."""
    content = [[[[p.ids, p.first] for p in b.passages], b.rows, b.tokens, b.anchors] for b in blocks]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


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
