"""A trained encoder at work: batches in, pooled vectors out, by PyTorch or by ONNX Runtime."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from research.models.encoder.batches import Batch, by_length, collate, pooled
from research.models.encoder.passages import Block
from research.models.encoder.tokens import Special

BATCH_TOKENS = 4096


class Runtime(Protocol):
    """`hidden` gives the last hidden states (B, S, H) of a batch as 32-bit floats."""

    width: int

    def hidden(self, batch: Batch) -> NDArray[np.float32]: ...


class TorchRuntime:
    """The encoder as a transformers model, in bfloat16 with `half`."""

    def __init__(self, encoder: Any, half: bool) -> None:
        self._encoder, self._half = encoder, half
        self.width = int(encoder.config.hidden_size)

    def hidden(self, batch: Batch) -> NDArray[np.float32]:
        import torch

        from research.models.encoder.network import hidden_states, tensors

        self._encoder.eval()
        device = next(self._encoder.parameters()).device
        with torch.inference_mode():
            inputs = {k: v.to(device) for k, v in tensors(batch).items()}
            found: NDArray[np.float32] = hidden_states(self._encoder, inputs, self._half).cpu().numpy()
        return found


def pooled_rows(
    runtime: Runtime,
    blocks: Sequence[Block],
    special: Special,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> NDArray[np.float32]:
    """Shape (rows, 2H): the pooled vector of every row, in order."""
    out = np.zeros((sum(len(block.rows) for block in blocks), 2 * runtime.width), np.float32)
    batches = by_length(blocks, BATCH_TOKENS)
    for i, chosen in enumerate(batches):
        progress("encode", i, len(batches))
        batch = collate(chosen, special)
        out[batch.rows] = pooled(runtime.hidden(batch), batch)
    return out
