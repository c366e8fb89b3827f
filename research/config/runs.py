"""The schemas of datasets, of a run over one of them, and of an experiment over runs, with their full defaults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, model_validator

from research.config.models import ModelConfig, TfidfSvm
from research.config.section import Section

# --- datasets -------------------------------------------------------------------------------------------------


class Shipped(Section):
    """The fictional corpus that comes with the package."""

    kind: Literal["shipped"] = "shipped"


class AttributionGold(Section):
    """Real news sentences labelled by the codebook; the text comes from the corpora, which the user has to have."""

    kind: Literal["attribution-gold"] = "attribution-gold"
    path: Path | None = Field(None, description="folder of train.jsonl and dev.jsonl with text, or of the corpora")


class AttributionSilver(Section):
    """Real news sentences labelled by a model that learned from the gold: learned from besides it, never scored."""

    kind: Literal["attribution-silver"] = "attribution-silver"
    path: Path | None = Field(None, description="folder of the corpora fnc-1 and polnear")


class Jsonl(Section):
    """Your own labelled articles (Article JSONL)."""

    kind: Literal["jsonl"] = "jsonl"
    path: Path = Field(description="labelled articles; a `split` field in them wins over the shares below")
    test_share: float = Field(0.2, ge=0, lt=1, description="share of articles (whole events) held out as test")


class Polnear(Section):
    """PolNeAR as proxy labels: learned from before the gold, never scored as attribution."""

    kind: Literal["polnear"] = "polnear"
    path: Path | None = Field(None, description="folder of train/ and dev/, each with text/ and attributions/")


class Wikiweasel(Section):
    """Uncertain sentences of Wikipedia as proxy labels: learned from before the gold, never scored as attribution."""

    kind: Literal["wikiweasel"] = "wikiweasel"
    path: Path | None = Field(None, description="folder of wikiweasel.jsonl")


class Fnc1(Section):
    """The Fake News Challenge: headlines as claims, bodies as articles. Its test split is for final measurement."""

    kind: Literal["fnc-1"] = "fnc-1"
    path: Path | None = Field(None, description="folder of train_bodies.csv and the files beside it")


class Emergent(Section):
    """Headlines against rumours that journalists checked; three stances, none unrelated."""

    kind: Literal["emergent"] = "emergent"
    path: Path | None = Field(None, description="folder of train.csv and test.csv")


class Rumoureval(Section):
    """RumourEval 2019, subtask A: replies on Twitter and Reddit against the post that they discuss."""

    kind: Literal["rumoureval-2019"] = "rumoureval-2019"
    path: Path | None = Field(None, description="folder of rumoureval2019.jsonl")


class Mix(Section):
    """Several datasets, split by split, and others that are only learned from: their train split is never held out
    for folds and never scored."""

    kind: Literal["mix"] = "mix"
    parts: tuple[DatasetConfig, ...] = Field(min_length=1)
    extra: tuple[DatasetConfig, ...] = Field((), description="learned from besides; not in folds, never scored")

    @model_validator(mode="after")
    def _several(self) -> Mix:
        if len(self.parts) + len(self.extra) < 2:
            raise ValueError("a mix of one dataset; expected two or more in parts and extra")
        return self


DatasetConfig = Annotated[
    Shipped | AttributionGold | AttributionSilver | Jsonl | Polnear | Wikiweasel | Fnc1 | Emergent | Rumoureval | Mix,
    Field(discriminator="kind"),
]

# --- a run ----------------------------------------------------------------------------------------------------


def _no_single_fold(folds: int) -> int:
    if folds == 1:
        raise ValueError("expected 0, or 2 and more")
    return folds


class Train(Section):
    seed: int = Field(0, ge=0, lt=2**32)
    folds: Annotated[int, AfterValidator(_no_single_fold)] = Field(
        5, ge=0, description="folds by article for thresholds and cv/ scores; 0: held_out instead"
    )
    held_out: float = Field(
        0.1, gt=0, lt=0.5, description="without folds, the share of train that chooses thresholds and the best epoch"
    )
    drop_leaks: bool = Field(
        False, description="drop training articles and claims that stand in another split, instead of refusing"
    )
    shared_claims: bool = Field(
        False, description="claims may stand in two splits: a known list of claims that new articles are read for"
    )


class Scoring(Section):
    draws: int = Field(2000, ge=100, description="bootstrap draws over articles")
    confidence: float = Field(0.95, gt=0.5, lt=1)


ONCE = ("transformer", "published")


def _kinds(model: Any) -> Iterator[Any]:
    """The kinds of a model as it was given, and of all its parts."""
    if isinstance(model, Mapping):
        yield model.get("kind")
        parts = model.get("parts")
        for part in parts if isinstance(parts, list | tuple) else ():
            yield from _kinds(part)


class RunConfig(Section):
    """One config, one seed, one MLflow run."""

    task: Literal["attribution", "primary", "stance"] = "attribution"
    model: ModelConfig = TfidfSvm()
    dataset: DatasetConfig = Shipped()
    train: Train = Train()
    scoring: Scoring = Scoring()

    @model_validator(mode="before")
    @classmethod
    def _folds_of_the_kind(cls, values: Any) -> Any:
        """What takes minutes to train is trained once, unless folds are asked for; a published system has none."""
        train = values.get("train", {})
        if isinstance(train, Mapping) and set(_kinds(values.get("model"))) & set(ONCE):
            return {**values, "train": {"folds": 0, **train}}
        return values

    @model_validator(mode="after")
    def _patience_has_a_score(self) -> RunConfig:
        if self.train.folds and any(
            getattr(part, "patience", None) for part in (self.model, *getattr(self.model, "parts", ()))
        ):
            raise ValueError("model.patience: goes with train.folds 0, which holds articles out; expected null")
        return self


Several = Annotated[tuple[str, ...], BeforeValidator(lambda v: [v] if isinstance(v, str) else v), Field(min_length=1)]


class Experiment(Section):
    """A question over runs: every model on every dataset with every seed, for each task."""

    question: str = Field(min_length=1)
    tasks: Several = Field(validation_alias=AliasChoices("tasks", "task"))
    models: dict[str, Any] = Field(min_length=1, description="name -> recipe or kind; keys over one; empty: the name")
    datasets: Several = ("shipped",)
    seeds: tuple[Annotated[int, Field(ge=0, lt=2**32)], ...] = Field((0,), min_length=1)
    reference: str | None = Field(None, description="a model, or MODEL-DATASET for one line on whatever gold")
    evaluate: tuple[str, ...] = Field((), description="DATASET:SPLIT to score every model on besides")
    folds: Annotated[int, AfterValidator(_no_single_fold)] | None = Field(
        None, ge=0, description="null: the model's own"
    )
    drop_leaks: bool = False


Mix.model_rebuild()
RunConfig.model_rebuild()

DATASET_SCHEMAS: Mapping[str, type[Section]] = {
    s.model_fields["kind"].default: s for s in get_args(get_args(DatasetConfig)[0])
}
