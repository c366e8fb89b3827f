"""Many articles against a list of claims: who supports, denies or discusses each one, and when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from research.records import STANCE_LABELS, UNRELATED, Claim, Prediction
from research.summary.claims import RollUp, Voice

ABSTAINED = "abstained"


def roll_up(predictions: Iterable[Prediction], claims: Iterable[Claim]) -> RollUp:
    """The stances of `predictions`, claim by claim."""
    asked = tuple(claims)
    voices: dict[str, list[Voice]] = {claim.claim_id: [] for claim in asked}
    counts: dict[str, Counter[str]] = {claim.claim_id: Counter() for claim in asked}
    articles = 0
    for prediction in predictions:
        articles += 1
        for voice in _voices(prediction):
            counts[voice.claim_id][voice.label] += 1
            if voice.label != UNRELATED:
                voices[voice.claim_id].append(voice)
    ordered = {
        i: tuple(sorted(some, key=lambda v: (v.published or "9999", v.article_id))) for i, some in voices.items()
    }
    known = (*STANCE_LABELS, ABSTAINED)
    return RollUp(asked, ordered, {i: {k: c[k] for k in known if c[k]} for i, c in counts.items()}, articles)


def _voices(prediction: Prediction) -> Iterator[Voice]:
    article = prediction.article
    for stance in prediction.stances:
        label = stance.row.labels[0] if stance.row.labels else ABSTAINED
        yield Voice(
            claim_id=stance.claim.claim_id,
            claim=stance.claim.claim,
            label=label,
            probability=stance.row.probabilities.get(label, 0.0),
            article_id=article.article_id,
            outlet=article.outlet or "",
            published=article.published or "",
            title=article.title or "",
            url=article.url or "",
            evidence=" ... ".join(article.text[start:end] for start, end in stance.evidence),
        )
