"""The schema of every kind of model, with its full defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field, model_validator

from research.config.section import Section


def _ascending(lengths: tuple[int, int]) -> tuple[int, int]:
    if not 1 <= lengths[0] <= lengths[1]:
        raise ValueError("expected [shortest, longest], such as [1, 3]")
    return lengths


Lengths = Annotated[tuple[int, int], AfterValidator(_ascending)]


class Features(Section):
    """What a linear model sees of a sentence in its article. Each group can be switched off for an ablation."""

    words: bool = Field(True, description="word n-grams of the sentence, names masked")
    characters: bool = Field(True, description="character n-grams of the sentence, inside word boundaries")
    neighbours: bool = Field(True, description="word n-grams of the sentences before and after")
    position: bool = Field(True, description="place in the article, length, headline or not")
    quotation: bool = Field(True, description="quotation marks, and whether a quotation is still open")
    carry: bool = Field(True, description="who spoke before, and how long ago")
    cues: bool = Field(True, description="cue lexicon matches, source and cue pairs, labelling rules")
    word_ngrams: Lengths = (1, 3)
    char_ngrams: Lengths = (3, 5)
    min_count: int = Field(2, ge=1, description="n-grams in fewer sentences are dropped (not with buckets)")
    buckets: int = Field(
        0, ge=0, le=2**24, description="hash all features into so many columns, for a small model; 0: a vocabulary"
    )

    @model_validator(mode="after")
    def _one_is_on(self) -> Features:
        groups = [name for name, value in self if isinstance(value, bool)]
        if not any(getattr(self, name) for name in groups):
            raise ValueError(f"all groups are switched off; switch on one of {', '.join(groups)}")
        return self


class Majority(Section):
    """The floor: label frequencies of the training split, whatever the text."""

    kind: Literal["majority"] = "majority"


class Cues(Section):
    """Labelling rules from the cue lexicon; nothing is trained."""

    kind: Literal["cues"] = "cues"


class Linear(Section):
    """What the two linear models share."""

    c: float = Field(2.0, gt=0, description="inverse regularisation strength")
    class_weight: Literal["balanced", "none"] = "none"
    thresholds: Literal["tuned", "fixed"] = Field(
        "tuned", description="per label, chosen on out-of-fold predictions; or .5"
    )
    calibration: Literal["none", "temperature", "isotonic"] = Field(
        "temperature", description="of the probabilities, fitted on out-of-fold ones"
    )
    features: Features = Features()


class TfidfLogreg(Linear):
    """Logistic regression over TF-IDF n-grams and context."""

    kind: Literal["tfidf-logreg"] = "tfidf-logreg"


class TfidfSvm(Linear):
    """Linear support vector machine over the same features; its margins are mapped to probabilities."""

    kind: Literal["tfidf-svm"] = "tfidf-svm"
    c: float = Field(0.1, gt=0, description="inverse regularisation strength")


ModelConfig = Annotated[Majority | Cues | TfidfLogreg | TfidfSvm, Field(discriminator="kind")]

MODEL_SCHEMAS: Mapping[str, type[Section]] = {
    s.model_fields["kind"].default: s for s in get_args(get_args(ModelConfig)[0])
}
