"""News labelled by a model, to learn from besides the gold: without text, without what the gold holds, never scored."""

import json
import os
from pathlib import Path

import pytest
from test_attribution_gold import gold_row, write_gold

from research.articles import article_to_json
from research.articles.copies import Copies
from research.config import AttributionGold, AttributionSilver, dataset_config
from research.datasets import load_dataset
from research.datasets.attribution_silver import STANDOFF, unlabelled_articles, write_standoff
from research.datasets.standoff import read_rows
from research.records import ATTRIBUTION_LABELS, ResearchError

real = pytest.mark.skipif("RESEARCH_DATA" not in os.environ, reason="RESEARCH_DATA is not set")


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RESEARCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    monkeypatch.setenv("RESEARCH_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def story(*numbers: int) -> str:
    """A paragraph of its own for each number."""
    return "\n\n".join(" ".join(f"Word{n}x{i} stood in it." for i in range(30)) for n in numbers)


def write_fnc1(folder: Path, *texts: str) -> None:
    """Bodies 0, 1 ..., each with a headline of its own to train on; the test split is there, too."""
    folder.mkdir(parents=True)
    bodies, stances = ["Body ID,articleBody"], ["Headline,Body ID,Stance"]
    for i, text in enumerate(texts):
        bodies.append(f'{i},"{text}"')
        stances.append(f"Headline {i},{i},agree")
    for part, number in (("train", ""), ("competition_test", "")):
        (folder / f"{part}_bodies{number}.csv").write_text("\n".join(bodies) + "\n")
        (folder / f"{part}_stances.csv").write_text("\n".join(stances) + "\n")


def write_polnear(folder: Path, text: str) -> None:
    for split in ("train", "dev"):
        for kind in ("text", "attributions"):
            (folder / split / kind).mkdir(parents=True)
    (folder / "train" / "text" / "x_2016-01-01_a.txt").write_text(text)
    (folder / "train" / "attributions" / "x_2016-01-01_a_0a0a.ann").write_text("")


def test_from_articles_to_label_to_labels_without_text(data: Path) -> None:
    write_gold(data / "attribution-gold", [gold_row("g1", story(1))], [gold_row("g2", story(2))])
    write_fnc1(data / "fnc-1", story(1) + " More.", story(9, 2, 8, 7), story(3), story(3) + " Again.")
    write_polnear(data / "polnear", story(4))
    found = unlabelled_articles()
    keys = [(a.fields["corpus"], a.fields["ref"]) for a in found]
    assert keys == [("fnc-1", "2"), ("polnear", "train/x_2016-01-01_a")], "copies of gold and of each other stay out"

    lines = [article_to_json(article) for article in found]
    for line in lines:
        line["primary"] = "denial"
        line["sentences"] = [{"start": 0, "end": 9, "labels": ["denial", "official_statement"]}]
    (data / "labelled.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    assert write_standoff(data / "labelled.jsonl", data / "out.json") == 2
    assert "Word" not in (data / "out.json").read_text()
    assert [row["sentences"][0]["labels"] for row in read_rows(data / "out.json")] == [
        ["denial", "official_statement"]
    ] * 2


def test_without_its_corpora_it_says_what_to_fetch(data: Path) -> None:
    with pytest.raises(ResearchError, match=r"research data fetch fnc-1` and `research data fetch polnear`, or set"):
        load_dataset(AttributionSilver())


def test_the_file_holds_labels_and_no_text() -> None:
    rows = read_rows(STANDOFF)
    assert len(rows) == len({row["article_id"] for row in rows}) == len({row["sha256"] for row in rows}) > 1500
    assert {key for row in rows for key in row} == {
        "split",
        "article_id",
        "corpus",
        "ref",
        "sha256",
        "sentences",
        "labelled_by",
    }
    assert {row["split"] for row in rows} == {"train"} and {row["corpus"] for row in rows} == {"fnc-1", "polnear"}
    assert STANDOFF.stat().st_size < 1_200_000


@real
@pytest.mark.real
def test_it_learns_beside_the_gold_and_holds_nothing_of_it() -> None:
    dataset = load_dataset(dataset_config("attribution-gold++attribution-silver"))
    silver = dataset.articles("extra")
    assert dataset.missing == {} and len(silver) == len(read_rows(STANDOFF))
    shares = {x: sum(x in (s.labels or ()) for a in silver for s in a.sentences) for x in ATTRIBUTION_LABELS}
    assert all(count > 500 for count in shares.values()), shares
    copies = Copies()
    gold = load_dataset(AttributionGold())
    known = {copies.group(article) for split in gold.splits for article in gold.articles(split)}
    assert not [a.article_id for a in silver if copies.group(a) in known]
    held = {f"{row.fields['corpus']}:{row.origin}" for row in silver}
    assert not [one for one in held if "competition_test" in one or ":test/" in one]
