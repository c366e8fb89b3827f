"""Leaks and giveaways: research.datasets.audit."""

import json
import os
import random
import time
from pathlib import Path

import pytest

from research.config import AttributionGold, Jsonl, Shipped
from research.datasets import Pair, audit, drop_leaks, leaks, load_dataset
from research.datasets.dataset import Dataset, Entry, to_splits
from research.records import Article

REAL = os.environ.get("RESEARCH_DATA")
WORDS = [f"{a}{b}{c}" for a in "bdfgk" for b in "aeiou" for c in "lmnrst"]


@pytest.fixture(autouse=True)
def _own_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("RESEARCH_CACHE", str(tmp_path / "cache"))


def text(seed, words=120):
    return " ".join(random.Random(seed).choices(WORDS, k=words))


def dataset(tmp_path, *rows):
    """A dataset of (article_id, split, text[, event])."""
    named = (dict(zip(("article_id", "split", "text", "event"), row, strict=False)) for row in rows)
    path = tmp_path / "own.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in named))
    return load_dataset(Jsonl(path=path))


def test_pairs_of_every_kind_within_and_across_splits(tmp_path):
    one, two, three = text(1), text(2), text(3, words=400)
    edited = " ".join(two.split()[:110]) + " and ten other words stand at the end of it"
    found = audit(
        dataset(
            tmp_path,
            ("a", "train", one),
            ("b", "train", one.upper().replace(" ", ",  ")),
            ("c", "train", two),
            ("d", "test", edited),
            ("e", "dev", three),
            ("f", "test", " ".join(three.split()[100:160])),
            ("g", "train", text(4)),
        )
    )
    assert found.pairs == (
        Pair("exact", "a", "train", "b", "train", 1.0),
        Pair("near", "c", "train", "d", "test", 0.841),
        Pair("contained", "e", "dev", "f", "test", 1.0),
    )
    assert [(p.left, p.right) for p in leaks(found)] == [("c", "d"), ("e", "f")]
    assert found.articles == {"train": 4, "dev": 1, "test": 2}


def test_below_the_threshold_is_no_pair(tmp_path):
    one = text(1)
    half = " ".join(one.split()[:60]) + " " + text(2, words=60)
    assert audit(dataset(tmp_path, ("a", "train", one), ("b", "test", half))).pairs == ()


def test_short_texts_are_compared_for_equality_only(tmp_path):
    rows = [("a", "train", "Rain fell."), ("b", "test", "rain  fell"), ("c", "test", "Rain fell in May.")]
    assert audit(dataset(tmp_path, *rows)).pairs == (Pair("exact", "a", "train", "b", "test", 1.0),)


def test_an_id_in_two_splits_and_an_event_in_two_splits(tmp_path):
    card = load_dataset(Shipped()).card
    entries = [
        Entry("train", Article("a", text(1), event="fire")),
        Entry("test", Article("a", text(2), event="fire")),
        Entry("test", Article("b", text(3), event="flood")),
    ]
    found = audit(Dataset("own", "0" * 12, card, to_splits(entries), {}))
    assert found.pairs == (Pair("same-id", "a", "train", "a", "test", 1.0),)
    assert found.events == {"fire": ("train", "test")}


def test_drop_leaks_drops_the_training_side(tmp_path):
    one, two = text(1), text(2)
    rows = [("a", "train", one), ("b", "train", text(3)), ("c", "dev", two), ("d", "test", one), ("e", "test", two)]
    whole = dataset(tmp_path, *rows)
    left = drop_leaks(whole, audit(whole))
    assert {s: [a.article_id for a in left.articles(s)] for s in left.splits} == {
        "train": ["b"],
        "dev": [],
        "test": ["d", "e"],
    }
    assert left.revision != whole.revision
    again = audit(left)
    assert leaks(again) == [] and drop_leaks(left, again) is left


def test_giveaways_name_token_label_precision_and_counts(tmp_path):
    rows = []
    for i in range(40):
        told = i < 20
        sentence = "The Vessin Courier denied it." if told else "Rain fell on it."
        labels = [{"start": 0, "end": len(sentence), "labels": ["denial"] if told else []}]
        rows.append({"article_id": str(i), "split": "train", "text": sentence, "sentences": labels})
    path = tmp_path / "own.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = audit(load_dataset(Jsonl(path=path))).giveaways
    assert {(g.token, g.label) for g in found} == {
        *((token, "denial") for token in ("the", "vessin", "courier", "denied")),
        *((token, "background") for token in ("rain", "fell", "on")),
    }
    courier = next(g for g in found if g.token == "courier")
    assert (courier.precision, courier.prevalence, courier.sentences, courier.articles) == (1.0, 0.5, 20, 20)
    assert audit(load_dataset(Jsonl(path=path)), giveaway_articles=21).giveaways == ()


def test_shipped_corpus_has_no_leaks():
    found = audit(load_dataset(Shipped()))
    assert leaks(found) == []
    assert found.events == {}


@pytest.mark.real
@pytest.mark.skipif(not REAL, reason="RESEARCH_DATA is not set")
def test_attribution_gold_has_no_leaks_and_is_audited_in_seconds():
    gold = load_dataset(AttributionGold(path=Path(REAL, "attribution-gold")))
    start = time.perf_counter()
    found = audit(gold)
    assert time.perf_counter() - start < 60
    assert found.pairs == ()
    assert ("reportedly", "speculation") in {(g.token, g.label) for g in found.giveaways}
