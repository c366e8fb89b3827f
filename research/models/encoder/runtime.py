"""A trained encoder at work: batches in, pooled vectors out, by PyTorch or by ONNX Runtime."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from research.models.encoder.batches import Batch, by_length, collate, pooled
from research.models.encoder.onnx import FP32, INT8, OnnxRuntime
from research.models.encoder.passages import Block
from research.models.encoder.tokens import Special
from research.models.encoder.weights import ENCODER, load_encoder
from research.records import ResearchError


class Runtime(Protocol):
    """An encoder of `width` dimensions H that is best given about `batch_tokens` padded tokens at once."""

    width: int
    batch_tokens: int

    def hidden(self, batch: Batch) -> NDArray[np.float32]:
        """The last hidden states, shape (B, S, H)."""

    def save(self, folder: Path) -> None:
        """Write the encoder below the folder of a checkpoint, where `load_runtime` finds it."""


class TorchRuntime:
    """The encoder as a transformers model, in bfloat16 with `half`."""

    def __init__(self, encoder: Any, half: bool) -> None:
        self.encoder, self._half = encoder, half
        self.width = int(encoder.config.hidden_size)
        # What leaves a processor's cache is slower (MiniLM: a tenth from 1024 to 2048); a GPU wants to be filled.
        self.batch_tokens = 1024 if encoder.device.type == "cpu" else 16384

    def hidden(self, batch: Batch) -> NDArray[np.float32]:
        import torch

        from research.models.encoder.network import hidden_states, tensors

        self.encoder.eval()
        device = next(self.encoder.parameters()).device
        with torch.inference_mode():
            inputs = {k: v.to(device) for k, v in tensors(batch).items()}
            found: NDArray[np.float32] = hidden_states(self.encoder, inputs, self._half).cpu().numpy()
        return found

    def save(self, folder: Path) -> None:
        self.encoder.save_pretrained(folder / ENCODER, safe_serialization=True)


def load_runtime(folder: Path, precision: str) -> Runtime:
    """The encoder of the checkpoint in `folder`: its ONNX graph where it was exported and onnxruntime is installed,
    8 bits before 32; else PyTorch, in bfloat16 where `precision` (auto, bf16, fp32) and the machine say so."""
    graphs = [folder / name for name in (INT8, FP32) if (folder / name).is_file()]
    if graphs and find_spec("onnxruntime"):
        return OnnxRuntime(graphs[0])
    if graphs and not (folder / ENCODER).is_dir():
        raise ResearchError(f"{graphs[0].name} needs onnxruntime: pip install 'stance-attribution[onnx]'")
    from research.models.encoder.network import bf16, device

    return TorchRuntime(load_encoder(str(folder / ENCODER)).to(device()), bf16(precision))


def pooled_rows(
    runtime: Runtime,
    blocks: Sequence[Block],
    special: Special,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> NDArray[np.float32]:
    """Shape (rows, 2H): the pooled vector of every row, in order."""
    out = np.zeros((sum(len(block.rows) for block in blocks), 2 * runtime.width), np.float32)
    batches = by_length(blocks, runtime.batch_tokens)
    for i, chosen in enumerate(batches):
        progress("encode", i, len(batches))
        batch = collate(chosen, special)
        out[batch.rows] = pooled(runtime.hidden(batch), batch)
    return out
