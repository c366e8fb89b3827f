"""Values against a schema: all problems at once, each in one line with its key and what is allowed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from research.config.models import MODEL_SCHEMAS
from research.config.runs import DATASET_SCHEMAS
from research.config.section import S, Section
from research.records import ResearchError


def validate(schema: type[S], values: Mapping[str, Any], origin: str) -> S:
    """`values` as `schema`, or one ResearchError with a line for each problem."""
    try:
        return schema.model_validate(values)
    except ValidationError as e:
        raise ResearchError("\n".join(f"{origin}: {line}" for line in _problems(schema, e.errors()))) from None


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
        return f"{path}: '{given}' is unknown; known: {known}"
    expected = EXPECTED.get(error["type"]) or error["msg"].removeprefix("Value error, ").removeprefix("Input ")
    found = "" if error["type"] == "missing" or isinstance(given, Mapping) else f" (found {_shown(given)})"
    return f"{path}: {expected}{found}" if path else expected


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
