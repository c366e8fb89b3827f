"""Stance: which sentences bear on a claim, what the models make of the pair, and that the cascade is its parts."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest

from research.articles import segment
from research.config import Cascade, Published, Shipped, run_config
from research.datasets import load_dataset
from research.models import create
from research.models.decision import decide
from research.models.evidence import bearing, evidence, reading_order
from research.models.pair_features import PairFeatures
from research.models.protocol import gold_matrix
from research.records import TASKS, UNRELATED, Article, Claim, Example, ResearchError, examples_for
from research.scoring import best_proportions

STANCE = TASKS["stance"]
TEXT = """Bridge closed after storm

It rained for two days. The harbour office denied that the bridge at Vell had collapsed. Ferries were late.

"The bridge stands," said a spokeswoman.
"""


def pairs(split: str, articles: int) -> list[Example]:
    return list(examples_for(STANCE, load_dataset(Shipped()).articles(split)[:articles]))


def example(text: str, claim: str) -> Example:
    article = segment(Article("a", text))
    return Example(article, ((0, len(text)),), claim=Claim("c", claim))


# --- evidence -------------------------------------------------------------------------------------------------


def test_evidence_is_what_shares_words_with_the_claim() -> None:
    article = segment(Article("a", TEXT))
    shown = [article.text[start:end] for start, end in evidence(article, "The bridge at Vell collapsed.", most=2)]
    assert shown == ["Bridge closed after storm", "The harbour office denied that the bridge at Vell had collapsed."]
    assert evidence(article, "A minister resigned.") == ()
    assert not bearing(article, "the of and").any()


def test_the_headline_is_read_first_then_what_bears_on_the_claim_then_the_rest() -> None:
    article = segment(Article("a", TEXT))
    order = reading_order(article, "Ferries were late at Vell.")
    assert order[0] == 0 and order[1] == 3 and sorted(order) == list(range(len(article.sentences)))
    assert reading_order(Article("a", "not cut"), "Cut.") == [0]


# --- models ---------------------------------------------------------------------------------------------------


def test_a_linear_model_learns_stance_and_comes_back_from_disk(tmp_path: Path) -> None:
    train, test = pairs("train", 134), pairs("test", 27)
    config = run_config(task="stance", model="tfidf-svm").model
    model = create(config, STANCE)
    model.fit(train)
    found = model.predict_proba(test)
    assert np.allclose(found.sum(axis=1), 1)
    right = decide(found, (0.5,) * 4, STANCE) & gold_matrix(test, STANCE)
    most = gold_matrix(test, STANCE).mean(axis=0).max()
    assert right.any(axis=1).mean() > most + 0.1
    model.save(tmp_path)
    again = create(config, STANCE)
    again.load(tmp_path)
    assert np.array_equal(again.predict_proba(test), found)


def test_a_pair_has_the_same_features_in_whatever_company() -> None:
    train = pairs("train", 20)
    features = PairFeatures(run_config(model="bundled").model.features)
    features.fit_transform(train)
    alone = features.transform(train[:1])
    assert abs(features.transform(train)[0] - alone).max() < 1e-6


@pytest.mark.parametrize("buckets", [0, 4096])
def test_the_claim_decides_too(buckets: int) -> None:
    features = PairFeatures(
        run_config(
            model="tfidf-svm", assignments=[f"model.features.buckets={buckets}", "model.features.min_count=1"]
        ).model.features
    )
    two = [example(TEXT, "The bridge at Vell collapsed."), example(TEXT, "The bridge at Vell did not collapse.")]
    rows = features.fit_transform(two)
    assert abs(rows[0] - rows[1]).max() > 0


PARTS = [{"kind": "tfidf-logreg"}, {"kind": "tfidf-logreg", "features": {"characters": False}}]


def test_a_cascade_is_its_parts(tmp_path: Path) -> None:
    train, test = pairs("train", 60), pairs("test", 27)
    config = Cascade.model_validate({"parts": PARTS, "least_related": 0})
    cascade = create(config, STANCE)
    cascade.fit(train)
    found = cascade.predict_proba(test)
    assert np.allclose(found.sum(axis=1), 1)
    first, second = (part.predict_proba(test) for part in cascade.parts)  # type: ignore[attr-defined]
    assert np.allclose(found[:, 3], first[:, 1])
    assert np.allclose(found[:, :3], first[:, :1] * second)
    cascade.save(tmp_path)
    again = create(config, STANCE)
    again.load(tmp_path)
    assert np.array_equal(again.predict_proba(test), found)


def test_unlikely_pairs_are_not_shown_to_the_second_part() -> None:
    train, test = pairs("train", 60), pairs("test", 27)
    config = Cascade.model_validate({"parts": PARTS, "least_related": 0.5})
    cascade = create(config, STANCE)
    cascade.fit(train)
    seen = []
    second = cascade.parts[1]  # type: ignore[attr-defined]
    predict = second.predict_proba
    second.predict_proba = lambda examples: seen.extend(examples) or predict(examples)
    found = cascade.predict_proba(test)
    assert 0 < len(seen) == (found[:, 3] <= 0.5).sum() < len(test)
    silent = found[found[:, 3] > 0.5]
    assert np.allclose(silent[:, 0] / silent[:, 1], silent[0, 0] / silent[0, 1])  # the shares of training


def test_a_cascade_is_for_stance() -> None:
    config = Cascade.model_validate({"parts": PARTS})
    with pytest.raises(ResearchError, match="a cascade is for task stance, not for attribution"):
        create(config, TASKS["attribution"])
    with pytest.raises(ResearchError, match="train has none"):
        unrelated = [e for e in pairs("train", 60) if e.gold == ((UNRELATED,),)]
        create(config, STANCE).fit(unrelated)


def test_a_reader_deep_inside_is_trained_once() -> None:
    reader = "{kind: blend, parts: [{kind: cues}, {kind: transformer}]}"
    model = f"model={{kind: cascade, parts: [{{kind: tfidf-svm}}, {reader}]}}"
    assert run_config(task="stance", assignments=[model]).train.folds == 0
    assert run_config(task="stance", folds=5, assignments=[model]).train.folds == 5


def test_an_unknown_published_system_is_named() -> None:
    with pytest.raises(ResearchError, match="unknown 'nobody'; known: talos, athene, "):
        create(Published(system="nobody"), STANCE).fit([])


# --- deciding -------------------------------------------------------------------------------------------------


def test_proportions_find_how_much_rare_labels_are_worth() -> None:
    """Scores that know nothing of how frequent a label is: as sure of a rare one as of a common one, or not."""
    rng = np.random.default_rng(0)
    shares = np.array([0.1, 0.3, 0.6])
    gold = np.eye(3, dtype=bool)[rng.choice(3, 3000, p=shares)]
    margins = gold + rng.normal(0, 0.8, (3000, 3))

    def macro_f1(probabilities: np.ndarray, thresholds: tuple[float, ...]) -> float:
        decided = decide(probabilities, thresholds, STANCE)
        return float((2 * (gold & decided).sum(0) / np.maximum(gold.sum(0) + decided.sum(0), 1)).mean())

    drawn = np.exp(margins / 0.64) * shares  # the posterior: common labels are preferred
    found = best_proportions(drawn, gold)
    assert found[0] < found[1] < found[2] and np.exp(np.log(found).mean()) == pytest.approx(0.5)
    assert macro_f1(drawn, found) > macro_f1(drawn, (0.5,) * 3) + 0.01
    grid = np.geomspace(0.05, 2, 25)
    assert macro_f1(drawn, found) > max(macro_f1(drawn, (a, b, 1.0)) for a, b in product(grid, grid)) - 0.01
    rare = np.exp(margins / 0.64) / shares  # rare labels are preferred already: nothing to add
    assert best_proportions(rare, gold) == (0.5,) * 3


def test_a_label_that_gold_does_not_hold_changes_nothing() -> None:
    gold = np.array([[1, 0, 0], [0, 1, 0]], dtype=bool)
    assert best_proportions(np.array([[0.6, 0.3, 0.1], [0.2, 0.7, 0.1]]), gold) == (0.5, 0.5, 0.5)
