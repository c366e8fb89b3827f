"""From a dataset's config to the dataset: the adapters, in one visible list."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from research.config import Emergent, Fnc1, Rumoureval, Section, dataset_section, recipes
from research.datasets.card import read_cards
from research.datasets.dataset import Dataset
from research.records import ResearchError, Row

# kind of config -> adapter, a function from that config to a Dataset; imported when it is asked for
ADAPTERS: Mapping[str, str] = {
    "shipped": "research.datasets.shipped:load_shipped",
    "attribution-gold": "research.datasets.attribution_gold:load_attribution_gold",
    "attribution-silver": "research.datasets.attribution_silver:load_attribution_silver",
    "jsonl": "research.datasets.jsonl:load_jsonl",
    "polnear": "research.datasets.polnear:load_polnear",
    "wikiweasel": "research.datasets.wikiweasel:load_wikiweasel",
    "fnc-1": "research.datasets.fnc1:load_fnc1",
    "emergent": "research.datasets.emergent:load_emergent",
    "rumoureval-2019": "research.datasets.rumoureval:load_rumoureval",
    "mix": "research.datasets.mix:load_mix",
}


# published system -> a function from the config of its benchmark to the rows of every system of it
PUBLISHED: Mapping[str, tuple[type[Section], str]] = {
    "talos": (Fnc1, "research.datasets.fnc1:published_fnc1"),
    "athene": (Fnc1, "research.datasets.fnc1:published_fnc1"),
    "ferreira-vlachos-lr": (Emergent, "research.datasets.emergent:published_emergent"),
    "branch-lstm": (Rumoureval, "research.datasets.rumoureval:published_rumoureval"),
}


def published_rows(system: str) -> list[Row]:
    """What a published system said of its benchmark's test split. ResearchError when it is unknown, or its file is not
    here."""
    if system not in PUBLISHED:
        raise ResearchError(f"model.system: unknown '{system}'; known: {', '.join(PUBLISHED)}")
    config, where = PUBLISHED[system]
    module, function = where.split(":")
    rows: dict[str, list[Row]] = getattr(import_module(module), function)(config())
    if system not in rows:
        raise ResearchError(f"model.system: the predictions of {system} are not beside its corpus")
    return rows[system]


def load_dataset(config: Section) -> Dataset:
    """The dataset that one of research.config's dataset schemas describes.

    ResearchError, in one line per problem, when its sources are absent or wrong.
    """
    kind: str = getattr(config, "kind", type(config).__name__)
    if kind not in ADAPTERS:
        raise ResearchError(f"unknown kind of dataset '{kind}'; known: {', '.join(ADAPTERS)}")
    module, function = ADAPTERS[kind].split(":")
    dataset: Dataset = getattr(import_module(module), function)(config)
    return dataset


def list_datasets() -> list[dict[str, Any]]:
    """What can be asked for by name: the recipes of ./configs/datasets and the datasets the package knows.

    One dict each: name, kind, title, licence, synthetic. Nothing is loaded.
    """
    cards = read_cards()
    rows = []
    for name in sorted({*recipes("datasets"), *cards}):
        section = dataset_section(name)
        kind = section.get("kind", "")
        parts = [part.get("kind", "") for part in section.get("parts", [])] or [kind]
        known = [cards[part] for part in parts if part in cards]
        rows.append(
            {
                "name": name,
                "kind": kind,
                "title": " + ".join(card.title for card in known) or str(section.get("path", "")),
                "licence": "; ".join(card.licence for card in known),
                "synthetic": any(card.synthetic for card in known),
            }
        )
    return rows
