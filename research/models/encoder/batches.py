"""Blocks to batches: passages of like length together, as arrays. numpy only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from research.models.encoder.passages import Block
from research.models.encoder.tokens import Special

Ints = NDArray[np.int64]
MULTIPLE = 8  # of the padded width: every new shape costs PyTorch's kernels time, and memory that is not given back
POOL = 256  # blocks that are sorted together in training: enough for like lengths, few enough to stay shuffled


@dataclass(frozen=True, slots=True)
class Batch:
    """B passages padded to S tokens, and the R rows that they judge.

    ids, mask, types: (B, S). where: positions in the flattened (B * S) of all tokens that speak for a row, with
    `segment`, the row of each, ascending. anchor: (R,) positions likewise. rows: (R,) numbers among
    all rows of the examples.
    """

    ids: Ints
    mask: Ints
    types: Ints
    where: Ints
    segment: Ints
    anchor: Ints
    rows: Ints


def by_length(blocks: Sequence[Block], batch_tokens: int, rng: np.random.Generator | None = None) -> list[list[Block]]:
    """Batches of at most `batch_tokens` padded tokens (a longer block stands alone), longest first, so that a lack of
    memory shows at once. With `rng` in random order, sorted by length only among `POOL` blocks."""
    if rng is None:
        return _packed(sorted(blocks, key=lambda b: b.width, reverse=True), batch_tokens)
    order = [blocks[i] for i in rng.permutation(len(blocks))]
    pools = [sorted(order[i : i + POOL], key=lambda b: b.width, reverse=True) for i in range(0, len(order), POOL)]
    batches = [batch for pool in pools for batch in _packed(pool, batch_tokens)]
    return [batches[i] for i in rng.permutation(len(batches))]


def collate(blocks: Sequence[Block], special: Special) -> Batch:
    """The blocks as one batch."""
    passages = [p for block in blocks for p in block.passages]
    longest = max(len(p.ids) for p in passages)
    width = max(longest, min(-(-longest // MULTIPLE) * MULTIPLE, special.positions))
    ids = np.full((len(passages), width), special.pad, np.int64)
    mask, types = np.zeros_like(ids), np.zeros_like(ids)
    for i, passage in enumerate(passages):
        size = len(passage.ids)
        ids[i, :size] = passage.ids
        mask[i, :size] = 1
        if passage.first and special.types:
            types[i, passage.first : size] = 1
    where: list[NDArray[np.int64]] = []
    segment: list[int] = []
    anchor: list[int] = []
    rows: list[int] = []
    passage_base = 0
    for block in blocks:
        row_base = len(rows)
        for row, passage_number, start, end in block.tokens:
            offset = (passage_base + passage_number) * width
            where.append(np.arange(offset + start, offset + end))
            segment += [row_base + row] * (end - start)
        anchor += [(passage_base + number) * width + position for number, position in block.anchors]
        rows += block.rows
        passage_base += len(block.passages)
    flat = np.concatenate(where) if where else np.zeros(0, np.int64)
    return Batch(ids, mask, types, flat, np.array(segment, np.int64), np.array(anchor), np.array(rows))


def pooled(hidden: NDArray[np.float32], batch: Batch) -> NDArray[np.float32]:
    """Shape (R, 2H) from hidden states (B, S, H): the mean of each row's own tokens, and its anchor's state."""
    flat = hidden.reshape(-1, hidden.shape[-1])
    count = np.bincount(batch.segment)
    total = np.add.reduceat(flat[batch.where], np.cumsum(count) - count)
    return np.concatenate([total / count[:, None].astype(np.float32), flat[batch.anchor]], axis=1)


def _packed(blocks: Sequence[Block], batch_tokens: int) -> list[list[Block]]:
    """Consecutive blocks, longest first, packed greedily."""
    batches: list[list[Block]] = []
    passages = width = 0
    for block in blocks:
        if not batches or (passages + len(block.passages)) * max(width, block.width) > batch_tokens:
            batches.append([])
            passages = width = 0
        batches[-1].append(block)
        passages += len(block.passages)
        width = max(width, block.width)
    return batches
