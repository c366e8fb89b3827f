"""`classify` for Python: models loaded once, then predictions for texts, articles and streams of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from research.articles.lines import parse_article
from research.articles.texts import article_from_text
from research.records import Article, Claim, Prediction, ResearchError
from research.workflows.classify import classify_articles, load_classifiers, with_stance
from research.workflows.predicting import Classifiers
from research.workflows.reading import Wanted

Given = str | Article | Mapping[str, Any]
Claims = str | Claim | Iterable[str | Claim]


class Classifier:
    """Models at work; made by `load_classifier`.

    An article is given as plain text (its first paragraph is the title when it reads like a headline), as an
    `Article`, or as an object of Article JSONL. A plain text has no id of its own and gets its place in the stream,
    from "1". Claims are sentences or `Claim`s; a sentence is called by its place, from "c1". Without claims, the
    stances are those to the claims that the article itself carries. The models know English: where the field
    "language" of a prediction's article says another one, do not trust it. Several threads may use one classifier.
    """

    def __init__(self, classifiers: Classifiers, claims: Sequence[Claim] = ()) -> None:
        self._classifiers, self._claims = classifiers, tuple(claims)

    @property
    def models(self) -> dict[str, dict[str, str]]:
        """Of each task: the name, version and run id of its model ("" where there is none)."""
        return {task: dict(origin) for task, (_, origin) in self._classifiers.items()}

    def classify(self, article: Given, claims: Claims | None = None) -> Prediction:
        """What the models say of one article; its `to_json` is the object that `research classify` writes.

        `claims` take the place of those the classifier was loaded with. ResearchError when this is no article.
        """
        return next(self._predict(iter([_article(article, "1")]), claims))

    def classify_many(
        self,
        articles: Iterable[Given],
        claims: Claims | None = None,
        on_error: Callable[[str, str], None] | None = None,
    ) -> Iterator[Prediction]:
        """One prediction per article, in order. Articles are taken as they are needed, some hundred at once, so that
        memory stays constant.

        What is no article goes to `on_error(origin, message)`, with an origin such as "article 17", and the stream
        goes on; without `on_error` it ends there with a ResearchError, after the predictions of all articles before.
        """
        if isinstance(articles, str | Article | Mapping):
            raise ResearchError("expected several articles; `classify` takes a single one")
        problems: list[ResearchError] = []

        def read() -> Iterator[Article]:
            for number, given in enumerate(articles, start=1):
                try:
                    article = _article(given, str(number))
                except ResearchError as error:
                    if on_error is None:
                        problems.append(ResearchError(f"article {number}: {error}"))
                        return
                    on_error(f"article {number}", str(error))
                else:
                    yield article

        def stream(predictions: Iterator[Prediction]) -> Iterator[Prediction]:
            yield from predictions
            if problems:
                raise problems[0]

        return stream(self._predict(read(), claims))

    def __repr__(self) -> str:
        models = (f"{task}={' '.join(filter(None, (m['name'], m['version'])))}" for task, m in self.models.items())
        claims = [f"{len(self._claims)} claims"] if self._claims else []
        return f"<Classifier {', '.join([*models, *claims])}>"

    def _predict(self, articles: Iterator[Article], claims: Claims | None) -> Iterator[Prediction]:
        asked = self._claims if claims is None else as_claims(claims)
        told = Wanted(any_language=True).choose(articles, lambda origin, message: None)  # their language is told only
        return classify_articles(told, self._for_claims if asked else self._classifiers, asked)

    @cached_property
    def _for_claims(self) -> Classifiers:
        return with_stance(self._classifiers)


def load_classifier(*models: str | Path, claims: Claims = ()) -> Classifier:
    """The models named as `research classify --model` names them, one per task: "champion" (of every task that has
    one), "bundled", the name or id of a run, NAME@ALIAS, or the folder of a saved model. Without names the champions,
    or where there is none the bundled models.

    For `claims`, and any given later, the bundled stance model is used where none is among them. ResearchError when a
    name leads nowhere or two models are for the same task.
    """
    asked = as_claims(claims)
    found = load_classifiers([str(model) for model in models])
    return Classifier(with_stance(found) if asked else found, asked)


def as_claims(given: Claims) -> tuple[Claim, ...]:
    """Sentences and claims as claims. ResearchError for an empty sentence, and for an id given twice."""
    claims = []
    for place, one in enumerate([given] if isinstance(given, str | Claim) else given, start=1):
        if isinstance(one, str) and one.strip():
            one = Claim(f"c{place}", " ".join(one.split()))
        if not isinstance(one, Claim):
            raise ResearchError(f'claim {place}: expected a sentence, such as "The bridge was closed.", not {one!r}')
        claims.append(one)
    ids = [claim.claim_id for claim in claims]
    if again := next((i for i in ids if ids.count(i) > 1), None):
        raise ResearchError(f"claim_id '{again}' is given twice")
    return tuple(claims)


def _article(given: Given, article_id: str) -> Article:
    if isinstance(given, str):
        return article_from_text(given, article_id, "")
    if isinstance(given, Mapping):
        return parse_article(given, "")
    if not isinstance(given, Article):
        kind = type(given).__name__
        raise ResearchError(f"expected text, an Article, or an object with article_id and text; not {kind}")
    if not given.text.strip():
        raise ResearchError("no text")
    return given
