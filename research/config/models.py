"""The schema of every kind of model, with its full defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, get_args

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
    shared: bool = Field(True, description="of stance: words that claim and article share")
    overlap: bool = Field(True, description="of stance: how far the article covers the claim")
    attribution: bool = Field(False, description="of stance: attribution by rule of the sentences that bear on it")
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


class Trained(Section):
    """What every kind that learns from examples shares: how its probabilities become labels."""

    class_weight: Literal["balanced", "none"] = "none"
    thresholds: Literal["tuned", "fixed"] = Field(
        "tuned", description="per label, chosen on predictions of articles that were held out; or .5"
    )
    calibration: Literal["none", "temperature", "isotonic"] = Field(
        "temperature", description="of the probabilities, fitted on articles that were held out"
    )


class Linear(Trained):
    """What the two linear models share."""

    c: float = Field(2.0, gt=0, description="inverse regularisation strength")
    features: Features = Features()


class TfidfLogreg(Linear):
    """Logistic regression over TF-IDF n-grams and context."""

    kind: Literal["tfidf-logreg"] = "tfidf-logreg"


class TfidfSvm(Linear):
    """Linear support vector machine over the same features; its margins are mapped to probabilities."""

    kind: Literal["tfidf-svm"] = "tfidf-svm"
    c: float = Field(0.1, gt=0, description="inverse regularisation strength")


class Encoded(Trained):
    """What the kinds with a pretrained encoder share: the weights, and what one pass of the encoder reads."""

    pretrained: str = Field("minilm", description="weights from the package index (minilm), a folder, or a hub name")
    layers: int | None = Field(None, ge=1, description="only the lowest ones of the encoder: faster, less exact")
    input: Literal["window", "sentence"] = Field(
        "window", description="consecutive sentences in one pass; or each one with its neighbours as a text pair"
    )
    max_tokens: int = Field(160, ge=16, description="tokens that one pass reads; longer articles take several")
    context_tokens: int = Field(32, ge=0, description="tokens of what stands before, shown where two windows meet")
    evidence: bool = Field(
        True, description="of stance: only the sentences that bear most on the claim, as many as fit into one pass"
    )
    cues: bool = Field(
        True, description="besides, the context numbers of the linear models: cues, quotation, carry ..."
    )

    @model_validator(mode="after")
    def _room_for_text(self) -> Encoded:
        if 2 * self.context_tokens >= self.max_tokens:
            raise ValueError("context_tokens: expected less than half of max_tokens")
        return self


class EmbeddingLogreg(Encoded):
    """Logistic regression over what a frozen encoder makes of each sentence in its article."""

    kind: Literal["embedding-logreg"] = "embedding-logreg"
    c: float = Field(2.0, gt=0, description="inverse regularisation strength")


class Transformer(Encoded):
    """An encoder fine-tuned with a linear head. Learning rates fall linearly to 0 after a warm-up."""

    kind: Literal["transformer"] = "transformer"
    epochs: int = Field(5, ge=1)
    batch_tokens: int = Field(2048, ge=16, description="padded tokens in one batch")
    accumulate: int = Field(1, ge=1, description="batches whose gradients make one step")
    learning_rate: float = Field(1.5e-4, gt=0, description="of the encoder's last layer")
    head_learning_rate: float = Field(1e-3, gt=0)
    layer_decay: float = Field(1.0, gt=0, le=1, description="each layer learns so many times as fast as the next one")
    weight_decay: float = Field(0.01, ge=0)
    warmup: float = Field(0.1, ge=0, lt=1, description="share of the steps")
    dropout: float | None = Field(0.0, ge=0, lt=1, description="in the encoder; null: as it was pretrained")
    frozen_layers: int = Field(0, ge=0, description="lowest layers that stay as they are; the embeddings always do")
    patience: int | None = Field(None, ge=1, description="stop after so many epochs without a better held-out score")
    precision: Literal["auto", "bf16", "fp32"] = Field("auto", description="auto: bf16 where the processor has it")


class Blend(Trained):
    """Several models whose margins are averaged; one that is named twice is trained with two seeds. Calibration and
    thresholds of the parts are not used, the blend has its own."""

    kind: Literal["blend"] = "blend"
    parts: tuple[ModelConfig, ...] = Field(min_length=2)
    weights: tuple[Annotated[float, Field(gt=0)], ...] = Field((), description="one for each part; empty: equal ones")

    @model_validator(mode="after")
    def _a_weight_each(self) -> Blend:
        if self.weights and len(self.weights) != len(self.parts):
            raise ValueError(f"weights: expected {len(self.parts)}, one for each part")
        return self


class Cascade(Trained):
    """For stance: the first part tells what is related to the claim, the second one how."""

    kind: Literal["cascade"] = "cascade"
    parts: tuple[ModelConfig, ModelConfig]
    least_related: float = Field(
        0.05, ge=0, lt=1, description="pairs that are related with less probability are not shown to the second part"
    )


class Published(Section):
    """What a published system said of a stance benchmark's test split, from its own file: nothing is trained."""

    kind: Literal["published"] = "published"
    judges: ClassVar[tuple[str, ...]] = ("test",)  # the only split that there are answers for
    system: str = Field(description="talos or athene (fnc-1), ferreira-vlachos-lr (emergent), branch-lstm (rumoureval)")


ModelConfig = Annotated[
    Majority | Cues | TfidfLogreg | TfidfSvm | EmbeddingLogreg | Transformer | Blend | Cascade | Published,
    Field(discriminator="kind"),
]
Blend.model_rebuild()
Cascade.model_rebuild()

MODEL_SCHEMAS: Mapping[str, type[Section]] = {
    s.model_fields["kind"].default: s for s in get_args(get_args(ModelConfig)[0])
}
