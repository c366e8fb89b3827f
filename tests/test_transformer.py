"""Passages, batches and the fine-tuned encoder, on a tiny real one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from research.articles import segment
from research.config import Shipped, Transformer
from research.datasets import load_dataset
from research.models.transformer import TransformerModel
from research.records import TASKS, Article, Example, examples_for

pytestmark = pytest.mark.transformers
ATTRIBUTION = TASKS["attribution"]


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    return list(examples_for(ATTRIBUTION, load_dataset(Shipped()).articles("train")[:6]))


def small(tiny_encoder: Path, **keys: object) -> Transformer:
    values = {"pretrained": str(tiny_encoder), "max_tokens": 96, "context_tokens": 16, "epochs": 1} | keys
    return Transformer.model_validate(values)


@pytest.mark.parametrize("reading", ["window", "sentence"])
def test_saved_and_loaded_gives_the_same(
    tiny_encoder: Path, tmp_path: Path, examples: list[Example], reading: str
) -> None:
    config = small(tiny_encoder, input=reading)
    model = TransformerModel(config, ATTRIBUTION, seed=1)
    model.fit(examples)
    before = model.predict_proba(examples)
    assert before.shape == (sum(len(e.spans) for e in examples), 3)
    model.save(tmp_path)
    again = TransformerModel(config, ATTRIBUTION)
    again.load(tmp_path)
    assert np.array_equal(again.predict_proba(examples), before)
