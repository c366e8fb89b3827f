"""Every schema with its full defaults. A config is data: importing this module loads no model library.

Precedence: built-in defaults < YAML file < command line flags < `--set key=value`. Unknown keys are refused, and all
problems of a config are reported at once, each with its key and what is allowed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

import yaml
from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from research.records import TASKS, ResearchError


class Section(BaseModel):
    """A frozen group of keys; a key it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


S = TypeVar("S", bound="Section")

# --- models ---------------------------------------------------------------------------------------------------


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
    seed: int = Field(0, ge=0, lt=2**32)
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
    folds: int = Field(5, ge=2)
    drop_leaks: bool = False


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
        problem = getattr(e, "problem", None) or " ".join(str(e).split())
        raise ResearchError(f"{path}{where}: not YAML: {problem}") from None
    if not isinstance(found, dict):
        what = {list: "a list", type(None): "nothing"}.get(type(found), repr(found))
        raise ResearchError(f"{path}: expected keys and values, found {what}")
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


def set_key(config: dict[str, Any], assignment: str, origin: str = "") -> None:
    """Apply one `a.b=value` in place; the value is read as YAML. `origin` is what the user wrote."""
    origin = origin or f"--set {assignment}"
    key, equals, value = assignment.partition("=")
    if not equals or not all(key.split(".")):
        raise ResearchError(f"{origin}: expected key=value, such as model.c=2")
    *parents, last = key.split(".")
    at = config
    for parent in parents:
        at = at.setdefault(parent, {})
        if not isinstance(at, dict):
            raise ResearchError(f"{origin}: '{parent}' holds a value, not a group of keys")
    try:
        at[last] = yaml.safe_load(value)
    except yaml.YAMLError:
        raise ResearchError(f"{origin}: the value is not YAML") from None


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
        config["task"] = task
    if model is not None:
        config["model"] = named_section("models", "model", model, MODEL_SCHEMAS)
    if dataset is not None:
        config["dataset"] = dataset_section(dataset)
    for key, value in (("seed", seed), ("folds", folds), ("drop_leaks", drop_leaks)):
        if value is not None:
            set_key(config, f"train.{key}={value}", f"--{key.replace('_', '-')} {value}")
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
        raise ResearchError("\n".join(f"{origin}: {line}" for line in _problems(schema, e.errors()))) from None


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested keys joined by dots, as MLflow parameters are named; lists keep their index out and stand as text."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


# What pydantic calls an error -> what was expected. What is not here says it well enough itself.
EXPECTED = {
    "missing": "key is missing",
    "bool_parsing": "expected true or false",
    "bool_type": "expected true or false",
    "float_parsing": "expected a number",
    "float_type": "expected a number",
    "finite_number": "expected a finite number",
    "int_parsing": "expected a whole number",
    "int_type": "expected a whole number",
    "int_from_float": "expected a whole number",
    "model_type": "expected a group of keys",
    "model_attributes_type": "expected a group of keys",
    "tuple_type": "expected a list",
    "path_type": "expected a path",
}


def _problems(schema: type[Section], errors: Iterable[Mapping[str, Any]]) -> list[str]:
    """A line for each error, less those that follow from another: a list whose items are wrong is also too short."""
    errors = list(errors)
    inner = {e["loc"][:n] for e in errors for n in range(len(e["loc"]))}
    return [_problem(schema, e) for e in errors if e["loc"] not in inner]


def _problem(schema: type[Section], error: Mapping[str, Any]) -> str:
    """One pydantic error in our words. `loc` holds the tag of a union behind its key; the user's file does not."""
    loc, given = error["loc"], error["input"]
    parts = [str(p) for i, p in enumerate(loc) if not _is_tag(loc, i)]
    path = ".".join(parts)
    if error["type"] == "extra_forbidden":
        return f"{path}: unknown key; known: {', '.join(_known_keys(schema, loc[:-1]))}"
    if error["type"] == "union_tag_invalid":
        known = error["ctx"]["expected_tags"].replace("'", "")
        return f"{path}.kind: unknown kind '{error['ctx']['tag']}'; known: {known}"
    if error["type"] == "union_tag_not_found":
        return f"{path}: key 'kind' is missing"
    if error["type"] == "literal_error":
        known = error["ctx"]["expected"].replace(" or ", ", ").replace("'", "")
        problem = "cannot be trained yet" if path == "task" and given in TASKS else "is unknown"
        return f"{path}: '{given}' {problem}; known: {known}"
    expected = EXPECTED.get(error["type"]) or error["msg"].removeprefix("Value error, ").removeprefix("Input ")
    found = "" if error["type"] == "missing" or isinstance(given, Mapping) else f" (found {_shown(given)})"
    return f"{path}: {expected}{found}"


def _shown(value: Any) -> str:
    """A value as YAML has it."""
    return "nothing" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)


def _is_tag(loc: tuple[str | int, ...], i: int) -> bool:
    """Whether loc[i] is the tag of a union: it stands behind `model`, `dataset` or the number of a part."""
    if i == 0 or loc[i] not in {*MODEL_SCHEMAS, *DATASET_SCHEMAS}:
        return False
    return loc[i - 1] in ("model", "dataset") or isinstance(loc[i - 1], int)


def _known_keys(schema: type[Section], loc: tuple[str | int, ...]) -> list[str]:
    """The keys of the section at `loc`, where a tag of a union leads to its schema."""
    at: type[Section] = schema
    for i, part in enumerate(loc):
        if _is_tag(loc, i):
            at = MODEL_SCHEMAS.get(str(part)) or DATASET_SCHEMAS[str(part)]
        elif isinstance(part, str) and part in at.model_fields:
            annotation = at.model_fields[part].annotation
            if isinstance(annotation, type) and issubclass(annotation, Section):
                at = annotation
    return list(at.model_fields)
