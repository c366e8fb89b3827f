"""Articles that are only learned from: `a++b`."""

import json
from pathlib import Path

import pytest

from research.cli.classifying import classify
from research.cli.output import ArticleFormat, writing
from research.config import dataset_config, run_config
from research.datasets import audit, leaks, load_dataset
from research.models.checkpoint import Checkpoint
from research.records import TASKS, ResearchError
from research.workflows.folds import out_of_fold
from research.workflows.train import annotated, train


def labelled(path: Path, texts: list[str], **fields: str) -> Path:
    lines = []
    for i, text in enumerate(texts):
        sentences = [{"start": 0, "end": len(text), "labels": ["denial"] if "denied" in text else []}]
        article = {"article_id": f"{path.stem}-{i}", "text": text, "sentences": sentences, "split": "train"}
        lines.append(json.dumps(article | fields))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_extra_articles_are_learned_from_and_not_scored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    calm = [f"The {word} harbour opened at noon and the ferries ran." for word in ("old", "new", "north", "south")]
    main = labelled(tmp_path / "main.jsonl", [*calm, "Nobody here rejects what is said of the port."])
    extra = labelled(tmp_path / "extra.jsonl", [f"Minister {name} denied it." for name in ("Ardo", "Belm", "Cork")])
    dataset = load_dataset(dataset_config(f"{main.name}++{extra.name}"))
    assert [(split, len(dataset.articles(split))) for split in dataset.splits] == [("extra", 3), ("train", 5)]
    config = run_config(
        dataset=f"{main.name}++{extra.name}", model="tfidf-logreg", folds=2, assignments=["model.features.min_count=1"]
    )
    task = TASKS["attribution"]
    examples = annotated(task, dataset.articles("train"))
    learned = annotated(task, dataset.articles("extra"))
    without, with_extra = (out_of_fold(config, task, examples, extra=some)[:, 2] for some in ((), learned))
    assert without.max() < 0.001 < with_extra.min()  # only the extra articles show what a denial is
    result = train(config)
    assert {s.n for s in result.scores["cv"]} == {5}


def test_what_a_model_labelled_stays_out_of_the_folds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its teacher may have learned from the very articles that a fold holds out."""
    monkeypatch.chdir(tmp_path)
    given = [f"The {word} harbour opened at noon." for word in ("old", "new", "north")]
    main = labelled(tmp_path / "main.jsonl", [*given, "Minister Dorn denied it.", "Minister Esk denied this."])
    taught = [f"Minister {name} denied it." for name in ("Ardo", "Belm", "Cork")]
    extra = labelled(tmp_path / "extra.jsonl", taught, labelled_by="some model")
    small = ["model.features.min_count=1", "model.calibration=none"]
    names = (main.name, f"{main.name}++{extra.name}")
    configs = [run_config(dataset=name, model="tfidf-logreg", folds=2, assignments=small) for name in names]
    alone, beside = (train(config, save=tmp_path / str(i)) for i, config in enumerate(configs))
    assert [s.value for s in alone.scores["cv"]] == [s.value for s in beside.scores["cv"]]
    examples = annotated(TASKS["attribution"], load_dataset(dataset_config(main.name)).articles("train"))
    once, again = (Checkpoint.load(tmp_path / name).model.predict_proba(examples)[:, 2] for name in "01")
    assert (again > once)[3:].all(), "the model itself has learned from it"


def test_an_extra_article_that_stands_in_the_data_is_a_leak(tmp_path: Path) -> None:
    text = "Minister Ardo denied that the harbour would be sold to the ferry company before the end of the summer."
    main, extra = labelled(tmp_path / "main.jsonl", [text]), labelled(tmp_path / "extra.jsonl", [text])
    (pair,) = leaks(audit(load_dataset(dataset_config(f"{main}++{extra}"))))
    assert {pair.left_split, pair.right_split} == {"extra", "train"}


def test_a_mix_of_one_is_refused() -> None:
    with pytest.raises(ResearchError, match="a mix of one dataset"):
        run_config(assignments=["dataset={kind: mix, parts: [{kind: shipped}]}"])


def test_classify_writes_articles_to_train_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("new.txt").write_text(
        "Minister Ardo denied that the harbour would be sold.\n\nShips came.\n", encoding="utf-8"
    )
    classify(["new.txt"], model=["bundled"], labelled=Path("silver.jsonl"), form=ArticleFormat.jsonl)
    (line,) = capsys.readouterr().out.splitlines()
    (article,) = load_dataset(dataset_config("silver.jsonl")).articles("train")
    assert [list(s.labels or ()) for s in article.sentences] == [s["labels"] for s in json.loads(line)["sentences"]]
    assert article.primary == json.loads(line)["primary"]["label"]
    assert article.fields["labelled_by"] == "bundled/attribution, bundled/primary"


def test_an_unwritable_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ResearchError, match="No such file or directory"), writing(tmp_path / "none" / "x.jsonl"):
        pass
