"""New articles in, predictions out: a stream, in batches, with constant memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from research.articles import read_articles, segment
from research.models.checkpoint import Checkpoint, Errors
from research.models.evidence import evidence
from research.records import (
    Article,
    Claim,
    Prediction,
    ResearchError,
)
from research.scoring import least_confidence
from research.workflows.parallel import predict_batches
from research.workflows.predicting import Classifiers, Origin
from research.workflows.reading import Wanted
from research.workflows.registry import BUNDLED, CHAMPION, load_bundled, load_champions, load_model
from research.workflows.tracking import store_uri

# Vectorising one sentence costs mostly overhead, so articles are judged together; two thousand sentences are enough
# to make that overhead vanish, and little enough to stay in a few megabytes.
BATCH_SENTENCES = 2000
BATCH_PAIRS = 2000  # of an article and a claim


def load_classifiers(references: Sequence[str] = ()) -> Classifiers:
    """The models named, one per task; without names the champion of every task that has one, or where there is none
    at all the bundled models. `champion` and `bundled` name all of these."""
    if not references:
        return load_champions() or load_bundled()
    found: dict[str, tuple[Checkpoint, Origin]] = {}
    for reference in references:
        for task, classifier in _named(reference).items():
            if task in found:
                raise ResearchError(f"--model {reference}: a second model for task '{task}'; one per task")
            found[task] = classifier
    return found


def with_stance(classifiers: Classifiers) -> Classifiers:
    """The same models, and the bundled one for stance where there is none among them."""
    if "stance" in classifiers:
        return classifiers
    return {**classifiers, "stance": load_bundled()["stance"]}


def load_stance(reference: str | None = None) -> Classifiers:
    """The stance model named, else the champion, else the bundled one; no other."""
    found = load_classifiers([reference]) if reference else load_champions(["stance"])
    if reference and "stance" not in found:
        raise ResearchError(f"--model {reference}: a model for {', '.join(found)}; expected one for stance")
    return {"stance": with_stance(found)["stance"]}


def abstaining(classifiers: Classifiers, error: float) -> Classifiers:
    """The same models, silent where they are unsure: the rest of their labels is expected to be wrong in at most
    `error` of the cases, as in their out-of-fold rows. ResearchError when a model kept nothing of those."""
    if not 0 <= error < 1:
        raise ResearchError(f"--abstain {error}: expected a share of wrong labels from 0 to below 1, such as 0.05")
    found = {}
    for task, (checkpoint, origin) in classifiers.items():
        least = least_confidence(known_errors(checkpoint, origin).risk, error)
        found[task] = replace(checkpoint, least_confidence=least), origin
    return found


def known_errors(checkpoint: Checkpoint, origin: Origin) -> Errors:
    """What the model kept of its out-of-fold rows; ResearchError when it kept nothing."""
    if checkpoint.errors is None:
        raise ResearchError(
            f"model {origin['name']} ({checkpoint.task.name}) holds no out-of-fold errors: train it with this version"
        )
    return checkpoint.errors


def classify_sources(
    sources: Iterable[str],
    classifiers: Classifiers,
    on_error: Callable[[str, str], None],
    claims: Sequence[Claim] = (),
    by_sentence: bool = False,
    *,
    workers: int = 0,
    raw: bool = False,
    wanted: Wanted | None = None,
) -> Iterator[Prediction]:
    """Read and classify; what cannot be read, and what is not `wanted`, goes to `on_error(origin, message)` and the
    stream goes on. `workers` processes parse pages, and as many classify; texts are cleaned unless `raw`."""
    read = read_articles(sources, on_error, workers=workers, raw=raw)
    chosen = (wanted or Wanted()).choose(read, on_error)
    yield from classify_articles(chosen, classifiers, claims, by_sentence, workers)


def classify_articles(
    articles: Iterable[Article],
    classifiers: Classifiers,
    claims: Sequence[Claim] = (),
    by_sentence: bool = False,
    workers: int = 0,
) -> Iterator[Prediction]:
    """One prediction per article, in order. Its stances are those to `claims`; without any, to the claims that the
    article itself carries. With `by_sentence` each sentence that shares a word with a claim is judged, too, as a text
    of its own; the others are not about it. `workers` processes share the work of light models (`predict_batches`)."""
    asked = tuple(claims)
    segmented = (segment(article) for article in articles)
    ready = (replace(article, claims=asked) if asked else article for article in segmented)
    batches = _batches(_with_sentences(article) for article in ready) if by_sentence else _batches(ready)
    yield from predict_batches(batches, classifiers, workers)


def _named(reference: str) -> Classifiers:
    if reference in (BUNDLED, CHAMPION) and not Path(reference).is_dir():
        found = load_bundled() if reference == BUNDLED else load_champions()
        if not found:
            raise ResearchError(f"no champion in {store_uri()} yet; `research train --promote` makes one")
        return found
    checkpoint, origin = load_model(reference)
    return {checkpoint.task.name: (checkpoint, origin)}


def _batches(articles: Iterable[Article]) -> Iterator[list[Article]]:
    batch: list[Article] = []
    sentences = pairs = 0
    for article in articles:
        batch.append(article)
        sentences += len(article.sentences)
        pairs += len(article.claims)
        if sentences >= BATCH_SENTENCES or pairs >= BATCH_PAIRS:
            yield batch
            batch, sentences, pairs = [], 0, 0
    if batch:
        yield batch


def _with_sentences(article: Article) -> Article:
    """The article with each claim followed by the same claim to each sentence that shares a word with it."""
    claims: list[Claim] = []
    for claim in article.claims:
        touched = () if claim.span else evidence(article, claim.claim, most=len(article.sentences))
        claims += [claim, *(replace(claim, label=None, span=span) for span in touched)]
    return replace(article, claims=tuple(claims))
