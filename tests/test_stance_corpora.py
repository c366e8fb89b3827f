"""The stance corpora: made-up files read as the real ones are, leaking claims, and what published systems said."""

import csv
import json
import os
from pathlib import Path

import pytest

from research.config import Emergent, Fnc1, Jsonl, Rumoureval, run_config
from research.config import Published as PublishedConfig
from research.datasets import audit, drop_leaks, load_dataset, published_rows
from research.datasets.dataset import Dataset
from research.datasets.shared_claims import find_shared_claims
from research.records import TASKS, Article, Claim, ResearchError, Task, examples_for, gold_rows
from research.scoring import join, score
from research.workflows.train import train

STANCE = TASKS["stance"]
REAL = Path(os.environ.get("RESEARCH_DATA", "none"))


def write(file: Path, columns: str, *rows: tuple[object, ...]) -> None:
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([columns.split(","), *rows])


@pytest.fixture
def fnc1(tmp_path: Path) -> Path:
    write(tmp_path / "train_bodies.csv", "Body ID,articleBody", (0, "A dam broke.\n\nIt rained."), (1, "A cat slept."))
    write(tmp_path / "competition_test_bodies.csv", "Body ID,articleBody", (7, "Fog came."))
    write(
        tmp_path / "train_stances.csv",
        "Headline,Body ID,Stance",
        ("Dam breaks", 0, "agree"),
        ("Dam breaks", 1, "unrelated"),
        ("Dam holds", 0, "disagree"),
        ("Cat sleeps", 1, "discuss"),
    )
    columns = "Headline,Body ID,Stance"
    write(tmp_path / "competition_test_stances.csv", columns, ("Fog", 7, "agree"), ("Fog", 7, "agree"))
    return tmp_path


def test_fnc1_headlines_are_claims_and_every_line_counts(fnc1: Path) -> None:
    dataset = load_dataset(Fnc1(path=fnc1))
    dam, cat = dataset.articles("train")
    assert [(c.claim, c.label) for c in dam.claims] == [("Dam breaks", "supports"), ("Dam holds", "denies")]
    assert [(c.claim, c.label) for c in cat.claims] == [("Dam breaks", "unrelated"), ("Cat sleeps", "discusses")]
    assert [s.text for s in dam.sentences] == ["A dam broke.", "It rained."]
    assert dam.event != cat.event, "an unrelated headline is no story"
    (fog,) = dataset.articles("test")
    first, second = (claim.claim_id for claim in fog.claims)
    assert second == f"{first}-2"
    assert dam.claims[0].claim_id == cat.claims[0].claim_id


def test_bodies_that_share_a_headline_are_one_story(fnc1: Path) -> None:
    write(
        fnc1 / "train_stances.csv", "Headline,Body ID,Stance", ("Cat sleeps", 1, "agree"), ("Cat sleeps", 0, "discuss")
    )
    assert len({article.event for article in load_dataset(Fnc1(path=fnc1)).articles("train")}) == 1


def test_an_unknown_stance_names_its_row(fnc1: Path) -> None:
    write(fnc1 / "train_stances.csv", "Headline,Body ID,Stance", ("Dam breaks", 0, "agrees"))
    with pytest.raises(ResearchError, match=r"train_stances.csv: row 1: unknown Stance 'agrees'; known: agree, "):
        load_dataset(Fnc1(path=fnc1))
    write(fnc1 / "train_stances.csv", "Headline,Body", ("Dam breaks", 0))
    with pytest.raises(ResearchError, match="no column 'Body ID'; found Headline, Body"):
        load_dataset(Fnc1(path=fnc1))


def test_emergent_headlines_are_articles(tmp_path: Path) -> None:
    write(
        tmp_path / "train.csv",
        "claim,headline,stance",
        ("A dam broke", "Dam broke, say villagers", "for"),
        ("A man drowned", "Dam broke, say villagers", "observing"),
        ("A dam broke", "No, the dam did not break", "against"),
    )
    columns = "claim,headline,stance,published_lr_prediction"
    write(tmp_path / "test.csv", columns, ("Fog came", "Fog in Vell", "for", "observing"))
    dataset = load_dataset(Emergent(path=tmp_path))
    both, one = dataset.articles("train")
    assert [c.label for c in both.claims] == ["supports", "discusses"] and both.event == one.event
    assert dataset.articles("test")[0].text == "Fog in Vell"


def test_rumoureval_keeps_the_native_label_and_deleted_posts(tmp_path: Path) -> None:
    post = {"platform": "reddit", "thread": "t", "kind": "reply", "source_text": "A dam broke"}
    posts = [
        {**post, "split": "train", "id": "1", "stance": "query", "text": "Source?"},
        {**post, "split": "test", "id": "2", "stance": "deny", "text": None},
    ]
    file = tmp_path / "rumoureval2019.jsonl"
    file.write_text("".join(json.dumps(p) + "\n" for p in posts))
    dataset = load_dataset(Rumoureval(path=tmp_path))
    (asked,), (gone,) = dataset.articles("train"), dataset.articles("test")
    assert (asked.claims[0].label, asked.fields["native"]) == ("discusses", "query")
    assert (gone.text, gone.claims[0].label) == ("", "denies")
    file.write_text(json.dumps({**posts[0], "stance": "maybe"}) + "\n")
    with pytest.raises(ResearchError, match=r"rumoureval2019.jsonl:1: .*stance \(support, deny, query, comment\)"):
        load_dataset(Rumoureval(path=tmp_path))


# --- leaks ----------------------------------------------------------------------------------------------------


def told(text: str, claim: str, label: str) -> Article:
    return Article(text, text, claims=(Claim("c", claim, label),))


@pytest.mark.parametrize(
    ("left", "right", "leaks"),
    [
        (told("one", "A dam broke.", "supports"), told("two", "a dam broke", "denies"), 1),
        (told("one", "A dam broke.", "supports"), told("two", "A dam broke.", "unrelated"), 0),
        (told("one", "A dam broke.", "unrelated"), told("two", "A dam broke.", "denies"), 0),
        (told("one", "A dam broke.", "supports"), told("A dam broke", "Fog came.", "supports"), 1),
        (told("A dam broke", "Fog came.", "supports"), told("two", "A dam broke.", "supports"), 1),
        (told("one", "A dam broke.", "supports"), told("two", "Fog came.", "supports"), 0),
    ],
)
def test_a_claim_leaks_where_both_sides_take_a_stance(left: Article, right: Article, leaks: int) -> None:
    found = list(find_shared_claims([("train", left), ("test", right)]))
    assert len(found) == leaks
    assert not list(find_shared_claims([("train", left), ("train", right)]))


def shared(folder: Path) -> Path:
    """Articles of train and test that take a stance on one claim, and others on claims of their own."""
    lines = []
    for i in range(12):
        split = "test" if i % 3 == 0 else "train"
        claim = {"claim_id": "c", "claim": "The dam broke."} if i < 4 else {"claim_id": f"c{i}", "claim": f"No. {i}."}
        text = f"Village {i} says that dam {i * 7} broke on day {i * 31}."
        label = ["supports", "denies"][i % 2]
        lines.append({"article_id": str(i), "text": text, "split": split, "claims": [{**claim, "label": label}]})
    file = folder / "shared.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


def test_training_refuses_a_claim_in_two_splits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = shared(tmp_path)
    given = {"task": "stance", "model": "majority", "dataset": str(file), "folds": 0}
    with pytest.raises(
        ResearchError, match=r"1 claims stand in two splits \(first: 'The dam broke.' in train and test"
    ):
        train(run_config(**given))
    assert train(run_config(**given, assignments=["train.shared_claims=true", "scoring.draws=100"])).run_id
    dataset = load_dataset(Jsonl(path=file))
    left = drop_leaks(dataset, audit(dataset), claims=True)
    assert (claims_in(dataset, "train"), claims_in(left, "train")) == (8, 6)
    assert claims_in(left, "test") == claims_in(dataset, "test") == 4
    assert left.revision != dataset.revision
    assert drop_leaks(dataset, audit(dataset)) is dataset, "other tasks do not read claims"


def claims_in(dataset: Dataset, split: str) -> int:
    return sum(len(article.claims) for article in dataset.articles(split))


# --- the published systems, from their own files ---------------------------------------------------------------


@pytest.mark.real
@pytest.mark.parametrize(
    ("config", "system", "numbers"),
    [
        (Fnc1(), "talos", {"fnc_score": 0.8202, "macro_f1": 0.578, "denies/f1": 0.035}),
        (Fnc1(), "athene", {"fnc_score": 0.8197, "macro_f1": 0.600, "denies/f1": 0.151}),
        (Emergent(), "ferreira-vlachos-lr", {"accuracy": 0.7328, "macro_f1_present": 0.7233}),
        (Rumoureval(), "branch-lstm", {"accuracy": 0.873, "macro_f1_present": 0.480}),  # in our three labels
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_published_numbers_are_reproduced(config: Fnc1, system: str, numbers: dict[str, float]) -> None:
    if not (REAL / config.kind).is_dir():
        pytest.skip(f"needs the files of {config.kind} (RESEARCH_DATA)")
    gold = gold_rows(STANCE, examples_for(STANCE, load_dataset(config).articles("test")))
    found = {one.metric: one.value for one in score(join(gold, published_rows(system)), draws=0)}
    assert {name: found[name] for name in numbers} == pytest.approx(numbers, abs=0.0005)


@pytest.mark.real
def test_branch_lstm_in_the_four_labels_of_its_task(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = REAL / "rumoureval-2019"
    if not folder.is_dir():
        pytest.skip("needs the files of rumoureval-2019 (RESEARCH_DATA)")
    native = Task("native", ("support", "deny", "query", "comment"), "article", multi_label=False)
    monkeypatch.setitem(TASKS, "native", native)  # type: ignore[arg-type]
    posts = [json.loads(line) for line in (folder / "rumoureval2019.jsonl").read_bytes().splitlines()]
    answers = json.loads((folder / "published_predictions/branchLSTM_baseline_answer.json").read_text())
    said = answers["subtaskaenglish"]
    from research.records import Row

    test = [post for post in posts if post["split"] == "test"]
    gold = [Row("native", post["id"], 0, 0, (post["stance"],)) for post in test]
    predicted = [Row("native", post["id"], 0, 0, (said[post["id"]],)) for post in test]
    found = {one.metric: one.value for one in score(join(gold, predicted), draws=0)}
    assert found["macro_f1"] == pytest.approx(0.4929, abs=0.00005)
    assert found["accuracy"] == pytest.approx(0.8407, abs=0.00005)


def test_a_published_system_is_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    columns = "claim,headline,stance,published_lr_prediction"
    write(tmp_path / "train.csv", "claim,headline,stance", *((f"C {i}", f"Headline {i}", "for") for i in range(8)))
    rows = [("Fog", "Fog in Vell", "for", "for"), ("Dam", "Dam broke", "against", "observing")]
    write(tmp_path / "test.csv", columns, *rows)
    monkeypatch.setenv("RESEARCH_DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    config = run_config(task="stance", dataset="emergent", assignments=["scoring.draws=100"])
    config = config.model_copy(
        update={
            "model": PublishedConfig(system="ferreira-vlachos-lr"),
            "train": config.train.model_copy(update={"folds": 0}),
        }
    )
    found = {one.metric: one.value for one in train(config).scores["test"]}
    assert found["accuracy"] == 0.5
