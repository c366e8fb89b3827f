"""The encoder with its head as one PyTorch module, and what decides how it computes on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import logit
from torch import Tensor, nn

from research.models.encoder.batches import Batch
from research.models.encoder.head import HIDDEN
from research.models.protocol import Gold
from research.records import Task

Tensors = Mapping[str, Tensor]


class Network(nn.Module):
    """Logits (R, labels) of the rows of a batch: one linear function of each row's pooled vector (`batches.pooled`)
    and of HIDDEN units that see its `numbers` context numbers, if any. `Head` does the same with numpy.

    It begins with the margins `prior` (labels,), whatever it reads. With `half` the encoder computes in bfloat16;
    weights, pooling and head stay in 32 bits.
    """

    def __init__(self, encoder: Any, numbers: int, prior: NDArray[np.float64], half: bool) -> None:
        super().__init__()
        self.encoder, self.in_half = encoder, half
        self.numbers = nn.Linear(numbers, HIDDEN) if numbers else None
        self.head = nn.Linear(2 * encoder.config.hidden_size + (HIDDEN if numbers else 0), len(prior))
        nn.init.zeros_(self.head.weight)
        with torch.no_grad():
            self.head.bias.copy_(torch.from_numpy(prior))

    def forward(self, batch: Tensors) -> Tensor:
        vectors = self.pooled(batch)
        if self.numbers is not None:
            vectors = torch.cat([vectors, self.numbers(batch["numbers"]).relu()], dim=1)
        logits: Tensor = self.head(vectors)
        return logits

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """The weights but for the encoder's, as `Head` takes them."""
        return {
            name: parameter.detach().cpu().numpy().copy()
            for name, parameter in self.named_parameters()
            if not name.startswith("encoder.")
        }

    def pooled(self, batch: Tensors) -> Tensor:
        """Shape (R, 2H), as `batches.pooled`."""
        hidden = hidden_states(self.encoder, batch, self.in_half)
        flat = hidden.reshape(-1, hidden.shape[-1])
        rows = len(batch["anchor"])
        total = flat.new_zeros(rows, flat.shape[1]).index_add_(0, batch["segment"], flat[batch["where"]])
        count = torch.bincount(batch["segment"], minlength=rows)
        return torch.cat([total / count[:, None], flat[batch["anchor"]]], dim=1)


def prior(gold: Gold, task: Task) -> NDArray[np.float64]:
    """Shape (labels,): the margins that say no more than how frequent each label is, so that the first steps are not
    spent on learning it."""
    share = (gold.sum(axis=0) + 1) / (len(gold) + 2)
    return np.asarray(logit(share) if task.multi_label else np.log(share))


def hidden_states(encoder: Any, batch: Tensors, half: bool) -> Tensor:
    """Shape (B, S, H): the last hidden states, as 32-bit floats."""
    inputs = {"input_ids": batch["ids"], "attention_mask": batch["mask"]}
    if getattr(encoder.config, "type_vocab_size", 0) > 1:
        inputs["token_type_ids"] = batch["types"]
    with torch.autocast(batch["ids"].device.type, torch.bfloat16, enabled=half):
        found: Tensor = encoder(**inputs).last_hidden_state
    return found.float()


def tensors(batch: Batch) -> dict[str, Tensor]:
    """The arrays of a batch, without copying them."""
    names = ("ids", "mask", "types", "where", "segment", "anchor", "rows")
    return {name: torch.from_numpy(getattr(batch, name)) for name in names}


def bf16(precision: str) -> bool:
    """Whether to compute in bfloat16: `precision` is bf16, or auto and the processor has instructions for it."""
    if precision != "auto":
        return precision == "bf16"
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    found: Mapping[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()  # older ones cannot tell
    return bool(found.get("avx512_bf16") or found.get("amx_bf16"))


def device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
