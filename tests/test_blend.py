"""Several models as one."""

from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit, logit

from research.config import Blend, Shipped, run_config
from research.datasets import load_dataset
from research.models import create
from research.models.blend import BlendModel
from research.records import TASKS, ResearchError, examples_for


@pytest.mark.parametrize("name", ["attribution", "primary"])
def test_a_blend_is_the_weighted_mean_of_its_parts(tmp_path: Path, name: str) -> None:
    task = TASKS[name]
    articles = load_dataset(Shipped()).articles("train")
    fitted, judged = (list(examples_for(task, some)) for some in (articles[:30], articles[30:40]))
    parts = [{"kind": "tfidf-logreg"}, {"kind": "tfidf-logreg", "c": 0.01, "features": {"words": False}}]
    config = Blend.model_validate({"parts": parts, "weights": [3, 1]})
    blend = BlendModel(config, task)
    blend.fit(fitted)
    found = blend.predict_proba(judged)
    alone = []
    for part in config.parts:
        model = create(part, task)
        model.fit(fitted)
        alone.append(model.predict_proba(judged))
    if task.multi_label:
        assert np.allclose(found, expit((3 * logit(alone[0]) + logit(alone[1])) / 4))
    else:
        pooled = alone[0] ** 0.75 * alone[1] ** 0.25
        assert np.allclose(found, pooled / pooled.sum(axis=1, keepdims=True))
    blend.save(tmp_path)
    again = BlendModel(config, task)
    again.load(tmp_path)
    assert np.array_equal(again.predict_proba(judged), found)


def test_a_part_that_is_named_twice_has_two_seeds() -> None:
    articles = load_dataset(Shipped()).articles("train")
    fitted, judged = (list(examples_for(TASKS["attribution"], some)) for some in (articles[:30], articles[30:40]))
    svm, logreg = {"kind": "tfidf-svm"}, {"kind": "tfidf-logreg"}
    config = Blend.model_validate({"parts": [svm, logreg, svm]})
    blend = BlendModel(config, TASKS["attribution"], seed=5)
    blend.fit(fitted)
    for part, blended, seed in zip(config.parts, blend.parts, (5, 5, 6), strict=True):
        alone = create(part, TASKS["attribution"], seed)
        alone.fit(fitted)
        assert np.array_equal(alone.predict_proba(judged), blended.predict_proba(judged))
    first, _, last = (part.predict_proba(judged) for part in blend.parts)
    assert not np.array_equal(first, last)


def test_a_blend_needs_parts_and_a_weight_for_each() -> None:
    with pytest.raises(ResearchError, match=r"model\.parts: "):
        run_config(assignments=["model={kind: blend, parts: [{kind: cues}]}"])
    with pytest.raises(ResearchError, match="expected 2, one for each part"):
        run_config(assignments=["model={kind: blend, parts: [{kind: cues}, {kind: majority}], weights: [1]}"])
    with pytest.raises(ResearchError, match=r"unknown key; known: .*max_tokens"):
        run_config(assignments=["model={kind: blend, parts: [{kind: cues}, {kind: transformer, max: 1}]}"])
