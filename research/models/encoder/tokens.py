"""Text to token ids, by the tokenizer that came with the pretrained weights; no torch, no transformers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

TOKENIZER, SPECIAL = "tokenizer.json", "inputs.json"


@dataclass(frozen=True)
class Special:
    """The ids that frame a text, whether the encoder tells the two texts of a pair apart by type ids, and the most
    positions it has."""

    start: int
    end: int
    pad: int
    types: bool
    positions: int


class Tokens:
    """A tokenizer without truncation: what is too long is windowed, not dropped."""

    def __init__(self, tokenizer: Any, special: Special) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer, self.special = tokenizer, special

    def __call__(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text, without special tokens."""
        return [e.ids for e in self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]

    def save(self, folder: Path) -> None:
        self._tokenizer.save(str(folder / TOKENIZER))
        (folder / SPECIAL).write_text(json.dumps(asdict(self.special)), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Tokens:
        from tokenizers import Tokenizer

        special = Special(**json.loads((folder / SPECIAL).read_text(encoding="utf-8")))
        return cls(Tokenizer.from_file(str(folder / TOKENIZER)), special)
