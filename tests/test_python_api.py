"""The Python API: the predictions of `research classify`, for texts, articles and streams."""

import io
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from research import Article, Claim, Classifier, ResearchError, load_classifier
from research.cli import app
from research.config import Shipped
from research.datasets import load_dataset
from research.records import TASKS
from research.workflows.registry import BUNDLED_FOLDER, log_checkpoint, promote
from research.workflows.tracking import open_store

ROOT = Path(__file__).parents[1]
SAMPLE = (ROOT / "docs" / "sample-article.txt").read_text(encoding="utf-8")
CLAIM = "Drones crossed the border."
LINES: list[dict[str, Any]] = [
    {
        "article_id": "vell-1",
        "text": "Nobody was hurt. The mayor denied the report.",
        "sentences": [[0, 16], [17, 45]],
        "outlet": "Vell Courier",
    },
    {"article_id": 7, "text": SAMPLE, "claims": [{"claim_id": "own", "claim": "Two fields burned."}]},
    {"article_id": "page", "html": "<html><body><article><p>" + SAMPLE.replace("\n\n", "</p><p>") + "</p></article>"},
]


@pytest.fixture(autouse=True)
def _no_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)  # MLflow sets it once another test has opened a store


@pytest.fixture(scope="module")
def bundled() -> Classifier:
    return load_classifier("bundled")


def of_command(*arguments: str) -> list[dict[str, Any]]:
    done = CliRunner().invoke(app, ["classify", *arguments, "--format", "jsonl"])
    assert done.exit_code == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def without_place(prediction: dict[str, Any]) -> dict[str, Any]:
    """Less what tells where an article was read."""
    return {key: value for key, value in prediction.items() if key not in ("article_id", "origin")}


def test_a_text_is_classified_as_by_the_command(bundled: Classifier) -> None:
    (expected,) = of_command(str(ROOT / "docs" / "sample-article.txt"), "--model", "bundled")
    prediction = bundled.classify(SAMPLE).to_json()
    assert without_place(prediction) == without_place(expected)
    assert (prediction["article_id"], prediction["title"]) == ("1", SAMPLE.splitlines()[0])
    (expected,) = of_command(str(ROOT / "docs" / "sample-article.txt"), "--model", "bundled", "--claim", CLAIM)
    assert without_place(bundled.classify(SAMPLE, CLAIM).to_json()) == without_place(expected)
    assert without_place(load_classifier("bundled", claims=[CLAIM]).classify(SAMPLE).to_json()) == without_place(
        expected
    )


def test_article_jsonl_is_classified_as_by_the_command(bundled: Classifier, tmp_path: Path) -> None:
    (tmp_path / "news.jsonl").write_text("".join(json.dumps(line) + "\n" for line in LINES))
    expected = of_command("news.jsonl", "--model", "bundled")
    found = [prediction.to_json() for prediction in bundled.classify_many(LINES)]
    assert [one["article_id"] for one in found] == ["vell-1", "7", "page"]
    assert [one | {"origin": ""} for one in expected] == found
    assert [[s["start"], s["end"]] for s in found[0]["sentences"]] == LINES[0]["sentences"]
    one_by_one = [bundled.classify(line).to_json() for line in LINES]
    assert [one["sentences"] for one in one_by_one] == [one["sentences"] for one in found]
    assert one_by_one[1] == found[1]


def test_claims_of_a_call_go_before_those_loaded_and_those_of_the_article(bundled: Classifier) -> None:
    loaded = load_classifier("bundled/stance", claims=[CLAIM, Claim("fields", "No field burned.")])
    assert [s.claim.claim_id for s in loaded.classify(LINES[1]).stances] == ["c1", "fields"]
    assert [s.claim.claim for s in loaded.classify(LINES[1], ["It rained."]).stances] == ["It rained."]
    assert [s.claim.claim_id for s in loaded.classify(LINES[1], []).stances] == ["own"]
    assert bundled.classify(SAMPLE).stances == ()


def test_a_stance_model_is_there_when_claims_are(bundled: Classifier) -> None:
    alone = load_classifier("bundled/attribution")
    assert list(alone.models) == ["attribution"]
    asked = alone.classify(SAMPLE, [CLAIM])
    assert asked.stances[0].row.probabilities == bundled.classify(SAMPLE, [CLAIM]).stances[0].row.probabilities
    assert list(asked.models) == ["attribution", "stance"]
    assert alone.classify(LINES[1]).stances == ()  # as the command: nobody asked, and no stance model was named


def test_an_article_keeps_its_id_and_its_sentences(bundled: Classifier) -> None:
    article = next(iter(load_dataset(Shipped()).articles("dev")))
    prediction = bundled.classify(article)
    assert prediction.article == replace(article, fields={**article.fields, "language": "en"})
    assert [(row.start, row.end) for row in prediction.sentences] == [s.span for s in article.sentences]
    assert bundled.classify(replace(article, sentences=())).article.sentences


def test_a_stream_is_read_as_it_is_asked_for(bundled: Classifier) -> None:
    taken = 0

    def endless() -> Iterator[str]:
        nonlocal taken
        while True:
            taken += 1
            yield SAMPLE

    stream = bundled.classify_many(endless())
    assert [next(stream).article.article_id for _ in range(3)] == ["1", "2", "3"]
    assert taken < 1000


def test_what_is_no_article_ends_the_stream_or_is_reported(bundled: Classifier) -> None:
    given: list[Any] = ["It rained.", {"article_id": "x"}, 5, Article("y", " "), "It snowed."]
    stream = bundled.classify_many(given)
    assert next(stream).article.text == "It rained."
    with pytest.raises(ResearchError, match=r"^article 2: key 'text' or 'html' is missing \(found: article_id\)$"):
        next(stream)
    problems: list[tuple[str, str]] = []
    done = list(bundled.classify_many(given, on_error=lambda *problem: problems.append(problem)))
    assert [prediction.article.article_id for prediction in done] == ["1", "5"]
    assert problems[1:] == [
        ("article 3", "expected text, an Article, or an object with article_id and text; not int"),
        ("article 4", "no text"),
    ]


def test_mistakes_are_told_in_one_line(bundled: Classifier) -> None:
    def told(call: Any, *arguments: Any, **options: Any) -> str:
        with pytest.raises(ResearchError) as error:
            call(*arguments, **options)
        return str(error.value)

    assert told(bundled.classify, " \n") == "no text"
    assert told(bundled.classify, {"text": "It rained."}) == "key 'article_id' is missing (found: text)"
    assert told(bundled.classify_many, SAMPLE) == "expected several articles; `classify` takes a single one"
    expected = 'claim 2: expected a sentence, such as "The bridge was closed.", not '
    assert told(bundled.classify_many, [], claims=["It rained.", " "]) == expected + "' '"
    assert told(load_classifier, claims=["It rained.", 3]) == expected + "3"
    assert told(bundled.classify, SAMPLE, [Claim("c2", "It snowed."), "It rained."]) == "claim_id 'c2' is given twice"
    assert told(load_classifier, "champion").startswith("no champion in sqlite:///")
    assert told(load_classifier, "bundled", "bundled/stance").endswith("a second model for task 'stance'; one per task")


def test_champions_are_loaded_by_name_and_without_one(tmp_path: Path) -> None:
    import mlflow

    assert [model["name"] for model in load_classifier().models.values()] == [f"bundled/{task}" for task in TASKS]
    folder = shutil.copytree(BUNDLED_FOLDER / "attribution", tmp_path / "checkpoint")
    open_store()
    with mlflow.start_run() as run:
        log_checkpoint(folder, TASKS["attribution"], {})
    promote(run.info.run_id, "attribution")
    champion, saved = load_classifier("champion"), load_classifier(folder, "bundled/stance")
    assert champion.models == {"attribution": {"name": "attribution", "version": "1", "run_id": run.info.run_id}}
    assert load_classifier().models == load_classifier("attribution@champion").models == champion.models
    assert repr(champion) == "<Classifier attribution=attribution 1>"
    assert repr(saved).startswith("<Classifier attribution=checkpoint, stance=bundled/stance ")
    (expected,) = of_command(str(ROOT / "docs" / "sample-article.txt"))
    assert without_place(champion.classify(SAMPLE).to_json()) == without_place(expected)
    assert of_command(str(ROOT / "docs" / "sample-article.txt"), "--model", "champion") == [expected]
    assert saved.classify(SAMPLE).sentences == champion.classify(SAMPLE).sentences
    with pytest.raises(ResearchError, match="no run or model folder 'nowhere' in "):
        load_classifier(Path("nowhere"))


def test_threads_may_share_a_classifier(bundled: Classifier) -> None:
    articles = list(load_dataset(Shipped()).articles("dev"))[:24]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(bundled.classify, articles)) == list(bundled.classify_many(articles))


def test_import_is_light_and_names_are_told() -> None:
    code = "import research, sys; print(sorted(m for m in sys.modules if m.startswith('research')), dir(research))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.startswith("['research'] ") and "'load_classifier'" in done.stdout
    code = "from research import nothing"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert "cannot import name 'nothing'" in done.stderr


def test_the_page_says_what_happens(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    page = (ROOT / "docs" / "python-api.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    examples = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", page, re.DOTALL)
    assert len(examples) == page.count("```python")
    for code, expected in examples:
        with redirect_stdout(io.StringIO()) as out:
            exec(code, names)
        assert out.getvalue() == expected
