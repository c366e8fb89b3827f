"""Claims on the command line: `classify --claim`, `--claims FILE` and the roll-up `claims`."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from research.articles import article_from_json, article_to_json, segment
from research.articles.claims import claims_of, read_claims
from research.cli import app
from research.models.checkpoint import prediction_rows
from research.records import STANCE_LABELS, TASKS, Claim, ResearchError, examples_for, gold_rows

ARTICLES = [
    {
        "article_id": "a1",
        "title": "Office says the Vell bridge stands",
        "text": "Office says the Vell bridge stands\n\n"
        "The harbour office denied that the bridge at Vell had collapsed.",
        "outlet": "Vell Courier",
        "published": "2031-03-02",
    },
    {
        "article_id": "a2",
        "text": "Football\n\nOrrin won the cup for the third time.",
        "outlet": "Orrin Post",
        "published": "2031-03-01",
    },
]
BRIDGE, CUP = "The bridge at Vell collapsed.", "Orrin won the cup."


def research(*arguments: object) -> Result:
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stance")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)  # MLflow sets it once another test has opened a store
        settings = ("--folds", "2", "--set", "scoring.draws=100", "--save", folder / "model")
        done = research("train", "--task", "stance", "--model", "tfidf-svm", *settings)
        assert done.exit_code == 0, done.stderr
    return folder / "model"


@pytest.fixture
def articles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "news.jsonl"
    file.write_text("".join(json.dumps(one) + "\n" for one in ARTICLES))
    return file


def test_stances_are_the_contract(model: Path, articles: Path) -> None:
    done = research("classify", articles, "--claim", BRIDGE, "--claim", CUP, "--model", model, "--format", "jsonl")
    assert done.exit_code == 0, done.stderr
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert [s["claim_id"] for s in first["stances"]] == ["c1", "c2"]
    for given, claim in zip(first["stances"], (BRIDGE, CUP), strict=True):
        assert given["claim"] == claim and given["label"] in STANCE_LABELS
        assert given["probabilities"].keys() == set(STANCE_LABELS)
        assert sum(given["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    text = ARTICLES[0]["text"]
    shown = [text[start:end] for start, end in first["stances"][0]["evidence"]]
    assert "The harbour office denied that the bridge at Vell had collapsed." in shown
    assert first["stances"][1]["evidence"] == [] != second["stances"][1]["evidence"]
    assert first["models"].keys() == {"stance"}


def test_an_articles_stance_does_not_depend_on_its_company(model: Path, articles: Path) -> None:
    both = research("classify", articles, "--claim", BRIDGE, "--model", model, "--format", "jsonl").stdout
    articles.write_text(json.dumps(ARTICLES[0]) + "\n")
    alone = research("classify", articles, "--claim", CUP, "--claim", BRIDGE, "--model", model, "--format", "jsonl")
    together = json.loads(both.splitlines()[0])["stances"][0]
    assert json.loads(alone.stdout)["stances"][1]["probabilities"] == together["probabilities"]


def test_table_and_csv_show_the_stances(model: Path, articles: Path) -> None:
    table = research("classify", articles, "--claim", BRIDGE, "--model", model, "--format", "table").stdout
    assert f"  {BRIDGE}" in table and "claim c1: " in table
    lines = research("classify", articles, "--claim", BRIDGE, "--model", model, "--format", "csv").stdout
    rows = list(csv.DictReader(io.StringIO(lines)))
    assert [row["article_id"] for row in rows] == ["a1", "a2"]
    assert all(row["stances"].startswith("c1:") for row in rows)


def test_mlflow_serves_the_same_stances(model: Path, articles: Path) -> None:
    import mlflow
    import pandas as pd

    uri = f"sqlite:///{model.parent}/mlflow.db"
    mlflow.set_tracking_uri(uri)
    try:
        (run,) = mlflow.search_runs(search_all_experiments=True, output_format="list")
        served = mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/model")
        text = ARTICLES[0]["text"]
        found = served.predict(pd.DataFrame({"text": [text, text], "claim": [BRIDGE, CUP]}))
    finally:
        mlflow.set_tracking_uri(None)
    articles.write_text(json.dumps({"article_id": "a", "text": text}) + "\n")
    done = research("classify", articles, "--claim", BRIDGE, "--claim", CUP, "--model", model, "--format", "jsonl")
    assert list(found["labels"]) == [s["label"] for s in json.loads(done.stdout)["stances"]]


def test_claims_rolls_up_a_folder(model: Path, articles: Path) -> None:
    file = articles.with_name("claims.csv")
    file.write_text(f"claim_id,claim\nbridge,{BRIDGE}\ncup,{CUP}\n")
    done = research("claims", articles, "--claims", file, "--model", model, "--format", "json")
    assert done.exit_code == 0 and "2 articles, 2 claims, 0 failed" in done.stderr
    voices = json.loads(done.stdout)
    assert {v["claim_id"] for v in voices} <= {"bridge", "cup"} and "unrelated" not in {v["label"] for v in voices}
    for voice in voices:
        origin = next(a for a in ARTICLES if a["article_id"] == voice["article_id"])
        assert (voice["outlet"], voice["published"]) == (origin["outlet"], origin["published"])
    copied = articles.with_name("copied.jsonl")
    copied.write_text(articles.read_text().replace('"article_id": "', '"article_id": "again-'))
    again = ("claims", articles, copied, "--claims", file, "--model", model, "--format", "json", "--copies", "first")
    assert json.loads(research(*again).stdout) == voices, "a wire story counts once"
    table = research("claims", articles, "--claims", file, "--model", model).stdout
    assert f"bridge  {BRIDGE}" in table and f"cup  {CUP}" in table
    for voice in voices:
        assert f"{voice['label']} 1  {voice['outlet']} 1" in table


def test_claims_without_claims_or_articles(model: Path, articles: Path, tmp_path: Path) -> None:
    assert research("claims", articles, "--model", model).stderr == 'error: expected --claims FILE, or --claim "..."\n'
    (tmp_path / "empty").mkdir()
    done = research("claims", tmp_path / "empty", "--claim", CUP, "--model", model)
    assert done.exit_code == 2 and "no articles in this folder" in done.stderr
    done = research("claims", articles, "--claim", CUP, "--model", "bundled/attribution")
    assert done.stderr == "error: --model bundled/attribution: a model for attribution; expected one for stance\n"


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("c.txt", f"{CUP}\n\n  The  dam broke. \n", [Claim("1", CUP), Claim("3", "The dam broke.")]),
        ("c.csv", f"claim,claim_id\n{CUP},x\n", [Claim("x", CUP)]),
        ("c.jsonl", json.dumps({"claim_id": 7, "claim": CUP}) + "\n", [Claim("7", CUP)]),
    ],
)
def test_files_of_claims(tmp_path: Path, name: str, text: str, found: list[Claim]) -> None:
    (tmp_path / name).write_text(text)
    assert read_claims(tmp_path / name) == found


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("c.pdf", "", r"not a file of claims \(known: .txt, .csv, .jsonl\)"),
        ("c.txt", "\n", "no claims in it"),
        ("c.csv", "id,claim\n1,A.\n", ":2: expected claim_id and claim"),
        ("c.jsonl", '{"claim_id": "a", "claim": "A."}\nnot json\n', ":2: expected claim_id and claim"),
    ],
)
def test_bad_files_of_claims_name_the_line(tmp_path: Path, name: str, text: str, problem: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ResearchError, match=problem):
        read_claims(tmp_path / name)


def test_claims_have_ids_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("claim_id,claim\nc1,A.\n")
    with pytest.raises(ResearchError, match="claim_id 'c1' is given twice"):
        claims_of(["B."], tmp_path / "c.csv")
    with pytest.raises(ResearchError, match="--claim: expected a sentence"):
        claims_of([" "], None)
    with pytest.raises(ResearchError, match=r"none.txt: no such file"):
        claims_of([], tmp_path / "none.txt")


def test_a_sentence_is_judged_as_a_text_of_its_own(model: Path, articles: Path) -> None:
    asked = ("--claim", BRIDGE, "--claim", CUP, "--model", model, "--format")
    plain = research("classify", articles, *asked, "jsonl").stdout
    done = research("classify", articles, *asked, "jsonl", "--sentences")
    assert done.exit_code == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    judged = {(a["article_id"], s["claim_id"]): s.pop("sentences", []) for a in found for s in a["stances"]}
    assert found == [json.loads(line) for line in plain.splitlines()]  # the articles' own stances stay
    assert {pair for pair, rows in judged.items() if rows} == {("a1", "c1"), ("a2", "c2")}
    text = ARTICLES[0]["text"]
    headline, denial = judged["a1", "c1"]
    assert text[denial["start"] : denial["end"]].endswith("collapsed.")
    alone = {"article_id": "alone", "text": text[denial["start"] : denial["end"]]}
    articles.write_text(json.dumps(alone) + "\n")
    (same,) = json.loads(research("classify", articles, *asked, "jsonl").stdout)["stances"][:1]
    assert (same["label"], same["probabilities"]) == (denial["label"], denial["probabilities"])
    assert headline["probabilities"] != denial["probabilities"]
    assert f"    {same['label']:10}" in research("classify", articles, *asked, "table", "--sentences").stdout


def test_gold_of_a_sentence_is_learned_and_scored_at_its_place(articles: Path) -> None:
    text = ARTICLES[0]["text"]
    start = text.index("The harbour")
    claim = {"claim_id": "c", "claim": BRIDGE, "label": "denies", "start": start, "end": len(text)}
    given = {"article_id": "a", "title": "Office", "text": text, "claims": [claim, {"claim_id": "c", "claim": BRIDGE}]}
    article = segment(article_from_json(given, "news"))
    assert article_to_json(article)["claims"] == given["claims"]
    judged, whole = examples_for(TASKS["stance"], [article])
    assert judged.article.text == text[start:] and judged.article.title is None
    assert [s.text for s in judged.article.sentences] == [text[start:]]
    (row,) = gold_rows(TASKS["stance"], [judged, whole])
    assert (row.start, row.end, row.labels) == (start, len(text), ("denies",))
    (predicted,) = prediction_rows(TASKS["stance"], [judged], np.ones((1, 4)) / 4, np.eye(4, dtype=bool)[:1])
    assert predicted.key == row.key
    with pytest.raises(ResearchError, match=r"claims\[0\]: end 999 is beyond the text"):
        article_from_json(given | {"claims": [claim | {"end": 999}]}, "news")
    with pytest.raises(ResearchError, match=r"claims\[1\]: claim_id 'c' is used twice"):
        article_from_json(given | {"claims": [claim, claim]}, "news")
