"""The run-diff page: its numbers and words, whose text it quotes, and that nothing in it is run as markup."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import mlflow
import pytest
import yaml
from typer.testing import CliRunner

from research.cli import app
from research.config import flatten, run_config
from research.datasets import load_dataset
from research.records import TASKS, ResearchError, Row, examples_for, gold_rows
from research.scoring import PairedTest, compare, confusions, holm, join, score
from research.summary.run_diff import Difference, LabelDiff, RunDiff, SplitDiff, run_diff_page, verdict
from research.summary.runs import Comparison
from research.workflows.results import log_scores, to_jsonl
from research.workflows.run_diff import confusion_diff, flipped, run_diff, split_diff, write_run_diff
from research.workflows.runs import compare_runs
from research.workflows.tracking import LONGEST_NOTE, NOTE, append_note, log_config, open_store, tracked_run

TASK = TASKS["attribution"]
HOSTILE = (
    "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">\u2028&amp; said."
)
ANSWERS: list[tuple[str, ...] | None] = [("denial",), ("speculation",), (), None]
SCRIPTS = 3  # the labels, the rows, the code


def article(i: int) -> dict[str, Any]:
    """Three sentences, the second hostile in every third article; labels denial, speculation, none."""
    texts = [
        f"The ministry denied item {i}.",
        HOSTILE if i % 3 == 0 else f"Talks {i} may fail.",
        f"It rained on day {i}.",
    ]
    text, sentences = "", []
    for one, labels in zip(texts, (["denial"], ["speculation"], []), strict=True):
        sentences.append({"start": len(text), "end": len(text) + len(one), "labels": labels})
        text += one + "\n"
    split = "test" if i < 9 else "train"
    return {"article_id": f"a{i}", "title": f"Item <{i}>", "text": text, "sentences": sentences, "split": split}


def answer(row: Row, labels: tuple[str, ...] | None) -> Row:
    chances = {label: 0.9 if label in (labels or ()) else 0.125 for label in TASK.labels}
    return replace(row, labels=labels, fields={}, probabilities=chances)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Comparison]]:
    """A store with two runs on one small dataset, compared: `a` is right, `b` guesses the same of a whole article."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        Path("news.jsonl").write_text("".join(json.dumps(article(i)) + "\n" for i in range(12)), encoding="utf-8")
        config = run_config(model="majority", dataset=str(folder / "news.jsonl"))
        dataset = load_dataset(config.dataset)
        gold = gold_rows(TASK, examples_for(TASK, dataset.articles("test")))
        right = [answer(row, row.labels) for row in gold]
        guess = [answer(row, ANSWERS[int(row.article_id[1:]) % len(ANSWERS)]) for row in gold]
        client, ids = open_store(), []
        for name, rows in (("first/<b>", right), ("second", guess)):
            with tracked_run("attribution", name, {"dataset": "news", "dataset_revision": dataset.revision}) as run:
                log_config(flatten(config.model_dump(mode="json")), yaml.safe_dump(config.model_dump(mode="json")))
                log_scores("test", score(join(gold, rows), draws=100), 0.1)
                mlflow.log_text(to_jsonl(gold), "gold/test.jsonl")
                mlflow.log_text(to_jsonl(rows), "predictions/test.jsonl")
            ids.append(run.info.run_id)
        yield client, compare_runs(*ids)


@pytest.fixture(scope="module")
def diff(runs: tuple[Any, Comparison]) -> RunDiff:
    return run_diff(*runs)


class Scripts(HTMLParser):
    """The texts of the script elements and the tags of a page, as a browser would find them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.scripts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] == "script":
            self.scripts[-1] += data


def difference(delta: float = 0.0, p: float = 0.5, adjusted: float | None = None, **more: Any) -> Difference:
    """A tested metric around .5; intervals are +- .05."""
    test = PairedTest("f1", 0.5 + delta, 0.5, delta, delta - 0.05, delta + 0.05, p, 0.08, 591, 27, 10_000)
    return Difference(replace(test, **more), adjusted)


def labelled(f1: Difference, cases: int = 54, flips: int = 3) -> LabelDiff:
    return LabelDiff("official_statement", cases, flips, 0, f1, f1, f1)


# --- where it goes --------------------------------------------------------------------------------------------


def test_the_page_is_an_artifact_of_both_runs_named_in_their_descriptions(
    runs: tuple[Any, Comparison], tmp_path: Path
) -> None:
    client, found = runs
    a, b = found.a.run_id, found.b.run_id
    file = tmp_path / "diff.html"
    for _ in range(2):
        result = CliRunner().invoke(app, ["compare", a, b, "--html", str(file), "--format", "json"])
        assert (result.exit_code, result.stderr) == (0, "")
        assert json.loads(result.stdout)[0]["a"]["run_id"] == a
    page = file.read_text(encoding="utf-8")
    for run_id, path in ((a, f"compare/second-{b[:8]}.html"), (b, f"compare/first_b_-{a[:8]}.html")):
        assert Path(client.download_artifacts(run_id, path, str(tmp_path))).read_text(encoding="utf-8") == page
        note = client.get_run(run_id).data.tags[NOTE]
        assert note.count(f"[{path}](#/experiments/1/runs/{run_id}/artifacts/{path})") == 1
        assert note.startswith("Run it again:")


def test_a_file_that_cannot_be_written_and_a_description_without_room(runs: tuple[Any, Comparison]) -> None:
    client, found = runs
    b = found.b.run_id
    with pytest.raises(ResearchError, match=r"^--html nowhere/diff\.html: No such file or directory$"):
        write_run_diff(found, Path("nowhere/diff.html"))
    before = client.get_run(b).data.tags[NOTE]
    append_note(client, b, "x" * LONGEST_NOTE)
    assert client.get_run(b).data.tags[NOTE] == before


# --- what is in it --------------------------------------------------------------------------------------------


def test_the_rows_that_differ(diff: RunDiff) -> None:
    flips = {(flip.article_id, flip.number): flip for flip in diff.flips}
    assert diff.no_texts is None and [one.split for one in diff.splits] == ["test"]
    # b says denial of a0, a4, a8; speculation of a1, a5; none of a2, a6; nothing at all of a3, a7
    assert set(flips) == {(f"a{i}", n) for i in range(9) for n in (1, 2, 3)} - {
        *((f"a{i}", 1) for i in (0, 4, 8)),
        *((f"a{i}", 2) for i in (1, 5)),
        *((f"a{i}", 3) for i in (2, 6)),
    }
    one = flips["a3", 2]
    assert (one.text, one.title, one.of, one.split) == (HOSTILE, "Item <3>", 3, "test")
    assert (one.gold, one.a, one.b, one.right) == (("speculation",), ("speculation",), None, "A")
    assert (one.a_p, one.b_p) == ((0.125, 0.9, 0.125), (0.125, 0.125, 0.125))
    assert flips["a2", 1].b == () and flips["a3", 3].b is None, "an empty set is no abstention"


def test_both_wrong_and_one_label_right() -> None:
    rows = [Row("attribution", "a", i, i + 1, labels) for i, labels in enumerate([("denial",), ("denial",), ()])]
    a, b = (
        join(rows, [replace(row, labels=labels) for row, labels in zip(rows, answers, strict=True)])
        for answers in ([("denial", "speculation"), (), ()], [("speculation",), ("denial",), None])
    )
    assert [flip.right for flip in flipped("dev", a, b, {})] == ["neither", "B", "A"]
    assert {flip.text for flip in flipped("dev", a, b, {})} == {None}
    denial = split_diff("dev", a, b, compare(a, b, draws=100)).labels[2]
    assert (denial.label, denial.cases, denial.a_right, denial.b_right) == ("denial", 2, 1, 1)


def test_numbers_are_those_of_scoring(diff: RunDiff) -> None:
    (one,) = diff.splits
    assert one.macro.test == diff.compared.tests["test"] and one.macro.adjusted is None
    for metric in ("f1", "precision", "recall"):
        tested = [getattr(label, metric) for label in one.labels]
        assert [t.test.metric for t in tested] == [f"{label}/{metric}" for label in TASK.labels]
        assert [t.adjusted for t in tested] == holm([t.test.p for t in tested])
    assert [label.cases for label in one.labels] == [0, 9, 9]
    denial = one.confusions[2]
    assert (denial.a, denial.b) == (((18, 0), (0, 9)), ((12, 6), (6, 3)))
    assert denial.difference == ((6, -6), (-6, 6))


def test_a_column_of_abstentions_that_one_run_has() -> None:
    gold = [Row("primary", f"a{i}", 0, 9, ("denial",)) for i in range(2)]
    rows = [join(gold, [gold[0], replace(gold[1], labels=labels)]) for labels in (("denial",), None)]
    found = confusion_diff(*(confusions(judged)[0] for judged in rows))
    assert found.predicted[-1] == "(abstained)"
    denial = found.gold.index("denial")
    assert (found.a[denial][-1], found.b[denial][-1], found.difference[denial][-1]) == (0, 1, -1)


def test_a_run_against_itself_and_splits_with_other_gold(runs: tuple[Any, Comparison]) -> None:
    client, pair = runs
    found = compare_runs(a := pair.a.run_id, a)
    diff = run_diff(client, found)
    assert diff.flips == () and list(verdict(diff.splits[0])) == ["The runs decide all 27 rows alike."]
    assert write_run_diff(found) == [f"compare/first_b_-{a[:8]}.html of run {a[:8]}"]
    other = run_diff(client, replace(found, tests={}))
    assert (other.splits, other.untested) == ((), ("test",))
    assert "The runs share no gold: nothing can be tested." in run_diff_page(other)


@pytest.mark.parametrize(
    ("macro", "label", "expected"),
    [
        (
            difference(0.1, 0.0123),
            labelled(difference(-0.1, 0.01, 0.03)),
            [
                "A is better: macro-F1 .600 against .500, by .100 (.050 to .150), p = .012.",
                "B is better on official statement: F1 .500 against .400, by .100 (.050 to .150), "
                "p = .01, adjusted .03.",
            ],
        ),
        (
            difference(0.02),
            labelled(difference(-0.01, 0.4, 1.0)),
            [
                "No difference in macro-F1 can be shown with 27 articles: .520 (A) and .500 (B), p = .5; "
                "it would have to be .080 or more.",
                "No difference on official statement can be shown with 54 cases: p = .4, adjusted 1; "
                "it would have to be .080 or more.",
            ],
        ),
        (
            difference(0.1, 0.06),
            labelled(difference(0.1, 0.03, 0.09)),
            [
                "No difference in macro-F1 can be shown with 27 articles: .600 (A) and .500 (B), p = .06.",
                "A looks better on official statement, F1 .600 against .500, by .100 (.050 to .150), "
                "but not surely among several labels: p = .03, adjusted .09.",
            ],
        ),
        (
            difference(0.1, 0.5, low=None, high=None, detectable=None),
            labelled(difference(0.1, 0.5, 0.5), cases=0),
            [
                "One article is too little to tell the runs apart.",
                "Nothing can be said on official statement: the gold has no case of it.",
            ],
        ),
    ],
)
def test_verdict(macro: Difference, label: LabelDiff, expected: list[str]) -> None:
    assert list(verdict(SplitDiff("test", macro, (label,), ()))) == expected


# --- texts ----------------------------------------------------------------------------------------------------


def test_no_text_is_quoted_from_another_revision(runs: tuple[Any, Comparison]) -> None:
    client, found = runs
    before, file = Path("news.jsonl").read_text(encoding="utf-8"), Path("news.jsonl")
    try:
        file.write_text(before.replace("rained", "hailed"), encoding="utf-8")
        other = run_diff(client, found)
        file.unlink()
        absent = run_diff(client, found)
    finally:
        file.write_text(before, encoding="utf-8")
    assert re.fullmatch(r"\S+ is at revision \w{12} now, the run saw \w{12}", other.no_texts or "")
    assert absent.no_texts and "news.jsonl" in absent.no_texts
    for diff in (other, absent):
        assert {flip.text for flip in diff.flips} == {None}
        assert "The texts are not shown, only their offsets" in run_diff_page(diff)


def test_runs_of_a_suite_have_no_dataset_to_quote_from(runs: tuple[Any, Comparison]) -> None:
    ids = []
    for name in ("one", "two"):
        with tracked_run("attribution", name, {"evaluates": "x", "suite": "behaviour"}) as run:
            mlflow.log_metric("behaviour/pass_rate", 0.5)
        ids.append(run.info.run_id)
    other = run_diff(runs[0], compare_runs(*ids))
    assert (other.splits, other.flips) == ((), ()) and "the cases of a suite" in (other.no_texts or "")


def test_what_articles_and_runs_hold_is_never_markup(diff: RunDiff) -> None:
    page = run_diff_page(diff)
    parsed = Scripts(page)
    assert len(parsed.scripts) == SCRIPTS and "img" not in parsed.tags
    assert "first/&lt;b&gt;" in page and "first/<b>" not in page and "\u2028" not in page
    texts = [row["text"] for row in json.loads(parsed.scripts[1])]
    assert HOSTILE in texts
    assert not re.search(r"innerHTML|insertAdjacentHTML|document\.write|eval\(|https?://", page)


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("chromium"), reason="no chromium")
def test_a_browser_shows_the_rows_and_runs_nothing_of_theirs(diff: RunDiff, tmp_path: Path) -> None:
    file = tmp_path / "diff.html"
    file.write_text(run_diff_page(diff), encoding="utf-8")
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    command += ["--dump-dom", file.as_uri()]
    dom = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    assert "<title>first/&lt;b&gt; against second</title>" in dom
    assert "20 of 20 rows; right: A 20, B 0, neither 0" in dom
    assert dom.count('<tr><td class="sentence">') == 20
    assert "&lt;script&gt;document.title='owned'&lt;/script&gt;" in dom
