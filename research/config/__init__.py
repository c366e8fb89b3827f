"""Every schema with its full defaults, and how one is filled. A config is data: importing this loads no model library.

Unknown keys are refused, and all problems of a config are reported at once, each with its key and what is allowed.
"""

from research.config.models import (
    MODEL_SCHEMAS,
    Blend,
    Cues,
    EmbeddingLogreg,
    Encoded,
    Features,
    Linear,
    Majority,
    ModelConfig,
    TfidfLogreg,
    TfidfSvm,
    Trained,
    Transformer,
)
from research.config.problems import validate
from research.config.reading import (
    dataset_config,
    dataset_section,
    flatten,
    named_section,
    read_yaml,
    recipes,
    run_config,
    set_key,
)
from research.config.runs import (
    DATASET_SCHEMAS,
    AttributionGold,
    DatasetConfig,
    Experiment,
    Jsonl,
    Mix,
    Polnear,
    RunConfig,
    Scoring,
    Shipped,
    Train,
    Wikiweasel,
)
from research.config.section import Section

__all__ = [
    "DATASET_SCHEMAS",
    "MODEL_SCHEMAS",
    "AttributionGold",
    "Blend",
    "Cues",
    "DatasetConfig",
    "EmbeddingLogreg",
    "Encoded",
    "Experiment",
    "Features",
    "Jsonl",
    "Linear",
    "Majority",
    "Mix",
    "ModelConfig",
    "Polnear",
    "RunConfig",
    "Scoring",
    "Section",
    "Shipped",
    "TfidfLogreg",
    "TfidfSvm",
    "Train",
    "Trained",
    "Transformer",
    "Wikiweasel",
    "dataset_config",
    "dataset_section",
    "flatten",
    "named_section",
    "read_yaml",
    "recipes",
    "run_config",
    "set_key",
    "validate",
]
