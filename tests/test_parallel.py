"""Light models in several processes: the same predictions, in order."""

from collections.abc import Iterator

import pytest

from research.articles import segment
from research.config import Shipped
from research.datasets import load_dataset
from research.records import Article
from research.workflows import parallel
from research.workflows.classify import abstaining, load_classifiers
from research.workflows.parallel import predict_batches


def test_processes_predict_the_same_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "FEW", 1)
    classifiers = abstaining(
        {task: found for task, found in load_classifiers(["bundled"]).items() if task != "stance"}, 0.05
    )
    articles = [segment(article) for article in load_dataset(Shipped()).articles("test")][:12]
    batches = [articles[i : i + 2] for i in range(0, 12, 2)]
    alone = [prediction.to_json() for prediction in predict_batches(batches, classifiers)]
    together = [prediction.to_json() for prediction in predict_batches(batches, classifiers, workers=2)]
    assert together == alone
    assert any(sentence["labels"] is None for article in together for sentence in article["sentences"])


def test_no_more_batches_wait_than_are_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "FEW", 0)
    asked = 0

    def batches() -> Iterator[list[Article]]:
        nonlocal asked
        for number in range(100):
            asked += 1
            yield [segment(Article(str(number), f"The office closed gate {number}."))]

    found = predict_batches(batches(), load_classifiers(["bundled"]), workers=2)
    assert next(found).article.article_id == "0"
    assert asked <= parallel.AHEAD * 2 + 1
    found.close()  # type: ignore[attr-defined]
