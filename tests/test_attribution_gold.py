"""The gold of real news, with texts and by the stand-off file: research.datasets.attribution_gold and corpora."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from research.config import AttributionGold
from research.datasets import load_dataset
from research.datasets.attribution_gold import read_standoff, write_standoff
from research.datasets.corpora import CORPORA
from research.datasets.store import user_data_folder
from research.records import ResearchError, Sentence

REAL = os.environ.get("RESEARCH_DATA")
ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def _own_folders(tmp_path, monkeypatch):
    monkeypatch.delenv("RESEARCH_DATA", raising=False)
    monkeypatch.setenv("RESEARCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    monkeypatch.setenv("HOME", str(tmp_path))


def write_jsonl(path, *rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def gold_row(article_id, text, **changes):
    return {
        "article_id": article_id,
        "corpus": "fnc-1",
        "ref": article_id,
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
        "primary": "denial",
        "annotators": 1,
        "sampling": "natural",
        "sentences": [{"start": 0, "end": 4, "labels": ["denial", "official_statement"]}],
        "text": text,
    } | changes


def write_gold(folder, train, dev):
    write_jsonl(folder / "train.jsonl", *train)
    write_jsonl(folder / "dev.jsonl", *dev)
    return folder


@pytest.mark.parametrize("below", ["", "attribution-gold"])
def test_gold_with_texts(tmp_path, monkeypatch, below):
    write_gold(tmp_path / "gold" / below, [gold_row("1", "Neen.")], [gold_row("2", "Nope.")])
    dataset = load_dataset(AttributionGold(path=tmp_path / "gold"))
    (article,) = dataset.articles("train")
    assert article.sentences == (Sentence(0, 4, "Neen", ("official_statement", "denial")),)
    assert article.fields == {"corpus": "fnc-1", "sampling": "natural", "annotators": "1"}
    assert (article.origin, dataset.missing) == ("fnc-1:1", {})
    monkeypatch.setenv("RESEARCH_DATA", str(tmp_path / "gold"))
    assert load_dataset(AttributionGold()).revision == dataset.revision


def test_gold_tells_bad_lines_by_file_line_and_article(tmp_path):
    altered = gold_row("1", "Neen.") | {"text": "Neenn."}
    outside = gold_row("3", "No.", sentences=[{"start": 0, "end": 9, "labels": []}])
    label = gold_row("4", "None.", sentences=[{"start": 0, "end": 4, "labels": ["rumour"]}])
    bare = {"article_id": "5"}
    folder = write_gold(tmp_path / "gold", [gold_row("2", "Nope."), altered, outside], [label, bare, []])
    with pytest.raises(ResearchError) as error:
        load_dataset(AttributionGold(path=folder))
    assert str(error.value).splitlines() == [
        "train.jsonl:2: article 1: sha256 of the text is 662c..., expected b711...",
        "train.jsonl:3: article 3: sentence 1: offsets 0, 9 do not lie in the text (0 to 3)",
        "dev.jsonl:1: article 4: sentence 1: unknown label 'rumour'; known: official_statement, speculation, denial",
        "dev.jsonl:2: article 5: key 'text' is missing",
        "dev.jsonl:3: expected an object, found list",
    ]


def test_gold_absent_says_where_it_looked_and_what_to_do(tmp_path, monkeypatch):
    names = "fnc-1, polnear, fa-kes, ukraine-news-bias, ruwa"
    todo = "run `research data fetch attribution-gold --from DIR`, or set RESEARCH_DATA"
    with pytest.raises(ResearchError) as error:
        load_dataset(AttributionGold(path=tmp_path / "no"))
    assert str(error.value) == (
        f"attribution-gold: neither its texts nor one of its corpora ({names}) in {tmp_path / 'no'}: {todo}"
    )
    monkeypatch.setenv("RESEARCH_DATA", str(tmp_path / "data"))
    with pytest.raises(ResearchError) as error:
        load_dataset(AttributionGold())
    assert f"in {tmp_path / 'data'} or {user_data_folder()}: " in str(error.value)


def test_standoff_file_holds_no_text_and_reads_back(tmp_path):
    folder = write_gold(tmp_path / "gold", [gold_row("1", "Neen.")], [gold_row("2", "Nope.")])
    assert write_standoff(folder, tmp_path / "out.json") == 2
    written = (tmp_path / "out.json").read_text()
    assert "Neen" not in written
    assert json.loads(written)[0]["sentences"] == [[0, 4, "do"]]


def test_shipped_standoff_file_is_whole_and_small():
    rows = read_standoff()
    assert len(rows) == len({row["article_id"] for row in rows}) == 1514
    assert {row["corpus"] for row in rows} == set(CORPORA)
    assert not any("text" in row or "text" in s for row in rows for s in row["sentences"])
    assert (ROOT / "research/datasets/attribution_gold/standoff.json").stat().st_size < 1_000_000


def test_corpora_are_read_as_their_releases_are_laid_out(tmp_path):
    (tmp_path / "fnc").mkdir()
    (tmp_path / "fnc" / "train_bodies.csv").write_text('Body ID,articleBody\n7,"Two\n\nlines, ""quoted"""\n')
    assert dict(CORPORA["fnc-1"](tmp_path / "fnc", {"7"})) == {"7": 'Two\n\nlines, "quoted"'}
    text = tmp_path / "pol" / "data" / "train" / "text"
    text.mkdir(parents=True)
    (text / "stem.txt").write_bytes(b"A\r\nB")
    assert dict(CORPORA["polnear"](tmp_path / "pol", {"train/stem", "dev/none"})) == {"train/stem": "A\r\nB"}
    (tmp_path / "fa.csv").write_bytes("unit_id,article_title,article_content\n5,T,caf\xe9\x0b!\n".encode("latin-1"))
    assert ("5", "T\ncaf\xe9 !") in list(CORPORA["fa-kes"](tmp_path, {"5"}))
    bias = tmp_path / "bias" / "all-data-as-json"
    bias.mkdir(parents=True)
    sentences = [{"position_in_article": 1, "content": "B."}, {"position_in_article": 0, "content": "A."}]
    (bias / "article_1.json").write_text(json.dumps({"sentences": sentences}))
    assert ("article_1", "A.\nB.") in list(CORPORA["ukraine-news-bias"](tmp_path / "bias", {"article_1"}))
    (tmp_path / "ruwa").mkdir()
    (tmp_path / "ruwa" / "all.csv").write_text("ref,title,desc\nhttp://x,A  b,c\n")
    assert ("http://x", "A b\nc") in list(CORPORA["ruwa"](tmp_path / "ruwa", {"http://x"}))


@pytest.mark.real
@pytest.mark.skipif(not REAL, reason="RESEARCH_DATA is not set")
def test_standoff_joined_with_corpora_equals_the_gold_with_texts(tmp_path):
    with_texts = load_dataset(AttributionGold(path=Path(REAL, "attribution-gold")))
    for corpus in ("fnc-1", "polnear"):
        (tmp_path / "corpora").mkdir(exist_ok=True)
        (tmp_path / "corpora" / corpus).symlink_to(Path(REAL, corpus).resolve())
    joined = load_dataset(AttributionGold(path=tmp_path / "corpora"))
    assert joined.missing == {"fa-kes": 164, "ukraine-news-bias": 66, "ruwa": 744}
    for split in ("train", "dev"):
        wanted = [a for a in with_texts.articles(split) if a.fields["corpus"] in ("fnc-1", "polnear")]
        assert joined.articles(split) == wanted


@pytest.mark.real
@pytest.mark.skipif(not REAL, reason="RESEARCH_DATA is not set")
def test_standoff_file_is_what_the_gold_gives_today(tmp_path):
    write_standoff(Path(REAL, "attribution-gold"), tmp_path / "standoff.json")
    shipped = ROOT / "research/datasets/attribution_gold/standoff.json"
    assert (tmp_path / "standoff.json").read_bytes() == shipped.read_bytes()
