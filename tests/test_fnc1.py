"""Two published systems of the Fake News Challenge, scored again from their own prediction files (RESEARCH_DATA).

The test set names 242 pairs of headline and body twice, always with the same stance. The published numbers count every
line, so both stay, told apart by a number in the claim_id.
"""

from __future__ import annotations

import csv
import os
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from sklearn.metrics import f1_score

from research.records import Row
from research.scoring import Judged, compare, join, mcnemar, score

FNC = Path(os.environ.get("RESEARCH_DATA", "none"), "fnc-1")
GOLD = FNC / "competition_test_stances.csv"
TALOS = FNC / "published_predictions/talos_averaged_2models_cor4.csv"
ATHENE = FNC / "published_predictions/athene_official_FNC_submission.csv"
STANCE = {"agree": "supports", "disagree": "denies", "discuss": "discusses", "unrelated": "unrelated"}
NUMBERS = {  # FNC score and macro-F1 as published; the article interval from 20,000 draws, and from a plain loop
    TALOS: (0.8202, 0.578, 0.563, 0.593),
    ATHENE: (0.8197, 0.600, 0.581, 0.618),
}

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not GOLD.exists(), reason="needs the FNC-1 files of RESEARCH_DATA"),
]


def read_lines(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read_stances(path: Path) -> list[Row]:
    """Stance rows of a CSV with Headline, Body ID and Stance: the headline is the claim, the body the article. Offsets
    are 0, since the body's text is not read."""
    seen: Counter[tuple[str, str]] = Counter()
    rows = []
    for line in read_lines(path):
        pair = line["Headline"], line["Body ID"]
        seen[pair] += 1
        claim_id = f"{pair[0]} ({seen[pair]})"
        rows.append(Row("stance", pair[1], 0, 0, (STANCE[line["Stance"]],), claim_id))
    return rows


@cache
def judged(path: Path) -> Judged:
    return join(read_stances(GOLD), read_stances(path))


@pytest.mark.parametrize("path", [TALOS, ATHENE], ids=["talos", "athene"])
def test_published_scores(path: Path) -> None:
    found = {one.metric: one for one in score(judged(path))}
    fnc, macro, low, high = NUMBERS[path]
    assert found["fnc_score"].value == pytest.approx(fnc, abs=5e-5)
    assert (found["macro_f1"].n, found["macro_f1"].articles) == (25_413, 904)
    assert found["macro_f1"].value == pytest.approx(macro, abs=5e-4)
    number = {name: i for i, name in enumerate(STANCE)}
    gold, predicted = ([number[line["Stance"]] for line in read_lines(file)] for file in (GOLD, path))
    by_label = f1_score(gold, predicted, average=None)
    assert [found[f"{stance}/f1"].value for stance in STANCE.values()] == pytest.approx(by_label, abs=1e-9)
    assert found["macro_f1"].value == pytest.approx(by_label.mean(), abs=1e-9)
    assert found["macro_f1"].low == pytest.approx(low, abs=0.002)
    assert found["macro_f1"].high == pytest.approx(high, abs=0.002)


def test_the_pairs_named_twice_carry_the_same_stance_and_are_counted_twice() -> None:
    rows = read_stances(GOLD)
    twice = [row for row in rows if row.claim_id.endswith(" (2)")]
    assert len(twice) == 242 and len(rows) == 25_413
    first = {(row.article_id, row.claim_id): row.labels for row in rows}
    assert all(first[row.article_id, row.claim_id.removesuffix("(2)") + "(1)"] == row.labels for row in twice)


def test_the_two_differ_in_macro_f1_at_most_barely_and_in_the_score_of_the_challenge_not_at_all() -> None:
    athene, talos = judged(ATHENE), judged(TALOS)
    macro = compare(athene, talos)
    assert macro.difference == pytest.approx(0.0219, abs=5e-5)
    assert 0.03 < macro.p < 0.07 and macro.detectable == pytest.approx(0.028, abs=0.001)
    fnc = compare(athene, talos, "fnc_score")
    assert fnc.difference == pytest.approx(-0.0005, abs=5e-5) and fnc.p > 0.8
    # As if rows were independent, one label would be told apart beyond doubt.
    assert min(one.p_holm for one in mcnemar(athene, talos)) < 0.01
