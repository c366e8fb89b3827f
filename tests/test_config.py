"""Configs: what is refused, in which words, and that a config printed is a config read."""

from pathlib import Path

import pytest
import yaml

from research.config import DATASET_SCHEMAS, MODEL_SCHEMAS, RunConfig, Transformer, flatten, run_config, validate
from research.records import ResearchError

LINEAR_KEYS = "class_weight, thresholds, calibration, c, features, kind"
GROUPS = "words, characters, neighbours, position, quotation, carry, cues, shared, overlap, attribution"


def message(**given: object) -> str:
    with pytest.raises(ResearchError) as caught:
        run_config(**given)  # type: ignore[arg-type]
    return str(caught.value)


@pytest.mark.parametrize(
    ("assignments", "expected"),
    [
        (["model.x=1"], f"config: model.x: unknown key; known: {LINEAR_KEYS}"),
        (["x.y=1"], "config: x: unknown key; known: task, model, dataset, train, scoring"),
        (["model.c=abc"], "config: model.c: expected a number (found 'abc')"),
        (["model.c=inf"], "config: model.c: expected a finite number (found 'inf')"),
        (["model.features.cues=7"], "config: model.features.cues: expected true or false (found 7)"),
        (["train.seed=1.5"], "config: train.seed: expected a whole number (found 1.5)"),
        (["train.seed=4294967296"], "config: train.seed: should be less than 4294967296 (found 4294967296)"),
        (["train.folds=1"], "config: train.folds: expected 0, or 2 and more (found 1)"),
        (["train.folds=-1"], "config: train.folds: should be greater than or equal to 0 (found -1)"),
        (
            ["model.kind=transformer", "train.folds=5", "model.patience=2"],
            "config: model.patience: goes with train.folds 0, which holds articles out; expected null",
        ),
        (
            ["model.kind=transformer", "model.context_tokens=160"],
            "config: model: context_tokens: expected less than half of max_tokens",
        ),
        (["model=cues"], "config: model: expected a group of keys (found 'cues')"),
        (["model="], "config: model: expected a group of keys (found nothing)"),
        (
            ["model.kind=bert"],
            f"config: model.kind: unknown kind 'bert'; known: {', '.join(MODEL_SCHEMAS)}",
        ),
        (["model.class_weight=x"], "config: model.class_weight: 'x' is unknown; known: balanced, none"),
        (["dataset.kind=jsonl"], "config: dataset.path: key is missing"),
        (["train=7", "train.seed=3"], "--set train.seed=3: 'train' holds a value, not a group of keys"),
        (["model.c=["], "--set model.c=[: the value is not YAML"),
        (["model.c"], "--set model.c: expected key=value, such as model.c=2"),
        (["model..c=3"], "--set model..c=3: expected key=value, such as model.c=2"),
        (
            ["model.features.word_ngrams=[3,1]"],
            "config: model.features.word_ngrams: expected [shortest, longest], such as [1, 3] (found [3, 1])",
        ),
        (
            [f"model.features.{group}=false" for group in GROUPS.split(", ")],
            f"config: model.features: all groups are switched off; switch on one of {GROUPS}",
        ),
    ],
)
def test_a_bad_assignment_is_one_line(assignments: list[str], expected: str) -> None:
    assert message(assignments=assignments) == expected


KNOWN = ", ".join(sorted(set(DATASET_SCHEMAS) - {"jsonl", "mix"}))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"model": "bert"}, f"unknown model 'bert'; known: {', '.join(sorted(MODEL_SCHEMAS))}"),
        ({"dataset": "nope"}, f"unknown dataset 'nope'; known: {KNOWN}"),
        ({"dataset": "shipped+nope"}, f"unknown dataset 'nope'; known: {KNOWN}"),
        ({"task": "topic"}, "config: task: 'topic' is unknown; known: attribution, primary, stance"),
        ({"dataset": "nope.yaml"}, "nope.yaml: no such file"),
        ({"model": "nope.yaml"}, "nope.yaml: no such file"),
    ],
)
def test_an_unknown_name_lists_the_known_ones(
    given: dict[str, str], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # no recipes
    assert message(**given) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a: [1\nb: 2", ":2: not YAML: expected ',' or ']', but got ':'"),
        (b"a:\n\tb: 2", ":2: not YAML: found character '\\t' that cannot start any token"),
        (b"a: \x01", ': not YAML: unacceptable character #x0001: special characters are not allowed in "<unicode '),
        (b"- a\n", ": expected keys and values, found a list"),
        (b"", ": expected keys and values, found nothing"),
        ("a: café".encode("latin-1"), ": not UTF-8 (byte 0xe9 at offset 6)"),
        (b"1: 3", ": 1: Keys should be strings (found 1)"),
        (b"task: topic", ": task: 'topic' is unknown; known: attribution, primary, stance"),
        (b"model: {c: 3}", ": model: key 'kind' is missing"),
        (b"train:\n", ": train: expected a group of keys (found nothing)"),
        (b"a: !!python/object/apply:os.system [x]", ":1: not YAML: could not determine a constructor for the tag"),
    ],
)
def test_a_bad_file_is_named_with_its_line(content: bytes, expected: str, tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_bytes(content)
    found = message(file=file)
    assert found.startswith(f"{file}{expected}") and "\n" not in found


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    assert message(file=tmp_path / "no.yaml") == f"{tmp_path / 'no.yaml'}: no such file"
    assert message(file=tmp_path) == f"{tmp_path}: Is a directory"


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("model: {kind: tfidf-svm, cc: 3}\ntrain: {folds: two, epochs: 3}\n")
    assert message(file=file).splitlines() == [
        f"{file}: model.cc: unknown key; known: {LINEAR_KEYS}",
        f"{file}: train.folds: expected a whole number (found 'two')",
        f"{file}: train.epochs: unknown key; known: seed, folds, held_out, drop_leaks, shared_claims",
    ]


def test_a_wrong_part_of_a_mix_is_told_once(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("dataset: {kind: mix, parts: [{kind: shipped, z: 1}, {kind: nope}]}\n")
    assert message(file=file).splitlines() == [
        f"{file}: dataset.parts.0.z: unknown key; known: kind",
        f"{file}: dataset.parts.1.kind: unknown kind 'nope'; known: {', '.join(DATASET_SCHEMAS)}",
    ]


def test_a_flag_on_a_section_that_is_none(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("train:\n")
    assert message(file=file, seed=3) == "--seed 3: 'train' holds a value, not a group of keys"


def test_flags_win_over_the_file_and_assignments_over_flags(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("model: {kind: tfidf-logreg, c: 3}\ntrain: {seed: 7, folds: 3}\n")
    found = run_config(file=file, seed=8, folds=4, assignments=["train.folds=6"])
    assert (found.train.seed, found.train.folds, found.model.kind) == (8, 6, "tfidf-logreg")
    assert run_config(file=file, seed=0).train.seed == 0


def test_numbers_may_be_written_as_people_write_them() -> None:
    found = flatten(run_config(assignments=["model.c=1e-3"]).model_dump())
    assert found["model.c"] == 0.001


def test_a_config_survives_yaml() -> None:
    config = run_config(dataset="shipped+attribution-gold", model="tfidf-logreg", assignments=["model.c=0.1"])
    again = yaml.safe_load(yaml.safe_dump(config.model_dump(mode="json")))
    assert validate(RunConfig, again, "again") == config


@pytest.mark.parametrize("model", [{"kind": "transformer"}, {"kind": "blend", "parts": [{"kind": "transformer"}] * 2}])
def test_what_takes_minutes_is_trained_once_unless_folds_are_asked_for(
    model: dict[str, object], tmp_path: Path
) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(yaml.safe_dump({"model": model}))
    assert run_config(file=file).train.folds == 0
    assert run_config(file=file, folds=3).train.folds == 3
    assert run_config().train.folds == 5
    assert "parts" in message(assignments=["model={kind: blend, parts: 7}"])


def test_the_recipe_of_minilm_spells_out_the_defaults() -> None:
    recipe = yaml.safe_load(Path(__file__).parent.parent.joinpath("configs/models/minilm.yaml").read_text())
    assert set(recipe) == set(Transformer.model_fields)
    assert Transformer.model_validate(recipe) == Transformer()
