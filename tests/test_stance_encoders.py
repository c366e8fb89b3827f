"""Encoders judge pairs: alone, as the second step of a cascade, exported, and cached per pair."""

from pathlib import Path

import numpy as np
import pytest

from research.config import Cascade, EmbeddingLogreg, Shipped, Transformer
from research.datasets import load_dataset
from research.models import create
from research.models.protocol import Fitting, Model
from research.records import TASKS, UNRELATED, Example, examples_for

pytestmark = pytest.mark.transformers
STANCE = TASKS["stance"]
SMALL = {"max_tokens": 96, "context_tokens": 8}


def pairs(split: str, articles: int) -> list[Example]:
    return list(examples_for(STANCE, load_dataset(Shipped()).articles(split)[:articles]))


def back_from_disk(model: Model, config: Transformer | EmbeddingLogreg | Cascade, folder: Path) -> Model:
    model.save(folder)
    again = create(config, STANCE)
    again.load(folder)
    return again


@pytest.mark.parametrize("kind", [Transformer, EmbeddingLogreg])
def test_a_pair_is_judged_and_comes_back_from_disk(
    kind: type[Transformer | EmbeddingLogreg], tiny_encoder: Path, tmp_path: Path
) -> None:
    config = kind.model_validate({"pretrained": str(tiny_encoder), **SMALL})
    model = create(config, STANCE)
    model.fit(pairs("train", 8), Fitting(cache=tmp_path / "cache"))
    test = pairs("test", 3)
    found = model.predict_proba(test)
    assert found.shape == (len(test), 4) and np.allclose(found.sum(axis=1), 1)
    (tmp_path / "model").mkdir()
    again = back_from_disk(model, config, tmp_path / "model")
    assert np.allclose(again.predict_proba(test), found, atol=1e-6)
    assert np.allclose(model.predict_proba(test[2:3]), found[2:3], atol=1e-4), "company changes nothing"


def test_what_is_not_read_is_counted(tiny_encoder: Path) -> None:
    config = Transformer.model_validate({"pretrained": str(tiny_encoder), "epochs": 1, **SMALL})
    model = create(config, STANCE)
    model.fit(pairs("train", 4))
    costs = model.costs  # type: ignore[attr-defined]
    assert costs["tokens_dropped"] == 0 < costs["tokens_unread"]
    whole = create(config.model_copy(update={"evidence": False}), STANCE)
    whole.fit(pairs("train", 4))
    read = whole.costs  # type: ignore[attr-defined]
    assert read["tokens_unread"] == 0 and read["windows"] > costs["windows"]
    assert read["tokens_read"] == costs["tokens_read"] + costs["tokens_unread"]


def test_a_cascade_reads_only_what_is_related(tiny_encoder: Path, tmp_path: Path) -> None:
    reader = {"kind": "transformer", "pretrained": str(tiny_encoder), "epochs": 1, **SMALL}
    config = Cascade.model_validate({"parts": [{"kind": "tfidf-logreg"}, reader], "least_related": 0})
    train, test = pairs("train", 12), pairs("test", 3)
    model = create(config, STANCE)
    model.fit(train)
    related = sum(example.gold != ((UNRELATED,),) for example in train)
    assert model.costs["windows"] == related < len(train)  # type: ignore[attr-defined]
    found = model.predict_proba(test)
    assert np.allclose(found.sum(axis=1), 1)
    (tmp_path / "model").mkdir()
    assert np.allclose(back_from_disk(model, config, tmp_path / "model").predict_proba(test), found, atol=1e-6)
