"""The encoder as an ONNX graph: exported from PyTorch, made small in 8 bits, run by ONNX Runtime.

Only `export_encoder` needs PyTorch, and `quantize` needs onnx; to run a graph, onnxruntime is enough. Pooling and head
stay in numpy, so that one graph serves every task and every kind of model.
"""

from __future__ import annotations

import logging
import os
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from research.models.encoder.batches import Batch
from research.models.encoder.tokens import Special

FP32, INT8 = "model.onnx", "model.int8.onnx"
OPSET = 23  # the first with attention as one operator: a quarter faster than spelled out (MiniLM, 280 tokens)
BLOCK = 64  # weights that share a scale
INPUTS = {"input_ids": "ids", "attention_mask": "mask", "token_type_ids": "types"}  # of the graph -> of a batch

# channels: a scale for each output of a matrix, and one for all that goes into it. blocks: one for each BLOCK numbers
# of either, which costs some 40 % of the speed and keeps outliers to themselves: on MiniLM as it is pretrained, a
# third of the error.
Rounding = Literal["channels", "blocks"]


class OnnxRuntime:
    """The encoder in the graph `file`, on the processor."""

    batch_tokens = 512  # 2048, which leaves the cache, takes a tenth longer

    def __init__(self, file: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = _cores()
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.log_severity_level = 3  # errors
        self._file = file
        self._session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        self._inputs = [one.name for one in self._session.get_inputs()]
        self.width = int(self._session.get_outputs()[0].shape[-1])

    def hidden(self, batch: Batch) -> NDArray[np.float32]:
        given = {name: getattr(batch, INPUTS[name]) for name in self._inputs}
        found: NDArray[np.float32] = self._session.run(None, given)[0]
        return found

    def save(self, folder: Path) -> None:
        """Copy the graph into `folder`; its file has to be there still."""
        shutil.copyfile(self._file, folder / self._file.name)


def export_encoder(encoder: Any, special: Special, file: Path) -> None:
    """Write a transformers model without head as a graph from INPUTS, (batch, sequence) each, to `last_hidden_state`
    (batch, sequence, H). The encoder is on the processor afterwards."""
    import onnx
    import torch

    class Hidden(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = encoder

        def forward(self, ids: Any, mask: Any, types: Any = None) -> Any:
            given = {"input_ids": ids, "attention_mask": mask} | ({} if types is None else {"token_type_ids": types})
            return self.encoder(**given).last_hidden_state

    names = list(INPUTS) if special.types else list(INPUTS)[:2]
    dims = {0: torch.export.Dim("batch"), 1: torch.export.Dim("sequence", max=special.positions)}
    with _quiet():
        torch.onnx.export(
            Hidden().cpu().eval(),
            tuple(torch.ones(2, 8, dtype=torch.int64) for _ in names),
            str(file),
            dynamo=True,
            opset_version=OPSET,
            input_names=names,
            output_names=["last_hidden_state"],
            dynamic_shapes={"ids": dims, "mask": dims} | ({"types": dims} if special.types else {}),
            external_data=False,
            verbose=False,
        )
        graph = onnx.load(file)
        del graph.graph.value_info[:]  # shapes of the example, which the quantisation would hold against its own
        onnx.save(graph, file)


def quantize(graph: Path, file: Path, rounding: Rounding) -> None:
    """Write `graph` with the weights of its matrix products in 8 bits; what goes into them is rounded when it runs.
    Embeddings keep 32 bits: to round them would save size, not time."""
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    with _quiet():
        if rounding == "channels":
            quantize_dynamic(
                graph, file, weight_type=QuantType.QInt8, per_channel=True, op_types_to_quantize=["MatMul"]
            )
        else:
            blocks = MatMulNBitsQuantizer(
                onnx.load(graph),
                bits=8,
                block_size=BLOCK,
                is_symmetric=True,
                accuracy_level=4,  # 4: inputs in 8 bits
            )
            blocks.process()
            blocks.model.save_model_to_file(str(file), False)


@contextmanager
def _quiet() -> Iterator[None]:
    """No advice from the exporters: standard error is for ours."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
