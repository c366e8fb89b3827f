"""The corpus that comes with the package: is it as large, as varied, as clean and as agreed upon as its card says?"""

import json
import os
import re
from collections import Counter, defaultdict
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from research.config import dataset_config
from research.datasets import audit, load_dataset
from research.datasets.dataset import Dataset
from research.records import ATTRIBUTION_LABELS, PRIMARY_LABELS, STANCE_LABELS, Article

ROOT = Path(__file__).parents[1]
PASSES = json.loads((ROOT / "tests" / "data" / "two-passes.json").read_text())
REAL = pytest.mark.skipif("RESEARCH_DATA" not in os.environ, reason="needs the real corpora (RESEARCH_DATA)")
WORD = re.compile(r"\w+(?:[’'-]\w+)*")
QUOTED = re.compile(r"“[^”]+”?|\"[^\"]+\"?|‘.+?’(?!\w)|(?<!\w)'.+?'(?!\w)")
CODES = {"official_statement": "O", "speculation": "S", "denial": "D"}


@pytest.fixture(scope="module")
def shipped() -> Dataset:
    return load_dataset(dataset_config("shipped"))


@pytest.fixture(scope="module")
def articles(shipped: Dataset) -> list[Article]:
    return [article for split in shipped.splits for article in shipped.articles(split)]


def lengths(some: list[Article]) -> np.ndarray:
    return np.array([len(WORD.findall(s.text)) for a in some for s in a.sentences])


def test_size_and_variety(articles: list[Article]) -> None:
    labels = [s.labels for a in articles for s in a.sentences]
    counts = Counter(label for some in labels for label in some)
    assert len(articles) >= 150 and len(labels) >= 2000
    assert counts["denial"] >= 250 and counts["speculation"] >= 350 and counts["official_statement"] >= 450
    assert sum(len(some) > 1 for some in labels) >= 80
    assert len({a.fields["kind"] for a in articles}) >= 25 and len({a.fields["register"] for a in articles}) >= 8
    assert {a.primary for a in articles} == set(PRIMARY_LABELS)
    assert all(a.outlet and a.published and a.event for a in articles)


def test_every_article_is_judged_on_three_claims_and_a_borrowed_one_is_unrelated(articles: list[Article]) -> None:
    assert {claim.label for a in articles for claim in a.claims} == set(STANCE_LABELS)
    for article in articles:
        borrowed = [claim for claim in article.claims if not claim.claim_id.startswith(f"{article.event}-")]
        assert len(article.claims) - len(borrowed) >= 3, article.article_id
        assert borrowed and all(claim.label == "unrelated" for claim in borrowed), article.article_id


def test_every_rule_has_ten_examples_and_the_labels_it_stands_for(shipped: Dataset) -> None:
    book = (ROOT / "docs" / "codebook.md").read_text()
    counts: Counter[str] = Counter()
    for split in shipped.splits:
        sentences = [s for a in shipped.articles(split) for s in a.sentences]
        for sentence, rule in zip(sentences, shipped.rules(split), strict=True):
            counts[rule] += 1
            if rule.startswith(("not-", "bg-")):
                assert sentence.labels == (), (rule, sentence.text)
            for prefix, label in (("os-", "official_statement"), ("sp-", "speculation"), ("de-", "denial")):
                assert not rule.startswith(prefix) or label in sentence.labels, (rule, sentence.text)
            assert rule not in ("sp-official", "de-official") or "official_statement" in sentence.labels, sentence.text
    few = {rule: counts[rule] for rule in re.findall(r"^\| ([a-z]+(?:-[a-z]+)+) \|", book, re.M) if counts[rule] < 10}
    assert not few


def test_settled_cases_without_a_rule_of_their_own_have_ten_examples(articles: list[Article]) -> None:
    sentences = [(a, s.text, s.labels) for a in articles for s in a.sentences]
    asked = [labels for _, text, labels in sentences if text.endswith("?")]
    released = [labels for a, _, labels in sentences if a.fields["register"] == "ministry release"]
    confirmed = re.compile(r"\bno [\w ]*confirmation\b.* that\b|not been confirmed that|yet confirmed that")
    found = {
        "a question that puts something forward": sum("speculation" in labels for labels in asked),
        "a question that only asks": sum(labels == () for labels in asked),
        "a released sentence without a communication": sum(labels == () for labels in released),
        "a released sentence with one": sum("official_statement" in labels for labels in released),
        "a clause that is not confirmed": sum(
            labels == ("speculation",) and bool(confirmed.search(text)) for _, text, labels in sentences
        ),
    }
    assert not {case: n for case, n in found.items() if n < 10}, found


def test_no_seven_words_stand_in_two_articles_but_in_quotations(articles: list[Article]) -> None:
    holders: dict[str, set[str]] = defaultdict(set)
    quoted: dict[str, str] = {}
    for article in articles:
        words = [w.lower() for w in WORD.findall(article.text)]
        for i in range(len(words) - 6):
            holders[" ".join(words[i : i + 7])].add(article.article_id)
        quotations = (q for s in article.sentences for q in QUOTED.findall(s.text))
        quoted[article.article_id] = " | ".join(" ".join(w.lower() for w in WORD.findall(q)) for q in quotations)
    shared = {run: some for run, some in holders.items() if len(some) > 1}
    assert not {run: some for run, some in shared.items() if not all(run in quoted[i] for i in some)}


def test_events_stay_in_one_split_and_no_token_gives_a_label_away(shipped: Dataset) -> None:
    found = audit(shipped)
    assert not found.events and not found.pairs
    lexicon = (ROOT / "research" / "cues" / "lexicon.yaml").read_text().lower()
    cues = set(re.findall(r"[\w'-]+", lexicon))
    stems = [{g.token, g.token.removesuffix("s"), g.token.removesuffix("ed")} for g in found.giveaways]
    assert not [stem for stem in stems if not stem & cues]


def test_outlets_on_one_event_disagree(articles: list[Article]) -> None:
    by_event = defaultdict(list)
    for article in articles:
        by_event[article.event].append({c.claim_id: c.label for c in article.claims})
    disagreeing = {
        event
        for event, stances in by_event.items()
        for a, b in combinations(stances, 2)
        if any(a[claim] != b[claim] for claim in a.keys() & b.keys())
    }
    assert len(disagreeing) / len(by_event) > 0.9


@REAL
def test_sentences_are_as_long_and_words_as_various_as_in_real_news(articles: list[Article]) -> None:
    gold = load_dataset(dataset_config("attribution-gold"))
    real = [a for a in gold.articles("train") if a.fields["corpus"] in ("fnc-1", "polnear")]
    shares = (5, 25, 50, 75, 95)
    assert np.abs(np.percentile(lengths(articles), shares) - np.percentile(lengths(real), shares)).max() <= 6
    assert abs(variety(articles) - variety(real)) < 0.03


def variety(some: list[Article]) -> float:
    """Types per token over stretches of 1,000 words."""
    words = [w.lower() for a in some for w in WORD.findall(a.text)]
    return float(np.mean([len(set(words[i : i + 1000])) / 1000 for i in range(0, len(words) - 999, 1000)]))


def test_the_card_tells_the_agreement_of_the_two_passes() -> None:
    """Cohen's kappa, recomputed from what the two passes said of every sentence, article and claim."""
    card = (ROOT / "docs" / "data-card.md").read_text()
    sentences = [pair for a in PASSES.values() for pair in zip(*(one.split() for one in a["sentences"]), strict=True)]
    table = {label: [(code in a, code in b) for a, b in sentences] for label, code in CODES.items()}
    table["primary"] = [tuple(a["primary"]) for a in PASSES.values()]
    table["stance"] = [tuple(pair) for a in PASSES.values() for pair in a["stances"].values()]
    assert set(table) == {*ATTRIBUTION_LABELS, "primary", "stance"}
    for name, pairs in table.items():
        assert f"| {name} | {len(pairs):,} | {sum(a != b for a, b in pairs)} | {kappa(pairs):.3f} |" in card, name


def kappa(pairs: list[tuple[object, object]]) -> float:
    n = len(pairs)
    agreed = sum(a == b for a, b in pairs) / n
    left, right = (Counter(side) for side in zip(*pairs, strict=True))
    chance = sum(left[value] * right[value] for value in left) / n**2
    return (agreed - chance) / (1 - chance)
