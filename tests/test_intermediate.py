"""Proxy datasets to learn from before the gold: polnear and wikiweasel, and what has to stay out of them."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from research.config import AttributionGold, Polnear, Shipped, Wikiweasel, dataset_config, run_config
from research.datasets import Dataset, list_datasets, load_dataset, summarise
from research.datasets.attribution_gold import read_standoff
from research.datasets.audit import find_pairs
from research.datasets.standoff import text_sha256
from research.records import ResearchError
from research.workflows.train import train

REAL = os.environ.get("RESEARCH_DATA")
real = pytest.mark.skipif(not REAL, reason="RESEARCH_DATA is not set")

RAIN = "Rain fell on Harlow on Monday.\n\n"
SAID = (
    'Mayor Ann Ardo said the bridge was "safe and sound". It opened in May. The council, she added, had paid for it.\n'
)


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    monkeypatch.setenv("HOME", str(tmp_path))
    if "real" not in request.keywords:
        monkeypatch.delenv("RESEARCH_DATA", raising=False)


def brat(text: str, *contents: str) -> str:
    """Annotations of attributions whose content is each of `contents`; ` ... ` parts the pieces of one."""
    lines = []
    for i, content in enumerate(contents):
        pieces = content.split(" ... ")
        starts = [text.index(piece) for piece in pieces]
        spans = ";".join(f"{s} {s + len(p)}" for s, p in zip(starts, pieces, strict=True))
        lines += [f"T{3 * i + 1}\tContent {spans}\t{content}", f"T{3 * i + 2}\tSource 0 4\t{text[:4]}"]
        lines += [f"E{i + 1}\tAttribution:T{3 * i + 3} Content:T{3 * i + 1} Source:T{3 * i + 2}"]
    return "\n".join(lines) + "\n"


def write_article(folder: Path, ref: str, text: str, *contents: str, annotator: str = "4b22") -> None:
    split, stem = ref.split("/")
    for name, end, what in (
        ("text", ".txt", text),
        ("attributions", f"_{annotator}.ann", brat(text, *contents)),
    ):
        (folder / split / name).mkdir(parents=True, exist_ok=True)
        (folder / split / name / f"{stem}{end}").write_bytes(what.encode())


def write_wikiweasel(folder: Path, *rows: tuple[str, str, str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps({"split": split, "label": label, "text": text}) for split, label, text in rows]
    (folder / "wikiweasel.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def labels(dataset: Dataset) -> dict[str, Counter[tuple[str, ...] | None]]:
    return {split: Counter(s.labels for a in dataset.articles(split) for s in a.sentences) for split in dataset.splits}


def ids(dataset: Dataset) -> set[str]:
    return {article.article_id for split in dataset.splits for article in dataset.articles(split)}


def words(number: int) -> str:
    """A text like no other: 60 words in sentences of ten."""
    return " ".join(f"Word{number}x{i}" + "." * (i % 10 == 9) for i in range(60))


# --- polnear ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("below", ["", "polnear", "data"])
def test_a_sentence_that_holds_content_is_a_proxy_statement(tmp_path: Path, below: str) -> None:
    text = RAIN + SAID
    folder = tmp_path / "corpus" / below
    write_article(
        folder, "train/nyt_2016-09-08_the-bridge", text, 'the bridge was "safe and sound"', "The council ... had"
    )
    write_article(folder, "dev/nyt_2016-09-09_rain", RAIN)
    dataset = load_dataset(Polnear(path=tmp_path / "corpus"))
    (article,) = dataset.articles("train")
    assert [(s.text[:5], s.labels) for s in article.sentences] == [
        ("Rain ", ()),
        ("Mayor", ("official_statement",)),
        ("It op", ()),
        ("The c", ("official_statement",)),
    ]
    assert (article.article_id, article.origin) == (
        "polnear/train/nyt_2016-09-08_the-bridge",
        "polnear:train/nyt_2016-09-08_the-bridge",
    )
    assert (article.outlet, article.published, article.text, article.primary) == ("nyt", "2016-09-08", text, None)
    assert labels(dataset)["dev"] == {(): 1}


def test_content_that_ends_in_a_mark_of_the_next_sentence_does_not_count_there(tmp_path: Path) -> None:
    text = 'He said it rained. "It did," she said.\n'
    write_article(tmp_path, "train/x_2016-01-01_a", text, 'it rained. "')
    (article,) = load_dataset(Polnear(path=tmp_path)).articles("train")
    assert [s.labels for s in article.sentences] == [("official_statement",), ()]


def test_of_several_annotators_the_first_is_read(tmp_path: Path) -> None:
    write_article(tmp_path, "train/x_2016-01-01_a", RAIN, "Rain fell", annotator="ef2d")
    write_article(tmp_path, "train/x_2016-01-01_a", RAIN, annotator="4b22")
    assert labels(load_dataset(Polnear(path=tmp_path))) == {"train": {(): 1}}


def test_the_test_split_of_polnear_is_never_read(tmp_path: Path) -> None:
    write_article(tmp_path / "polnear", "train/x_2016-01-01_a", RAIN)
    write_article(tmp_path / "polnear", "test/x_2016-01-01_reserved", SAID, "It opened")
    code = (
        "import sys; seen = []; sys.addaudithook(lambda event, args: seen.append(str(args[:1])))\n"
        "from research.config import Polnear; from research.datasets import load_dataset\n"
        f"d = load_dataset(Polnear(path={str(tmp_path)!r}))\n"
        "assert list(d.splits) == ['train'] and any('polnear/train/text' in s for s in seen)\n"
        "print([s for s in seen if 'polnear/test' in s])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


def test_gold_dev_and_its_near_duplicates_stay_out_of_polnear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "data"
    refs = {row["split"]: row["ref"] for row in read_standoff() if row["corpus"] == "polnear"}
    for ref, text in (
        (refs["train"], words(1)),
        (refs["dev"], words(2)),
        ("train/x_2016-01-01_copy-of-dev", words(2) + " And more."),
        ("train/x_2016-01-02_copy-of-another-corpus", "Before. " + words(3)),
        ("train/x_2016-01-03_other", words(4)),
    ):
        write_article(data / "polnear", ref, text)
    monkeypatch.setenv("RESEARCH_DATA", str(data))
    left = {f"polnear/{refs['train']}", "polnear/train/x_2016-01-03_other"}
    alone = load_dataset(Polnear())
    assert ids(alone) == left | {"polnear/train/x_2016-01-02_copy-of-another-corpus"}

    gold = [gold_row("fnc1-1", words(5)), gold_row("fnc1-2", words(3))]
    (data / "attribution-gold").mkdir()
    for split, row in zip(("train", "dev"), gold, strict=True):
        (data / "attribution-gold" / f"{split}.jsonl").write_text(json.dumps(row) + "\n")
    beside_gold = load_dataset(Polnear())
    assert ids(beside_gold) == left
    assert beside_gold.revision != alone.revision


def gold_row(article_id: str, text: str) -> dict[str, object]:
    sentences = [{"start": 0, "end": text.index(".") + 1, "labels": ["denial"]}]
    keys = {"article_id": article_id, "corpus": "fnc-1", "ref": article_id, "sha256": text_sha256(text), "text": text}
    return keys | {"primary": "denial", "annotators": 1, "sampling": "natural", "sentences": sentences}


def test_a_span_outside_the_text_names_the_file(tmp_path: Path) -> None:
    write_article(tmp_path, "train/x_2016-01-01_a", RAIN + SAID, "It opened")
    (tmp_path / "train" / "text" / "x_2016-01-01_a.txt").write_bytes(RAIN.encode())
    start = (RAIN + SAID).index("It opened")
    with pytest.raises(ResearchError) as error:
        load_dataset(Polnear(path=tmp_path))
    assert str(error.value) == (
        f"{tmp_path / 'train' / 'attributions' / 'x_2016-01-01_a_4b22.ann'}: span {start} {start + 9} "
        f"does not lie in the text (0 to {len(RAIN)}): another release?"
    )


# --- wikiweasel -------------------------------------------------------------------------------------------------


def test_uncertain_sentences_are_proxy_speculation_and_mixed_with_the_others(tmp_path: Path) -> None:
    rows = [("train", "certain", f"It is number {i}.") for i in range(60)]
    rows += [("train", "uncertain", f"It may be number {i}.") for i in range(60)]
    rows += [("eval", "uncertain", "Some say so."), ("train", "certain", "It is number 7.")]
    dataset = load_dataset(Wikiweasel(path=write_wikiweasel(tmp_path, *rows)))
    assert labels(dataset) == {"train": {(): 60, ("speculation",): 60}, "test": {("speculation",): 1}}
    articles = dataset.articles("train")
    assert [len(a.sentences) for a in articles] == [12] * 10
    assert articles[9].article_id == "wikiweasel/train-0010"
    assert all((s.labels == ("speculation",)) == ("may be" in s.text) for a in articles for s in a.sentences)
    # The file gives all certain sentences first: an article of either kind alone would give its labels away.
    assert all(2 < sum(bool(s.labels) for s in a.sentences) < 10 for a in articles)


def test_penn_brackets_and_quotation_marks_become_those_of_print(tmp_path: Path) -> None:
    row = ("train", "certain", "He -LRB- born 1950 -RRB-, wrote `` The Sea, '' it is said .")
    (article,) = load_dataset(Wikiweasel(path=write_wikiweasel(tmp_path, row))).articles("train")
    assert article.text == 'He (born 1950), wrote "The Sea," it is said .'


@pytest.mark.parametrize("bad", ['{"split": "dev", "label": "certain", "text": "A."}', "[]", "{", '{"split": "eval"}'])
def test_a_bad_line_is_told_by_its_number(tmp_path: Path, bad: str) -> None:
    folder = write_wikiweasel(tmp_path, ("train", "certain", "A."))
    with (folder / "wikiweasel.jsonl").open("a") as file:
        file.write(bad)
    expected = "expected an object with split (train or eval), label (certain or uncertain) and text"
    with pytest.raises(ResearchError) as error:
        load_dataset(Wikiweasel(path=folder))
    assert str(error.value) == f"{folder / 'wikiweasel.jsonl'}:2: {expected}"


# --- both -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "holds", "command"),
    [
        ("polnear", "train/attributions", "research data fetch polnear"),
        ("wikiweasel", "wikiweasel.jsonl", "research data fetch wikiweasel --from DIR"),
    ],
)
def test_an_absent_corpus_is_one_line_with_the_way_to_it(tmp_path: Path, name: str, holds: str, command: str) -> None:
    with pytest.raises(ResearchError) as error:
        load_dataset(dataset_config(name))
    where = tmp_path / "share" / "stance-attribution"
    assert str(error.value) == f"{name}: no {holds} in {where}: run `{command}`, or set RESEARCH_DATA"


def test_they_are_listed_and_called_proxies() -> None:
    titles = {row["name"]: row["title"] for row in list_datasets()}
    assert titles["polnear"] == "PolNeAR (proxy labels)" and titles["wikiweasel"] == "WikiWeasel (proxy labels)"


def test_a_mix_that_leaks_is_refused_or_loses_the_training_side(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RESEARCH_DATA", str(tmp_path))
    for number in range(4):
        write_article(tmp_path / "polnear", f"train/x_2016-01-0{number + 1}_a", words(number), f"Word{number}x0")
    (tmp_path / "attribution-gold").mkdir()
    for split, numbers in (("train", (3, 5, 6, 7)), ("dev", (8,))):
        rows = [json.dumps(gold_row(f"g{number}", words(number))) for number in numbers]
        (tmp_path / "attribution-gold" / f"{split}.jsonl").write_text("\n".join(rows) + "\n")
    options = {"model": "majority", "dataset": "attribution-gold++polnear", "folds": 2}
    with pytest.raises(ResearchError, match=r"1 pairs .*x_2016-01-04_a in extra, g3 in train"):
        train(run_config(**options))
    result = train(run_config(**options, drop_leaks=True))
    assert {s.articles for s in result.scores["cv"] if s.metric == "macro_f1"} == {4}


# --- the real corpora -------------------------------------------------------------------------------------------


@pytest.mark.real
@real
def test_counts_of_the_real_corpora() -> None:
    found = {name: summarise(load_dataset(dataset_config(name)))["splits"] for name in ("polnear", "wikiweasel")}
    told = {
        (name, split): (counts["articles"], *(counts["labels"].values()))
        for name, splits in found.items()
        for split, counts in splits.items()
    }
    assert told == {  # articles, official_statement, speculation, denial, background
        ("polnear", "train"): (840, 18613, 0, 0, 9574),
        ("polnear", "dev"): (63, 1568, 0, 0, 695),
        ("wikiweasel", "train"): (611, 0, 2126, 0, 5204),
        ("wikiweasel", "test"): (607, 0, 2234, 0, 5046),
    }


@pytest.mark.real
@real
def test_gold_dev_stays_out_of_everything_learned_from_before_it() -> None:
    """Nor in two splits of one proxy. Only polnear has a guard: this says that the others need none."""
    gold = load_dataset(AttributionGold()).articles("dev")
    assert len(gold) == 69
    placed = [("gold dev", article) for article in gold]
    for config in (Polnear(), Wikiweasel(), Shipped()):
        dataset = load_dataset(config)
        placed += [(f"{dataset.name} {split}", a) for split in dataset.splits for a in dataset.articles(split)]
    assert not {a.origin for a in gold} & {a.origin for split, a in placed if split != "gold dev"}
    assert [pair for pair in find_pairs(placed) if pair.left_split != pair.right_split] == []
