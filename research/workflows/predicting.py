"""A batch of articles in, predictions out: what all models together say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from research.cues import read_once
from research.models.checkpoint import Checkpoint
from research.models.evidence import evidence
from research.records import BACKGROUND, TASKS, Article, Claim, Prediction, Row, Stance, Task, examples_for

Origin = Mapping[str, str]
Classifiers = Mapping[str, tuple[Checkpoint, Origin]]

LEAD_SENTENCES = 2  # headline and lead; a third sentence changes nothing on attribution-gold train


def predict_batch(batch: Sequence[Article], classifiers: Classifiers) -> Iterator[Prediction]:
    # Ids come from the articles and may recur within a stream; places in the batch cannot.
    numbered = [replace(article, article_id=str(i)) for i, article in enumerate(batch)]
    with read_once():
        rows = {name: _rows(checkpoint, TASKS[name], numbered) for name, (checkpoint, _) in classifiers.items()}
    models = {name: origin for name, (_, origin) in classifiers.items() if rows[name] or not TASKS[name].pair}
    for i, article in enumerate(batch):
        sentences = tuple(replace(row, article_id=article.article_id) for row in rows.get("attribution", {}).get(i, ()))
        given = rows.get("primary", {}).get(i)
        derived = given is None and "attribution" in classifiers
        primary = (
            derive_primary(article, sentences)
            if derived
            else replace(given[0], article_id=article.article_id)
            if given
            else None
        )
        stances = tuple(_stances(article, rows.get("stance", {}).get(i, ())))
        yield Prediction(article, sentences, primary, derived, models, stances)


def _stances(article: Article, rows: Sequence[Row]) -> Iterator[Stance]:
    """The rows of an article's claims; those of sentences go with the claim to the whole article before them."""
    groups: list[list[tuple[Claim, Row]]] = []
    for claim, row in zip(article.claims, rows, strict=False):
        own = replace(row, article_id=article.article_id)
        if groups and claim.span and (claim.claim_id, None) == (groups[-1][0][0].claim_id, groups[-1][0][0].span):
            groups[-1].append((claim, own))
        else:
            groups.append([(claim, own)])
    for (claim, row), *sentences in groups:
        bears = () if claim.span else evidence(article, claim.claim)
        yield Stance(claim, row, bears, tuple(own for _, own in sentences))


def _rows(checkpoint: Checkpoint, task: Task, batch: Sequence[Article]) -> dict[int, list[Row]]:
    by_article: dict[int, list[Row]] = {}
    examples = list(examples_for(task, batch))
    for row in checkpoint.predict(examples) if examples else ():
        by_article.setdefault(int(row.article_id), []).append(row)
    return by_article


def derive_primary(article: Article, rows: Sequence[Row]) -> Row:
    """The primary label that headline and lead suggest: the first of these sentences with any label decides; of two
    labels denial wins, then official_statement (codebook, Article level; as gold has it). Probabilities are those of
    that sentence. An abstention on the way to it is one of the article, too."""
    task = TASKS["primary"]
    label: str | None = BACKGROUND
    chosen = rows[0] if rows else None
    for row in rows[:LEAD_SENTENCES]:
        if row.labels is None:
            label, chosen = None, row
            break
        if row.labels:
            chosen = row
            label = next(one for one in ("denial", "official_statement", "speculation") if one in row.labels)
            break
    probabilities = dict(chosen.probabilities) if chosen else {}
    labels = None if label is None else (label,)
    return Row(task.name, article.article_id, 0, len(article.text), labels, probabilities=probabilities)
