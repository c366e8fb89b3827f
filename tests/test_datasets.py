"""Adapters, cache and counts: research.datasets."""

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import yaml

from research.config import DATASET_SCHEMAS, Jsonl, Mix, Shipped, dataset_config
from research.datasets import list_datasets, load_dataset, summarise
from research.datasets.dataset import Entry
from research.datasets.loading import ADAPTERS
from research.datasets.shipped import load_events
from research.datasets.store import MANIFEST, cache_folder, cached
from research.records import Article, Claim, ResearchError, Sentence

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def _own_folders(tmp_path, monkeypatch):
    monkeypatch.delenv("RESEARCH_DATA", raising=False)
    monkeypatch.setenv("RESEARCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))


def write_jsonl(path, *rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def event(**changes):
    headline = {"text": "Mayor denies plan", "labels": ["denial"], "rule": "de-said"}
    first = {"text": "It is false, she said.", "labels": ["denial", "official_statement"], "rule": "de-official"}
    second = {"text": "Rain fell.", "labels": [], "rule": "bg-narrative"}
    article = {
        "article_id": "plan-1",
        "outlet": "The Post",
        "register": "wire",
        "published": "2031-03-02",
        "primary": "denial",
        "stances": {"plan-c1": "denies"},
        "paragraphs": [[headline], [first, second]],
    }
    whole = {
        "event": "plan",
        "kind": "a plan",
        "split": "train",
        "claims": [{"claim_id": "plan-c1", "claim": "There is a plan."}],
        "articles": [article | changes.pop("article", {})],
    }
    return whole | changes


def write_events(folder, *events):
    folder.mkdir(exist_ok=True)
    for one in events:
        (folder / f"{one['event']}.yaml").write_text(yaml.safe_dump(one, sort_keys=False), encoding="utf-8")
    return folder


# --- the list of adapters ---------------------------------------------------------------------------------------


def test_adapters_are_the_kinds_of_the_config_and_resolve():
    assert set(ADAPTERS) == set(DATASET_SCHEMAS)
    for target in ADAPTERS.values():
        module, function = target.split(":")
        assert callable(getattr(import_module(module), function))


def test_recipes_are_valid_and_listed(monkeypatch):
    monkeypatch.chdir(ROOT)
    listed = {row["name"]: row for row in list_datasets()}
    assert set(listed) == {*DATASET_SCHEMAS, "gold-and-shipped", "stance-news"} - {"jsonl", "mix"}
    assert listed["shipped"]["synthetic"] and not listed["attribution-gold"]["synthetic"]
    for name in listed:
        assert dataset_config(name).kind == listed[name]["kind"]


def test_import_is_cheap_and_loading_leaves_the_hugging_face_cache_alone(tmp_path):
    code = (
        "import sys, research.datasets as d; from research.config import Shipped\n"
        "heavy = {'datasets', 'pyarrow', 'pandas', 'numpy', 'datasketch', 'sklearn'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "print(d.load_dataset(Shipped()).name)"
    )
    env = os.environ | {"HF_HOME": str(tmp_path / "hf"), "PYTHONPATH": str(ROOT)}
    run = subprocess.run([sys.executable, "-c", code], env=env, cwd=tmp_path, capture_output=True, text=True)
    assert (run.returncode, run.stdout, run.stderr) == (0, "shipped\n", "")
    assert not list((tmp_path / "hf").rglob("*.arrow"))


# --- shipped ----------------------------------------------------------------------------------------------------


def test_shipped_corpus_loads_with_all_gold():
    dataset = load_dataset(Shipped())
    assert (dataset.name, len(dataset.revision), dataset.card.synthetic) == ("shipped", 12, True)
    assert set(dataset.splits) == {"train", "dev", "test"}
    ids = [a.article_id for split in dataset.splits for a in dataset.articles(split)]
    assert len(ids) == len(set(ids))
    for split in dataset.splits:
        for article in dataset.articles(split):
            assert article.primary and article.event and article.claims
            assert all(s.labels is not None for s in article.sentences)
        assert len(dataset.rules(split)) == sum(len(a.sentences) for a in dataset.articles(split))


def test_shipped_text_offsets_and_fields(tmp_path):
    dataset = load_events(write_events(tmp_path / "events", event()))
    (article,) = dataset.articles("train")
    assert article == Article(
        article_id="plan-1",
        text="Mayor denies plan\n\nIt is false, she said. Rain fell.",
        origin="shipped/plan.yaml",
        title="Mayor denies plan",
        outlet="The Post",
        published="2031-03-02",
        event="plan",
        sentences=(
            Sentence(0, 17, "Mayor denies plan", ("denial",)),
            Sentence(19, 41, "It is false, she said.", ("official_statement", "denial")),
            Sentence(42, 52, "Rain fell.", ()),
        ),
        primary="denial",
        claims=(Claim("plan-c1", "There is a plan.", "denies"),),
        fields={"corpus": "shipped", "register": "wire", "kind": "a plan"},
    )
    features = dataset.splits["train"].features
    assert features["primary"].names == ["official_statement", "speculation", "denial", "background"]
    assert features["sentences"].feature["labels"].feature.names == ["official_statement", "speculation", "denial"]
    assert features["claims"].feature["label"].names == ["supports", "denies", "discusses", "unrelated"]


def test_shipped_claim_of_another_event_is_looked_up(tmp_path):
    other = event(
        event="other",
        claims=[{"claim_id": "other-c1", "claim": "It rained."}],
        article={"article_id": "other-1", "stances": {"plan-c1": "unrelated", "other-c1": "supports"}},
    )
    dataset = load_events(write_events(tmp_path / "events", event(), other))
    article = next(a for a in dataset.articles("train") if a.event == "other")
    assert [(c.claim, c.label) for c in article.claims] == [
        ("There is a plan.", "unrelated"),
        ("It rained.", "supports"),
    ]


def sentence(**changes):
    return [[{"text": "Headline", "labels": [], "rule": "bg"} | changes]]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"article": {"paragraphs": sentence(labels=["rumour"])}},
            "plan.yaml: article plan-1: sentence 1: labels: unknown value 'rumour'; "
            "known: official_statement, speculation, denial",
        ),
        (
            {"article": {"paragraphs": sentence(text="Two  spaces")}},
            "plan.yaml: article plan-1: sentence 1: text: white space around it, doubled or a line break: "
            "'Two  spaces'",
        ),
        (
            {"article": {"paragraphs": [[{"text": "Headline", "labels": []}]]}},
            "plan.yaml: article plan-1: sentence 1: key 'rule' is missing",
        ),
        (
            {"article": {"stances": {"plan-c9": "denies"}}},
            "plan.yaml: article plan-1: stances: no event has the claim 'plan-c9'",
        ),
        (
            {"article": {"primary": "rumour"}},
            "plan.yaml: article plan-1: primary: unknown value 'rumour'; "
            "known: official_statement, speculation, denial, background",
        ),
        (
            {"article": {"published": "yesterday"}},
            "plan.yaml: article plan-1: published: expected a date as 2031-03-02, found 'yesterday'",
        ),
        (
            {"article": {"text": "x"}},
            "plan.yaml: article plan-1: unknown key 'text'; known: article_id, outlet, register, published, primary, "
            "stances, paragraphs",
        ),
        ({"split": "valid"}, "plan.yaml: split: unknown value 'valid'; known: train, dev, test"),
        (
            {"claims": [{"claim_id": "plan-c1", "claim": None}]},
            "plan.yaml: claims: expected text for claim_id and claim, found ['plan-c1', None]\n"
            "plan.yaml: article plan-1: stances: no event has the claim 'plan-c1'",
        ),
    ],
    ids=["label", "space", "rule", "claim", "primary", "date", "key", "split", "claims"],
)
def test_shipped_errors_name_file_article_and_sentence(tmp_path, changes, message):
    with pytest.raises(ResearchError) as error:
        load_events(write_events(tmp_path / "events", event(**changes)))
    assert str(error.value) == message


def test_shipped_broken_yaml_and_double_ids_are_told_together(tmp_path):
    folder = write_events(tmp_path / "events", event(), event(event="twin", claims=[]))
    (folder / "broken.yaml").write_text("event: [", encoding="utf-8")
    with pytest.raises(ResearchError) as error:
        load_events(folder)
    lines = str(error.value).splitlines()
    assert lines[0].startswith(f"{folder / 'broken.yaml'}:1: not YAML:")
    assert lines[1:] == ["twin.yaml: article plan-1: article_id is used twice"]


# --- jsonl ------------------------------------------------------------------------------------------------------


def test_jsonl_split_field_wins_and_events_stay_whole(tmp_path):
    rows = [{"article_id": f"a{i}", "text": "One. Two.", "event": f"e{i // 3}"} for i in range(30)]
    rows.append({"article_id": "mine", "text": "One.", "split": "dev", "desk": "city"})
    dataset = load_dataset(Jsonl(path=write_jsonl(tmp_path / "own.jsonl", *rows)))
    assert dataset.name == "own"
    assert {split: len(rows) for split, rows in dataset.splits.items()} == {"train": 24, "dev": 1, "test": 6}
    events = {split: {a.event for a in dataset.articles(split)} for split in ("train", "test")}
    assert not events["train"] & events["test"]
    (mine,) = dataset.articles("dev")
    assert (mine.fields, mine.origin) == ({"desk": "city"}, "own.jsonl:31")
    assert [s.labels for s in mine.sentences] == [None]
    again = load_dataset(Jsonl(path=write_jsonl(tmp_path / "again" / "own.jsonl", *rows)))
    assert again.revision == dataset.revision
    assert load_dataset(Jsonl(path=tmp_path / "own.jsonl", test_share=0)).splits.keys() == {"train", "dev"}


def test_jsonl_keeps_all_gold(tmp_path):
    row = {
        "article_id": "a",
        "text": "Rain fell. He denied it.",
        "sentences": [{"start": 0, "end": 10, "labels": []}, {"start": 11, "end": 24, "labels": ["denial"]}],
        "primary": "denial",
        "claims": [{"claim_id": "c", "claim": "It rained.", "label": "supports"}, {"claim_id": "d", "claim": "No."}],
        "split": "train",
    }
    (article,) = load_dataset(Jsonl(path=write_jsonl(tmp_path / "own.jsonl", row))).articles("train")
    assert [s.labels for s in article.sentences] == [(), ("denial",)]
    assert article.primary == "denial"
    assert [c.label for c in article.claims] == ["supports", None]


def test_jsonl_tells_every_bad_line(tmp_path):
    path = write_jsonl(
        tmp_path / "own.jsonl",
        {"article_id": "a", "text": "One."},
        {"article_id": "a", "text": "One."},
        {"article_id": "b", "text": "One.", "split": "valid"},
        {"article_id": "c"},
    )
    with pytest.raises(ResearchError) as error:
        load_dataset(Jsonl(path=path))
    assert str(error.value).splitlines() == [
        f"{path}:2: article_id 'a' stands already in line 1",
        f"{path}:3: unknown split 'valid'; known: extra, train, dev, test",
        f"{path}:4: key 'text' or 'html' is missing (found: article_id)",
    ]


def test_jsonl_counts_problems_beyond_twenty(tmp_path):
    path = write_jsonl(tmp_path / "own.jsonl", *[{"article_id": str(i)} for i in range(25)])
    with pytest.raises(ResearchError) as error:
        load_dataset(Jsonl(path=path))
    lines = str(error.value).splitlines()
    assert len(lines) == 21 and lines[-1] == "... and 5 more problems"


def test_unknown_split_and_missing_file(tmp_path):
    path = write_jsonl(tmp_path / "own.jsonl", {"article_id": "a", "text": "One."})
    with pytest.raises(ResearchError, match=r"^own: unknown split 'test'; known: train$"):
        load_dataset(Jsonl(path=path)).articles("test")
    with pytest.raises(ResearchError) as error:
        load_dataset(Jsonl(path=tmp_path / "none.jsonl"))
    assert str(error.value) == f"{tmp_path / 'none.jsonl'}: no such file"


# --- mix --------------------------------------------------------------------------------------------------------


def test_mix_concatenates_split_by_split_and_marks_the_part(tmp_path):
    one = write_jsonl(tmp_path / "one.jsonl", {"article_id": "a", "text": "One.", "split": "train", "corpus": "x"})
    two = write_jsonl(
        tmp_path / "two.jsonl",
        {"article_id": "b", "text": "Two.", "split": "train"},
        {"article_id": "c", "text": "Three.", "split": "test"},
    )
    mix = load_dataset(Mix(parts=(Jsonl(path=one), Jsonl(path=two))))
    assert mix.name == "one+two"
    assert [(a.article_id, a.fields) for a in mix.articles("train")] == [
        ("a", {"corpus": "x", "dataset": "one"}),
        ("b", {"dataset": "two"}),
    ]
    assert [a.article_id for a in mix.articles("test")] == ["c"]
    assert mix.card.title == "one + two"


def test_mix_refuses_an_id_that_stands_in_two_parts(tmp_path):
    one = write_jsonl(tmp_path / "one.jsonl", {"article_id": "a", "text": "One.", "split": "train"})
    two = write_jsonl(tmp_path / "two.jsonl", {"article_id": "a", "text": "Two.", "split": "test"})
    with pytest.raises(ResearchError, match=r"^one\+two: article_id 'a' stands in both one and two$"):
        load_dataset(Mix(parts=(Jsonl(path=one), Jsonl(path=two))))


# --- the cache --------------------------------------------------------------------------------------------------


def loader(source, version=1):
    """A dataset of one article that counts how often it is parsed."""
    calls = []

    def parse():
        calls.append(source.read_text())
        return [Entry("train", Article("a", source.read_text()))], {"lost": 2}

    def load():
        return cached("toy", load_dataset(Shipped()).card, [source], version, parse)

    return load, calls


def test_cache_parses_once_per_content(tmp_path):
    source = tmp_path / "source.txt"
    source.write_text("One.")
    load, calls = loader(source)
    first, second = load(), load()
    assert calls == ["One."]
    assert first.articles("train") == second.articles("train") and second.missing == {"lost": 2}
    assert first.splits["train"].features == second.splits["train"].features
    os.utime(source, (1, 1))
    load()
    assert calls == ["One."]
    source.write_text("Two.")
    assert load().revision != first.revision
    assert calls == ["One.", "Two."]
    assert loader(source, version=2)[0]().revision not in (first.revision, load().revision)


@pytest.mark.parametrize("damage", ["no manifest", "cut short", "half a manifest"])
def test_cache_that_was_left_half_done_is_parsed_anew(tmp_path, damage):
    source = tmp_path / "source.txt"
    source.write_text("One.")
    load, calls = loader(source)
    folder = cache_folder() / f"toy-{load().revision}"
    if damage == "no manifest":
        (folder / MANIFEST).unlink()
    elif damage == "cut short":
        (folder / "train.parquet").write_bytes((folder / "train.parquet").read_bytes()[:50])
    else:
        (folder / MANIFEST).write_text('{"splits": {')
    assert load().articles("train")[0].text == "One."
    load()
    assert len(calls) == 2
    assert [p.name for p in cache_folder().iterdir() if p.name.startswith(".")] == []


def test_cache_that_cannot_be_written_keeps_nobody_from_working(tmp_path, monkeypatch, caplog):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("RESEARCH_CACHE", str(blocked))
    source = tmp_path / "source.txt"
    source.write_text("One.")
    load, _ = loader(source)
    assert load().articles("train")[0].text == "One."
    assert "not cached" in caplog.text


def test_without_makes_another_revision_and_keeps_order(tmp_path):
    rows = [{"article_id": str(i), "text": "One.", "split": "train"} for i in range(5)]
    dataset = load_dataset(Jsonl(path=write_jsonl(tmp_path / "own.jsonl", *rows)))
    less = dataset.without({"train": {"1", "3"}})
    assert [a.article_id for a in less.articles("train")] == ["0", "2", "4"]
    assert less.revision != dataset.revision
    assert dataset.without({"train": set()}) is dataset
    assert less.without({"train": {"0", "2", "4"}}).articles("train") == []


# --- counts -----------------------------------------------------------------------------------------------------


def test_summarise_counts(tmp_path):
    shown = summarise(load_events(write_events(tmp_path / "events", event())))
    assert json.loads(json.dumps(shown)) == shown
    assert shown["licence"] == "MIT, with the package"
    train = shown["splits"]["train"]
    assert (train["articles"], train["sentences"], train["judged"], train["events"]) == (1, 3, 3, 1)
    assert train["labels"] == {"official_statement": 1, "speculation": 0, "denial": 2, "background": 1}
    assert train["primary"] == {"official_statement": 0, "speculation": 0, "denial": 1, "background": 0}
    assert train["stances"] == {"supports": 0, "denies": 1, "discusses": 0, "unrelated": 0}
    assert train["rules"] == {"de-said": 1, "de-official": 1, "bg-narrative": 1}
    assert train["register"] == {"wire": 1}
