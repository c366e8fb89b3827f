"""Every schema with its full defaults. A config is data: importing this module loads no model library.

Precedence: built-in defaults < YAML file < command line flags < `--set key=value`. Unknown keys are refused, and all
problems of a config are reported at once, each with its key and what is allowed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from research.records import TASKS, ResearchError


class Section(BaseModel):
    """A frozen group of keys; a key it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


S = TypeVar("S", bound="Section")

# --- models ---------------------------------------------------------------------------------------------------


class Features(Section):
    """What a linear model sees of a sentence in its article. Each group can be switched off for an ablation."""

    words: bool = Field(True, description="word n-grams of the sentence, names masked")
    characters: bool = Field(True, description="character n-grams of the sentence, inside word boundaries")
    neighbours: bool = Field(True, description="word n-grams of the sentences before and after")
    position: bool = Field(True, description="place in the article, length, headline or not")
    quotation: bool = Field(True, description="quotation marks, and whether a quotation is still open")
    carry: bool = Field(True, description="who spoke before, and how long ago")
    cues: bool = Field(True, description="cue lexicon matches, source and cue pairs, labelling rules")
    word_ngrams: tuple[int, int] = (1, 3)
    char_ngrams: tuple[int, int] = (2, 5)
    min_count: int = Field(2, ge=1, description="n-grams in fewer sentences are dropped")


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
    features: Features = Features()


class TfidfLogreg(Linear):
    """Logistic regression over TF-IDF n-grams and context."""

    kind: Literal["tfidf-logreg"] = "tfidf-logreg"


class TfidfSvm(Linear):
    """Linear support vector machine over the same features; its margins are mapped to probabilities."""

    kind: Literal["tfidf-svm"] = "tfidf-svm"
    c: float = Field(0.1, gt=0, description="inverse regularisation strength")


ModelConfig = Annotated[Majority | Cues | TfidfLogreg | TfidfSvm, Field(discriminator="kind")]

# --- datasets -------------------------------------------------------------------------------------------------


class Shipped(Section):
    """The fictional corpus that comes with the package."""

    kind: Literal["shipped"] = "shipped"


class AttributionGold(Section):
    """Real news sentences labelled by the codebook; the text comes from the corpora, which the user has to have."""

    kind: Literal["attribution-gold"] = "attribution-gold"
    path: Path | None = Field(None, description="folder of train.jsonl and dev.jsonl with text, or of the corpora")


class Jsonl(Section):
    """Your own labelled articles (Article JSONL)."""

    kind: Literal["jsonl"] = "jsonl"
    path: Path = Field(description="labelled articles; a `split` field in them wins over the shares below")
    test_share: float = Field(0.2, ge=0, lt=1, description="share of articles (whole events) held out as test")


class Mix(Section):
    """Several datasets, split by split."""

    kind: Literal["mix"] = "mix"
    parts: tuple[DatasetConfig, ...] = Field(min_length=2)


DatasetConfig = Annotated[Shipped | AttributionGold | Jsonl | Mix, Field(discriminator="kind")]

# --- a run ----------------------------------------------------------------------------------------------------


class Train(Section):
    seed: int = Field(0, ge=0)
    folds: int = Field(5, ge=2, description="folds by article for thresholds and cv/ scores")
    drop_leaks: bool = Field(
        False, description="drop training articles that stand in another split, instead of refusing"
    )


class Scoring(Section):
    draws: int = Field(2000, ge=100, description="bootstrap draws over articles")
    confidence: float = Field(0.95, gt=0.5, lt=1)


class RunConfig(Section):
    """One config, one seed, one MLflow run."""

    task: Literal["attribution", "primary"] = "attribution"
    model: ModelConfig = TfidfSvm()
    dataset: DatasetConfig = Shipped()
    train: Train = Train()
    scoring: Scoring = Scoring()


Mix.model_rebuild()
RunConfig.model_rebuild()

MODEL_SCHEMAS: Mapping[str, type[Section]] = {
    s.model_fields["kind"].default: s for s in get_args(get_args(ModelConfig)[0])
}
DATASET_SCHEMAS: Mapping[str, type[Section]] = {
    s.model_fields["kind"].default: s for s in get_args(get_args(DatasetConfig)[0])
}


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; ResearchError names the line of a syntax error."""
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ResearchError(f"{path}: no such file") from None
    except UnicodeDecodeError as e:
        raise ResearchError(f"{path}: not UTF-8 (byte 0x{e.object[e.start]:02x} at offset {e.start})") from None
    except OSError as e:
        raise ResearchError(f"{path}: {e.strerror}") from None
    except yaml.YAMLError as e:
        mark = getattr(e, "problem_mark", None)
        where = f":{mark.line + 1}" if mark else ""
        raise ResearchError(f"{path}{where}: not YAML: {getattr(e, 'problem', None) or e}") from None
    if not isinstance(found, dict):
        raise ResearchError(f"{path}: expected keys and values, found {type(found).__name__}")
    return found


def recipes(folder: str) -> dict[str, Path]:
    """The recipes of ./configs/<folder>, by name; empty where there is no such folder."""
    return {p.stem: p for p in sorted(Path("configs", folder).glob("*.yaml"))}


def named_section(folder: str, what: str, name: str, kinds: Iterable[str]) -> dict[str, Any]:
    """The keys behind a name given on the command line: a YAML file, a recipe of ./configs, or a kind by itself."""
    if name.endswith((".yaml", ".yml")):
        return read_yaml(Path(name))
    known = recipes(folder)
    if name in known:
        return read_yaml(known[name])
    if name in kinds:
        return {"kind": name}
    raise ResearchError(f"unknown {what} '{name}'; known: {', '.join(sorted({*known, *kinds}))}")


def dataset_section(name: str) -> dict[str, Any]:
    """As `named_section`; besides, a .jsonl file is a dataset of its own and `a+b` mixes several."""
    if "+" in name and not Path(name).exists():
        return {"kind": "mix", "parts": [dataset_section(part) for part in name.split("+")]}
    if name.endswith(".jsonl"):
        return {"kind": "jsonl", "path": name}
    return named_section("datasets", "dataset", name, set(DATASET_SCHEMAS) - {"jsonl", "mix"})


def set_key(config: dict[str, Any], assignment: str) -> None:
    """Apply one `a.b=value` in place; the value is read as YAML."""
    key, equals, value = assignment.partition("=")
    if not equals or not key:
        raise ResearchError(f"--set {assignment}: expected key=value, such as model.c=2")
    *parents, last = key.split(".")
    at = config
    for parent in parents:
        at = at.setdefault(parent, {})
        if not isinstance(at, dict):
            raise ResearchError(f"--set {assignment}: '{parent}' holds a value, not a group of keys")
    try:
        at[last] = yaml.safe_load(value)
    except yaml.YAMLError:
        raise ResearchError(f"--set {assignment}: the value is not YAML") from None


def run_config(
    *,
    file: Path | None = None,
    task: str | None = None,
    model: str | None = None,
    dataset: str | None = None,
    seed: int | None = None,
    folds: int | None = None,
    drop_leaks: bool | None = None,
    assignments: Iterable[str] = (),
) -> RunConfig:
    """The complete config of a run. None leaves a key to the file or to its default."""
    config = read_yaml(file) if file else {}
    if task is not None:
        if task not in TASKS:
            raise ResearchError(f"unknown task '{task}'; known: {', '.join(TASKS)}")
        config["task"] = task
    if model is not None:
        config["model"] = named_section("models", "model", model, MODEL_SCHEMAS)
    if dataset is not None:
        config["dataset"] = dataset_section(dataset)
    for key, value in (("seed", seed), ("folds", folds), ("drop_leaks", drop_leaks)):
        if value is not None:
            config.setdefault("train", {})[key] = value
    for section, default in (("model", "tfidf-svm"), ("dataset", "shipped")):
        if section not in config:
            config[section] = {"kind": default}
    for assignment in assignments:
        set_key(config, assignment)
    return validate(RunConfig, config, str(file) if file else "config")


def dataset_config(name: str) -> Any:
    """The validated config of a dataset named on the command line."""
    return validate(RunConfig, {"dataset": dataset_section(name)}, "dataset").dataset


def validate(schema: type[S], values: Mapping[str, Any], origin: str) -> S:
    """`values` as `schema`, or one ResearchError with a line for each problem."""
    try:
        return schema.model_validate(values)
    except ValidationError as e:
        lines = [f"{origin}: {_problem(schema, error)}" for error in e.errors()]
        raise ResearchError("\n".join(lines)) from None


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested keys joined by dots, as MLflow parameters are named; lists keep their index out and stand as text."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _problem(schema: type[Section], error: Mapping[str, Any]) -> str:
    """One pydantic error in our words. Discriminator tags stand in `loc` but not in the user's file: drop them."""
    tags = {*MODEL_SCHEMAS, *DATASET_SCHEMAS}
    loc = error["loc"]
    path = ".".join(str(part) for part in loc if part not in tags)
    if error["type"] == "extra_forbidden":
        return f"{path}: unknown key; known: {', '.join(_known_keys(schema, loc[:-1]))}"
    if error["type"] == "union_tag_invalid":
        return f"{path}.kind: unknown kind '{error['ctx']['tag']}'; known: {error['ctx']['expected_tags']}"
    if error["type"] == "union_tag_not_found":
        return f"{path}: key 'kind' is missing"
    given = "" if error["type"] == "missing" else f" (found {error['input']!r})"
    return f"{path}: {error['msg'][0].lower()}{error['msg'][1:]}{given}"


def _known_keys(schema: type[Section], loc: Iterable[str | int]) -> list[str]:
    """The keys of the section at `loc`, where a tag of a union leads to its schema."""
    at: type[Section] = schema
    for part in loc:
        if part in MODEL_SCHEMAS or part in DATASET_SCHEMAS:
            at = MODEL_SCHEMAS.get(str(part)) or DATASET_SCHEMAS[str(part)]
        elif isinstance(part, str) and part in at.model_fields:
            annotation = at.model_fields[part].annotation
            if isinstance(annotation, type) and issubclass(annotation, Section):
                at = annotation
    return list(at.model_fields)
