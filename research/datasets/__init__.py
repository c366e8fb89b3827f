"""Examples = sentences + gold: one adapter per corpus, splits by article and event, a leakage audit.

    load_dataset(config)      a dataset by its config: shipped, attribution-gold, jsonl, mix ...   (loading.py)
    list_datasets()           what can be loaded, and whether it stands here                      (loading.py)
    fetch(name, source)       download a corpus, or take it from a folder, checked                (fetch.py)
    audit(dataset)            duplicates, shared events and giveaway tokens                       (audit.py)
    summarise(dataset)        the counts that `research data show` prints                         (shown.py)

A `Dataset` holds Hugging Face splits with one row per article; `Dataset.articles(split)` gives the records. Parsed
corpora are cached as Parquet under a digest of their sources (store.py). Importing this room loads no library that
takes long: Hugging Face `datasets` (absolute import, not this room), pyarrow and datasketch wait inside functions.
"""

from research.datasets.audit import Audit, Giveaway, Pair, audit, drop_leaks, leaks
from research.datasets.card import Card
from research.datasets.dataset import Dataset
from research.datasets.fetch import fetch
from research.datasets.loading import list_datasets, load_dataset, published_rows
from research.datasets.shown import summarise

__all__ = [
    "Audit",
    "Card",
    "Dataset",
    "Giveaway",
    "Pair",
    "audit",
    "drop_leaks",
    "fetch",
    "leaks",
    "list_datasets",
    "load_dataset",
    "published_rows",
    "summarise",
]
