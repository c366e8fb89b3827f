"""Several datasets as one, split by split."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from research.config import Mix
from research.datasets.card import mixed_card
from research.datasets.dataset import SPLITS, Dataset, digest
from research.datasets.loading import load_dataset
from research.records import ResearchError

if TYPE_CHECKING:
    import datasets as hf


def load_mix(config: Mix) -> Dataset:
    """The parts of `config` concatenated split by split, in their order; what `config.extra` has to train on becomes
    the split "extra".

    `fields["dataset"]` names the part an article came from. ResearchError when two parts share an article id: which
    of the two a prediction belongs to could not be told.
    """
    from datasets import concatenate_datasets

    parts = [load_dataset(part) for part in config.parts]
    extra = [_as_extra(load_dataset(part)) for part in config.extra]
    name = "++".join(["+".join(part.name for part in parts), *(part.name for part in extra)])
    parts += extra
    holder: dict[str, str] = {}
    for part in parts:
        for article_id in {i for rows in part.splits.values() for i in rows["article_id"]}:
            if article_id in holder:
                raise ResearchError(
                    f"{name}: article_id '{article_id}' stands in both {holder[article_id]} and {part.name}"
                )
            holder[article_id] = part.name
    splits = {}
    for split in SPLITS:
        having = [part for part in parts if split in part.splits]
        if having:
            splits[split] = concatenate_datasets([_marked(part, split) for part in having])
    missing = sum((Counter(part.missing) for part in parts), Counter[str]())
    told = [f"{part.name} {part.revision}{' extra' * (i >= len(config.parts))}" for i, part in enumerate(parts)]
    revision = digest("\n".join(told))
    return Dataset(name, revision, mixed_card([part.card for part in parts]), splits, dict(missing))


def _as_extra(part: Dataset) -> Dataset:
    """The dataset with nothing but its training articles, as the split "extra"."""
    from datasets import concatenate_datasets

    learned = [part.splits[split] for split in ("extra", "train") if split in part.splits]
    if not learned:
        raise ResearchError(f"{part.name}: no split 'train' to learn from; known: {', '.join(part.splits)}")
    return replace(part, splits={"extra": concatenate_datasets(learned)})


def _marked(part: Dataset, split: str) -> hf.Dataset:
    """The rows of a split with the part's name among the fields. No `map`: it would write to the Hugging Face cache."""
    from datasets import Dataset as HfDataset

    rows = part.splits[split].with_format("arrow")[:].to_pylist()
    for row in rows:
        row["fields"] = [f for f in row["fields"] if f["name"] != "dataset"]
        row["fields"].append({"name": "dataset", "value": part.name})
    return HfDataset.from_list(rows, features=part.splits[split].features)
