"""Models: the protocol every kind keeps, what the feature blocks see, decisions and folds."""

from pathlib import Path

import numpy as np
import pytest

from research.articles import segment
from research.config import (
    MODEL_SCHEMAS,
    Blend,
    Cascade,
    Encoded,
    Features,
    Published,
    RunConfig,
    Shipped,
    TfidfLogreg,
    TfidfSvm,
)
from research.datasets import load_dataset
from research.models import create
from research.models.checkpoint import Checkpoint
from research.models.decision import decide
from research.models.features import FeatureExtractor
from research.models.linear import LinearModel
from research.models.protocol import gold_matrix
from research.models.vocabulary import VocabularyNgrams
from research.models.words import masked_words
from research.records import TASKS, Article, Example, ResearchError, examples_for
from research.workflows.folds import assign_folds, choose_thresholds, cv_rows, out_of_fold
from research.workflows.predicting import derive_primary
from research.workflows.train import annotated

ATTRIBUTION, PRIMARY = TASKS["attribution"], TASKS["primary"]
NOT_QUICK = Encoded | Blend | Cascade | Published  # torch, parts, or stance alone
QUICK = [kind for kind, schema in MODEL_SCHEMAS.items() if not issubclass(schema, NOT_QUICK)]
FEW = 40
CONTEXT = ("neighbours", "position", "quotation", "carry", "cues")


@pytest.fixture(scope="module")
def train() -> list[Article]:
    """Some events: enough to learn from, and few enough to do it often."""
    return load_dataset(Shipped()).articles("train")[:FEW]


@pytest.fixture(scope="module")
def dev() -> list[Article]:
    return load_dataset(Shipped()).articles("dev")


@pytest.mark.parametrize("task", [ATTRIBUTION, PRIMARY], ids=lambda t: t.name)
@pytest.mark.parametrize("kind", [*QUICK, "hashed"])
def test_every_kind_predicts_a_row_per_span_and_survives_a_save(kind, task, train, dev, tmp_path: Path) -> None:
    config = TfidfSvm(features=Features(buckets=4096)) if kind == "hashed" else MODEL_SCHEMAS[kind]()
    model = create(config, task)
    model.fit(annotated(task, train))
    examples = annotated(task, dev)
    probabilities = model.predict_proba(examples)
    assert probabilities.shape == (sum(len(e.spans) for e in examples), len(task.labels))
    assert probabilities.min() >= 0 and probabilities.max() <= 1
    if not task.multi_label:
        assert np.allclose(probabilities.sum(axis=1), 1)
    Checkpoint(model, config, task, (0.5,) * len(task.labels)).save(tmp_path / "c")
    loaded = Checkpoint.load(tmp_path / "c")
    assert np.array_equal(loaded.model.predict_proba(examples), probabilities)
    assert {p.suffix for p in (tmp_path / "c").iterdir()} <= {".json", ".safetensors"}


@pytest.mark.parametrize("kind", ["tfidf-logreg", "tfidf-svm"])
def test_linear_models_beat_the_floor_on_events_they_have_not_seen(kind, train, dev) -> None:
    model = create(MODEL_SCHEMAS[kind](), ATTRIBUTION)
    model.fit(annotated(ATTRIBUTION, train))
    examples = annotated(ATTRIBUTION, dev)
    gold, decided = gold_matrix(examples, ATTRIBUTION), model.predict_proba(examples) >= 0.3
    f1 = 2 * (gold & decided).sum(axis=0) / (gold.sum(axis=0) + decided.sum(axis=0))
    prevalence = gold.mean(axis=0)
    assert (f1 > 2 * prevalence / (1 + prevalence)).all()


def test_probabilities_do_not_depend_on_the_batch(train, dev) -> None:
    model = create(TfidfSvm(), ATTRIBUTION)
    model.fit(annotated(ATTRIBUTION, train))
    examples = annotated(ATTRIBUTION, dev)
    one_by_one = np.vstack([model.predict_proba([e]) for e in examples])
    assert np.allclose(one_by_one, model.predict_proba(examples), atol=1e-6)


def test_hashed_features_have_so_many_columns_and_need_no_training(train, dev) -> None:
    features = FeatureExtractor(Features(buckets=1000), ATTRIBUTION)
    features.fit_transform(annotated(ATTRIBUTION, train))
    matrix = features.transform(annotated(ATTRIBUTION, dev))
    assert matrix.shape == (sum(len(a.sentences) for a in dev), 1000)
    untrained = FeatureExtractor(Features(buckets=1000), ATTRIBUTION).transform(annotated(ATTRIBUTION, dev))
    assert (matrix != untrained).nnz == 0


def test_hashed_features_are_fewer_when_a_group_is_switched_off(train) -> None:
    examples = annotated(ATTRIBUTION, train)
    whole = FeatureExtractor(Features(buckets=2**20), ATTRIBUTION).fit_transform(examples)
    for group in ("words", "characters", *CONTEXT):
        config = Features(**{group: False}, buckets=2**20)
        assert FeatureExtractor(config, ATTRIBUTION).fit_transform(examples).nnz < whole.nnz, group


def test_each_feature_group_can_be_switched_off(train) -> None:
    examples = annotated(ATTRIBUTION, train)
    whole = FeatureExtractor(Features(), ATTRIBUTION).fit_transform(examples).shape[1]
    for group in ("words", "characters", *CONTEXT):
        less = FeatureExtractor(Features(**{group: False}), ATTRIBUTION).fit_transform(examples).shape[1]
        assert less < whole, group


def test_neighbours_are_those_of_the_same_article() -> None:
    off = {group: False for group in ("words", "characters", *CONTEXT)} | {"neighbours": True, "min_count": 1}
    articles = [segment(Article(str(i), text)) for i, text in enumerate(["Alpha one.\n\nBeta two.", "Gamma three."])]
    matrix = FeatureExtractor(Features(**off), ATTRIBUTION).fit_transform(list(examples_for(ATTRIBUTION, articles)))
    half = matrix.shape[1] // 2
    before, after = matrix[:, :half].toarray().any(axis=1), matrix[:, half:].toarray().any(axis=1)
    assert before.tolist() == [False, True, False]
    assert after.tolist() == [True, False, False]


def test_some_spans_of_an_article_can_be_judged_alone(train) -> None:
    model = create(TfidfLogreg(), ATTRIBUTION)
    examples = annotated(ATTRIBUTION, train)
    model.fit(examples)
    article = examples[0].article
    picked = Example(article, (article.sentences[3].span, article.sentences[1].span))
    assert np.allclose(model.predict_proba([picked]), model.predict_proba([examples[0]])[[3, 1]])


def test_names_are_masked_in_word_ngrams_only() -> None:
    assert masked_words("The Ferrow Border Authority’s Ilan Prest said 11 “pieces”") == (
        ["the", "X", "said", "0", '"', "pieces", '"']
    )


def test_ngrams_survive_a_training_set_without_words(tmp_path: Path) -> None:
    block = VocabularyNgrams("words", (1, 2), min_count=2)
    assert block.fit_transform(["—", "…"]).shape == (2, 0)
    block.save(tmp_path / "b")
    other = VocabularyNgrams("words", (1, 2), min_count=2)
    other.load(tmp_path / "b")
    assert other.transform(["some words"]).shape == (1, 0)


def test_a_label_that_training_never_shows_is_never_predicted(train) -> None:
    model = create(TfidfSvm(), ATTRIBUTION)
    examples = [
        Example(e.article, e.spans, tuple(tuple(x for x in labels if x != "denial") for labels in e.gold))
        for e in annotated(ATTRIBUTION, train)
    ]
    model.fit(examples)
    assert isinstance(model, LinearModel)
    assert (model.predict_proba(examples)[:, 2] < 0.001).all()


def test_decide_takes_any_subset_or_exactly_one() -> None:
    multi = decide(np.array([[0.5, 0.2, 0.9], [0.1, 0.1, 0.1]]), (0.5, 0.5, 0.95), ATTRIBUTION)
    assert multi.tolist() == [[True, False, False], [False, False, False]]
    single = decide(np.array([[0.2, 0.2, 0.5, 0.1], [0.4, 0.4, 0.1, 0.1]]), (0.5,) * 4, PRIMARY)
    assert single.tolist() == [[False, False, True, False], [True, False, False, False]]


def test_checkpoint_of_another_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "checkpoint.json").write_text('{"format": 99}')
    with pytest.raises(ResearchError, match=r"checkpoint.json: format 99; this version reads 1"):
        Checkpoint.load(tmp_path)


def test_folds_keep_articles_and_events_whole_and_are_balanced(train) -> None:
    examples = annotated(ATTRIBUTION, train)
    fold = assign_folds(examples, 5, seed=0)
    by_event: dict[str | None, set[int]] = {}
    for example, f in zip(examples, fold, strict=True):
        by_event.setdefault(example.article.event, set()).add(int(f))
    assert all(len(found) == 1 for found in by_event.values())
    assert set(fold.tolist()) == set(range(5))
    assert not np.array_equal(fold, assign_folds(examples, 5, seed=1))
    with pytest.raises(ResearchError, match=f"99 folds need as many articles or events; train has {len(by_event)}"):
        assign_folds(examples, 99, seed=0)


def test_cv_thresholds_never_see_the_fold_they_decide(train) -> None:
    """Turn the gold of one fold round: its own cv rows must not change, for they are decided by the other folds."""
    config = RunConfig(model=TfidfLogreg())
    examples = annotated(ATTRIBUTION, train)
    probabilities = out_of_fold(config, ATTRIBUTION, examples, lambda *_: None)
    before = cv_rows(config, ATTRIBUTION, examples, probabilities)
    fold = assign_folds(examples, 5, 0)
    turned = [
        Example(e.article, e.spans, tuple(() if labels else ATTRIBUTION.labels for labels in e.gold)) if f == 0 else e
        for e, f in zip(examples, fold, strict=True)
    ]
    after = cv_rows(config, ATTRIBUTION, turned, probabilities)
    touched = {e.article.article_id for e, f in zip(examples, fold, strict=True) if f == 0}
    assert [r for r in after if r.article_id in touched] == [r for r in before if r.article_id in touched]
    assert after != before


def test_thresholds_are_fixed_where_nothing_is_to_choose() -> None:
    p, g = np.array([[0.1, 0.2, 0.3]]), np.array([[True, False, True]])
    assert choose_thresholds(RunConfig(model=TfidfLogreg(thresholds="fixed")), ATTRIBUTION, p, g) == (0.5,) * 3
    assert choose_thresholds(RunConfig(model=MODEL_SCHEMAS["majority"]()), ATTRIBUTION, p, g) == (0.5,) * 3


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([("official_statement", "denial"), ()], "denial"),
        ([("official_statement", "speculation"), ("denial",)], "official_statement"),
        ([(), ("speculation",)], "speculation"),
        ([(), (), ("denial",)], "background"),
        ([], "background"),
    ],
)
def test_derived_primary_follows_headline_then_lead(labels, expected) -> None:
    from research.records import Row

    article = Article("a", "x" * 10)
    rows = [Row("attribution", "a", i, i + 1, given) for i, given in enumerate(labels)]
    assert derive_primary(article, rows).labels == (expected,)
