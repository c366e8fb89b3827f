"""Logistic regression over a frozen encoder, on a tiny real one: what is kept, what is encoded anew, what it learns."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from research.config import EmbeddingLogreg as Config
from research.config import Shipped
from research.datasets import load_dataset
from research.models.embedding import EmbeddingLogreg
from research.models.majority import Majority
from research.models.protocol import Fitting, gold_matrix
from research.records import TASKS, Article, Claim, Example, Task, examples_for
from research.scoring import average_precision

pytestmark = pytest.mark.transformers
ATTRIBUTION, PRIMARY = TASKS["attribution"], TASKS["primary"]


@pytest.fixture(scope="module")
def articles() -> list[Article]:
    return list(load_dataset(Shipped()).articles("train"))[:60]


@pytest.fixture(scope="module")
def examples(articles: list[Article]) -> list[Example]:
    return list(examples_for(ATTRIBUTION, articles))


def model(encoder: Path, task: Task = ATTRIBUTION, **keys: object) -> EmbeddingLogreg:
    values = {"pretrained": str(encoder), "max_tokens": 96, "context_tokens": 16} | keys
    return EmbeddingLogreg(Config.model_validate(values), task)


def kept(cache: Path) -> dict[Path, int]:
    """The files of a cache and when each was written."""
    return {file: file.stat().st_mtime_ns for file in cache.rglob("*") if file.is_file()}


def precision(probabilities: np.ndarray, examples: list[Example], task: Task) -> float:
    columns = zip(probabilities.T, gold_matrix(examples, task).T, strict=True)
    return float(np.mean([average_precision(p, gold) for p, gold in columns]))


@pytest.mark.parametrize("reading", ["window", "sentence"])
@pytest.mark.parametrize("cues", [True, False])
def test_saved_and_loaded_gives_the_same(
    tiny_encoder: Path, tmp_path: Path, examples: list[Example], reading: str, cues: bool
) -> None:
    first = model(tiny_encoder, input=reading, cues=cues)
    first.fit(examples[:8])
    before = first.predict_proba(examples[:8])
    assert before.shape == (sum(len(e.spans) for e in examples[:8]), 3)
    first.save(tmp_path)
    again = model(Path("absent"), input=reading, cues=cues)
    again.load(tmp_path)
    assert np.array_equal(again.predict_proba(examples[:8]), before)
    assert {f.suffix for f in tmp_path.rglob("*") if f.is_file()} <= {".json", ".safetensors", ".txt"}


def test_an_article_is_encoded_once(tiny_encoder: Path, tmp_path: Path, examples: list[Example]) -> None:
    first = model(tiny_encoder)
    first.fit(examples[:6], Fitting(cache=tmp_path))
    written = kept(tmp_path)
    assert len(written) == 6
    first.predict_proba(examples[4:8])
    assert len(kept(tmp_path)) == 8
    second = model(tiny_encoder, c=3)
    second.fit(examples[:8], Fitting(cache=tmp_path))
    assert kept(tmp_path).items() >= written.items() and len(kept(tmp_path)) == 8
    alone = model(tiny_encoder, c=3)
    alone.fit(examples[:8])
    assert np.allclose(alone.predict_proba(examples), second.predict_proba(examples), atol=1e-3)


def test_what_is_kept_is_what_is_read(tiny_encoder: Path, tmp_path: Path, examples: list[Example]) -> None:
    first = model(tiny_encoder, cues=False)
    first.fit(examples[:6], Fitting(cache=tmp_path))
    fitted = kept(tmp_path)
    before = first.predict_proba(examples[6:7])
    (own,) = kept(tmp_path).keys() - fitted.keys()
    np.save(own, -np.load(own))
    assert not np.allclose(first.predict_proba(examples[6:7]), before)
    own.write_bytes(own.read_bytes()[:200])  # cut short: encoded anew
    assert np.array_equal(first.predict_proba(examples[6:7]), before)
    assert len(np.load(own)) == len(examples[6].article.sentences)


def test_what_decides_the_vectors_decides_the_name(
    tiny_encoder: Path, tmp_path: Path, articles: list[Article], examples: list[Example]
) -> None:
    cache = tmp_path / "cache"

    def files_after(encoder: Path, changed: list[Example], **keys: object) -> int:
        model(encoder, **keys).fit(changed, Fitting(cache=cache))
        return len(kept(cache))

    assert files_after(tiny_encoder, examples[:2]) == 2
    retitled = replace(articles[0], title="Another title")
    assert files_after(tiny_encoder, [*examples_for(ATTRIBUTION, [retitled]), examples[1]]) == 3
    first = articles[0].sentences[0]
    other_letter = ("A" if first.text[0] != "A" else "B") + articles[0].text[1:]
    head = replace(first, text=other_letter[first.start : first.end])
    changed = replace(articles[0], text=other_letter, sentences=(head, *articles[0].sentences[1:]))
    assert files_after(tiny_encoder, [*examples_for(ATTRIBUTION, [changed]), examples[1]]) == 4
    halved = replace(examples[0], spans=examples[0].spans[::2], gold=examples[0].gold[::2])
    assert files_after(tiny_encoder, [halved, examples[1]]) == 4  # the same article, other spans to judge
    assert files_after(tiny_encoder, examples[:2], input="sentence") == 6
    other = tmp_path / "other"
    other.mkdir()
    for file in tiny_encoder.iterdir():
        (other / file.name).write_bytes(file.read_bytes())
    assert files_after(other, examples[:2]) == 6  # where the weights lie does not matter
    weights = load_file(other / "model.safetensors")
    save_file({k: v * 1.01 for k, v in weights.items()}, other / "model.safetensors", {"format": "pt"})
    assert files_after(other, examples[:2]) == 8


def test_neighbours_are_those_of_the_article(tiny_encoder: Path, examples: list[Example]) -> None:
    first = model(tiny_encoder, cues=False)
    first.fit(examples[:8])
    whole = first.predict_proba(examples[:2])
    halved = [replace(e, spans=e.spans[1::2], gold=()) for e in examples[:2]]
    wanted = [p for e, rows in zip(examples[:2], _split(whole, examples[:2]), strict=True) for p in rows[1::2] if e]
    assert np.allclose(first.predict_proba(halved), wanted, atol=1e-5)
    assert first.predict_proba([replace(examples[0], spans=())]).shape == (0, 3)


@pytest.mark.parametrize("task", [ATTRIBUTION, PRIMARY], ids=lambda task: task.name)
def test_learns_more_than_the_floor(tiny_encoder: Path, articles: list[Article], task: Task) -> None:
    train, held_out = (list(examples_for(task, part)) for part in (articles[:45], articles[45:]))
    floor = Majority(None, task)
    floor.fit(train)
    for cues, gain in ((True, 0.15), (False, 0.05)):
        fitted = model(tiny_encoder, task, cues=cues, c=10)
        fitted.fit(train)
        found = fitted.predict_proba(held_out)
        assert precision(found, held_out, task) > precision(floor.predict_proba(held_out), held_out, task) + gain
        assert task.multi_label or np.allclose(found.sum(axis=1), 1)


def test_a_label_that_training_never_shows_is_not_given(tiny_encoder: Path, articles: list[Article]) -> None:
    examples = [e for e in examples_for(PRIMARY, articles[:30]) if e.gold != (("denial",),)]
    fitted = model(tiny_encoder, PRIMARY)
    fitted.fit(examples)
    column = PRIMARY.labels.index("denial")
    assert fitted.predict_proba(list(examples_for(PRIMARY, articles)))[:, column].max() < 0.01


def test_a_claim_is_read_with_its_article(tiny_encoder: Path, tmp_path: Path, articles: list[Article]) -> None:
    texts = {"supports": "The ministry denied it.", "denies": "The mayor sold the bridge."}
    claims = tuple(Claim(label, text, label) for label, text in texts.items())
    examples = list(examples_for(TASKS["stance"], [replace(a, claims=claims) for a in articles[:6]]))
    fitted = model(tiny_encoder, TASKS["stance"], c=1000, cues=False)
    fitted.fit(examples, Fitting(cache=tmp_path))
    assert len(kept(tmp_path)) == 12
    labels = [TASKS["stance"].labels[i] for i in fitted.predict_proba(examples).argmax(axis=1)]
    assert labels == ["supports", "denies"] * 6


def _split(rows: np.ndarray, examples: list[Example]) -> list[np.ndarray]:
    return np.split(rows, np.cumsum([len(e.spans) for e in examples])[:-1])
