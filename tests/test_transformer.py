"""The fine-tuned encoder, on a tiny real one: it learns, it keeps its promises about epochs and steps, it is refused in
one line. What it reads is in test_passages.py, how it goes on after a kill in test_resume.py."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from research.config import Shipped, Transformer
from research.datasets import load_dataset
from research.models.encoder.batches import collate, pooled
from research.models.encoder.passages import Passages
from research.models.encoder.runtime import TorchRuntime
from research.models.encoder.weights import load_encoder, load_tokens
from research.models.protocol import Fitting, Probabilities
from research.models.transformer import TransformerModel
from research.records import TASKS, Claim, Example, ResearchError, examples_for

pytestmark = pytest.mark.transformers
ATTRIBUTION = TASKS["attribution"]


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    return list(examples_for(ATTRIBUTION, load_dataset(Shipped()).articles("train")[:6]))


def small(tiny_encoder: Path, **keys: object) -> Transformer:
    values = {"pretrained": str(tiny_encoder), "max_tokens": 96, "context_tokens": 16, "epochs": 1} | keys
    return Transformer.model_validate(values)


@pytest.mark.parametrize("reading", ["window", "sentence"])
def test_saved_and_loaded_gives_the_same(
    tiny_encoder: Path, tmp_path: Path, examples: list[Example], reading: str
) -> None:
    config = small(tiny_encoder, input=reading)
    model = TransformerModel(config, ATTRIBUTION, seed=1)
    model.fit(examples)
    before = model.predict_proba(examples)
    assert before.shape == (sum(len(e.spans) for e in examples), 3)
    model.save(tmp_path)
    again = TransformerModel(config, ATTRIBUTION)
    again.load(tmp_path)
    assert np.array_equal(again.predict_proba(examples), before)


def test_the_lowest_layers_alone(tiny_encoder: Path, tmp_path: Path, examples: list[Example]) -> None:
    model = TransformerModel(small(tiny_encoder, layers=1, learning_rate=1e-12), ATTRIBUTION)
    model.fit(examples[:2])
    model.save(tmp_path)
    again = TransformerModel(model.config, ATTRIBUTION)
    again.load(tmp_path)
    kept = {k: v for k, v in again.runtime.encoder.state_dict().items() if "layer." in k}  # type: ignore[union-attr]
    whole = load_encoder(str(tiny_encoder)).state_dict()
    assert {".0." in name for name in kept} == {True} and len(kept) > 10
    assert all(np.allclose(value, whole[name], atol=1e-6) for name, value in kept.items())


def test_attention_is_fused_again_after_training_without(tiny_encoder: Path, examples: list[Example]) -> None:
    from research.models.encoder.network import Network
    from research.models.encoder.training import spelled_out

    for half, longest, wanted in ((True, 96, "eager"), (True, 1024, "sdpa"), (False, 96, "sdpa")):
        network = Network(load_encoder(str(tiny_encoder)), 0, np.zeros(3), half=half)
        with spelled_out(network, small(tiny_encoder, max_tokens=longest)):
            assert network.encoder.config._attn_implementation == wanted
        assert network.encoder.config._attn_implementation == "sdpa"


def test_it_goes_on_from_one_of_our_checkpoints(tiny_encoder: Path, tmp_path: Path, examples: list[Example]) -> None:
    first = TransformerModel(small(tiny_encoder), ATTRIBUTION)
    first.fit(examples[:2])
    first.save(tmp_path)
    second = TransformerModel(small(tmp_path, learning_rate=1e-12, head_learning_rate=1e-12), ATTRIBUTION)
    second.fit(examples[:2])
    assert second.tokens and first.tokens and second.tokens.special == first.tokens.special
    texts = [e.article.text for e in examples]
    assert second.tokens(texts) == first.tokens(texts)
    assert isinstance(second.runtime, TorchRuntime)
    ours, theirs = second.runtime.encoder.state_dict(), load_encoder(str(tmp_path)).state_dict()
    assert all(np.allclose(ours[name], theirs[name]) for name in theirs)


@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_a_seed_decides_everything(tiny_encoder: Path, examples: list[Example], dropout: float) -> None:
    def probabilities(seed: int) -> Probabilities:
        model = TransformerModel(small(tiny_encoder, dropout=dropout, batch_tokens=256), ATTRIBUTION, seed)
        model.fit(examples[:3])
        return model.predict_proba(examples)

    assert np.array_equal(probabilities(4), probabilities(4))
    assert not np.array_equal(probabilities(4), probabilities(5))


@pytest.mark.parametrize("weight", ["none", "balanced"])
def test_it_learns_and_tells_how(tiny_encoder: Path, examples: list[Example], weight: str) -> None:
    config = small(tiny_encoder, epochs=8, class_weight=weight, batch_tokens=512, learning_rate=3e-3)
    reports: list[dict[str, float]] = []
    told: list[str] = []
    fitting = Fitting(
        report=lambda epoch, numbers: reports.append({"epoch": epoch, **numbers}),
        progress=lambda what, done, total: told.append(f"{what} {done}/{total}"),
    )
    model = TransformerModel(config, ATTRIBUTION)
    model.fit(examples, fitting)
    assert [one["epoch"] for one in reports] == list(range(1, 9))
    assert reports[-1]["loss"] < 0.85 * reports[0]["loss"]
    assert 0 < reports[0]["seconds"] < reports[1]["seconds"] and reports[0]["rows_per_second"] > 0
    gold = np.array([[label in labels for label in ATTRIBUTION.labels] for e in examples for labels in e.gold])
    assert model.predict_proba(examples)[gold].mean() > model.predict_proba(examples)[~gold].mean() + 0.05
    assert told[0].startswith("read ") and told[0].endswith(" tokens, 0 dropped 0/1")
    assert told[1].startswith("train, batch 0/")
    assert model.costs["tokens_dropped"] == 0 < model.costs["tokens_read"]
    rows = sum(len(e.spans) for e in examples)
    assert model.costs["train_rows_per_second"] == pytest.approx(8 * rows / reports[-1]["seconds"])


def test_articles_and_pairs_with_a_claim(tiny_encoder: Path, tmp_path: Path, examples: list[Example]) -> None:
    articles = [e.article for e in examples]
    primary = [e for e in examples_for(TASKS["primary"], articles) if e.gold]
    model = TransformerModel(small(tiny_encoder), TASKS["primary"])
    model.fit(primary)
    found = model.predict_proba(primary)
    assert found.shape == (len(primary), 4) and np.allclose(found.sum(axis=1), 1)

    claims = ("The ministry denies it.", "supports"), ("Drones crossed the border at night.", "denies")
    pairs = [Example(e.article, e.spans, ((la,),), Claim(c, c, la)) for e in primary[:2] for c, la in claims]
    stance = TransformerModel(small(tiny_encoder, epochs=30, learning_rate=3e-3, batch_tokens=1024), TASKS["stance"])
    stance.fit(pairs)
    assert (stance.predict_proba(pairs).argmax(axis=1) == [0, 1, 0, 1]).all()  # nothing but the claim tells them apart
    swapped = [replace(e, claim=replace(e.claim, claim="Drones crossed the border at night.")) for e in pairs]
    assert (stance.predict_proba(swapped).argmax(axis=1) == 1).all()


def test_numpy_pools_as_torch_does(tiny_encoder: Path, examples: list[Example]) -> None:
    from research.models.encoder.network import Network, tensors

    encoder = load_encoder(str(tiny_encoder))
    tokens = load_tokens(str(tiny_encoder), encoder.config)
    passages = Passages(small(tiny_encoder), ATTRIBUTION, tokens)
    batch = collate(passages.blocks(passages.read(examples[:2])), tokens.special)
    theirs = Network(encoder.eval(), 0, np.zeros(3), half=False).pooled(tensors(batch)).detach().numpy()
    assert np.allclose(pooled(TorchRuntime(encoder, half=False).hidden(batch), batch), theirs, atol=1e-6)


# --- epochs and steps -----------------------------------------------------------------------------------------


def judging(scores: Iterator[float], seen: list[Probabilities]) -> Any:
    def judge(probabilities: Probabilities) -> float:
        seen.append(probabilities)
        return next(scores)

    return judge


@pytest.mark.parametrize(("patience", "epochs", "kept"), [(2, 4, 1), (None, 6, 5)])
def test_patience_stops_and_keeps_the_best_epoch(
    tiny_encoder: Path, examples: list[Example], patience: int | None, epochs: int, kept: int
) -> None:
    model = TransformerModel(small(tiny_encoder, epochs=6, patience=patience, dropout=0.1), ATTRIBUTION)
    seen: list[Probabilities] = []
    reports: list[tuple[int, float]] = []
    fitting = Fitting(
        held_out=examples[4:],
        judge=judging(iter([0.4, 0.9, 0.8, 0.9, 0.1, 0.2]), seen),
        report=lambda epoch, numbers: reports.extend(
            (epoch, value) for name, value in numbers.items() if name == "best_held_out_score"
        ),
    )
    model.fit(examples[:4], fitting)
    assert len(seen) == epochs
    assert np.array_equal(model.predict_proba(examples[4:]), seen[kept])
    assert reports == ([(2, 0.9)] if patience else [])


def test_the_last_batches_of_an_epoch_make_a_step_too(tiny_encoder: Path, examples: list[Example]) -> None:
    config = small(tiny_encoder, accumulate=1000, batch_tokens=256, warmup=0)
    model = TransformerModel(config, ATTRIBUTION)
    model.fit(examples[:2])
    found = model.predict_proba(examples[:2])
    assert np.ptp(found, axis=0).min() > 1e-4  # untrained, it gives every row the same


def test_accumulated_batches_are_one_large_one(tiny_encoder: Path, examples: list[Example]) -> None:
    """Of batches with as many rows: the mean of their means is the mean."""
    same = [replace(examples[0], article=replace(examples[0].article, article_id=str(i))) for i in range(4)]
    found = []
    for keys in ({"batch_tokens": 96, "accumulate": 1000}, {"batch_tokens": 100_000}):
        model = TransformerModel(small(tiny_encoder, input="sentence", cues=False, **keys), ATTRIBUTION)
        model.fit(same)
        found.append(model.predict_proba(same))
    assert np.allclose(found[0], found[1], atol=1e-4)


@pytest.mark.parametrize(
    ("kind", "keys"),
    [
        ("bert", {}),
        ("distilbert", {"dim": 32, "n_layers": 3, "n_heads": 2, "hidden_dim": 32}),
        ("roberta", {}),
        ("mpnet", {}),
        ("deberta-v2", {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_biased_input": False}),
        ("modernbert", {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "cls_token_id": 1, "sep_token_id": 2}),
        ("electra", {"embedding_size": 32}),
    ],
)
def test_layers_of_every_family(kind: str, keys: dict[str, Any]) -> None:
    """Each trained parameter is in one group and has a gradient; a layer learns slower than the next one."""
    import torch
    from transformers import AutoConfig, AutoModel

    from research.models.encoder.batches import Batch
    from research.models.encoder.network import Network, tensors
    from research.models.encoder.training import freeze, parameter_groups

    sizes = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 32}
    config = AutoConfig.for_model(
        kind, **({"vocab_size": 50, "max_position_embeddings": 40} | (keys if "dim" in keys else sizes | keys))
    )
    network = Network(AutoModel.from_config(config), 4, np.zeros(3), half=False)
    freeze(network, 1)
    settings = Transformer(learning_rate=1e-3, head_learning_rate=1.0, layer_decay=0.5)
    groups = parameter_groups(network, settings)
    assert sorted({group["peak"] for group in groups}) == [5e-4, 1e-3, 1.0]
    trained = [p for p in network.parameters() if p.requires_grad]
    assert sorted(map(id, trained)) == sorted(id(p) for group in groups for p in group["params"])
    ids = np.array([[3, 4, 5, 6], [3, 7, 0, 0]])
    one = Batch(ids, (ids > 0) * 1, ids * 0, np.array([1, 2, 5]), np.array([0, 0, 1]), np.array([3, 5]), np.arange(2))
    torch.nn.init.normal_(network.head.weight)
    network({**tensors(one), "numbers": torch.ones(2, 4)}).sum().backward()
    without = [name for name, p in network.named_parameters() if p.requires_grad and p.grad is None]
    assert without == []  # several processes would wait for it


# --- what is refused ------------------------------------------------------------------------------------------


def refused(pretrained: Path | str) -> str:
    model = TransformerModel(Transformer(pretrained=str(pretrained)), ATTRIBUTION)
    with pytest.raises(ResearchError) as caught:
        model.fit([])
    return str(caught.value)


def test_weights_that_cannot_be_had(tiny_encoder: Path, tmp_path: Path) -> None:
    assert refused("./nowhere") == "model.pretrained: no folder ./nowhere; known names: minilm, or one of the hub"
    assert refused(tmp_path) == f"model.pretrained: {tmp_path} holds no encoder (config.json is missing)"
    copy = Path(shutil.copytree(tiny_encoder, tmp_path / "copy"))
    weights = (copy / "model.safetensors").read_bytes()
    (copy / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    assert refused(copy).startswith(f"model.pretrained: cannot load '{copy}': ")
    (copy / "model.safetensors").unlink()
    assert refused(copy).startswith(f"model.pretrained: cannot load '{copy}': ")
    (copy / "model.safetensors").write_bytes(weights)
    for file in ("tokenizer.json", "tokenizer_config.json", "vocab.txt"):
        (copy / file).unlink(missing_ok=True)
    assert refused(copy) == f"model.pretrained: {copy} has no tokenizer (tokenizer.json is missing)"
    (copy / "config.json").write_text("{")
    assert refused(copy).startswith(f"model.pretrained: cannot load '{copy}': ")
    (copy / "config.json").write_text(json.dumps({"model_type": "t5"}))
    assert refused(copy).endswith("'t5' writes text as well; expected an encoder such as BERT")
    for name in ("./nowhere", tmp_path, copy):
        assert "\n" not in refused(name)


def test_weights_in_half_precision_are_trained_in_whole(tiny_encoder: Path, tmp_path: Path) -> None:
    import torch

    load_encoder(str(tiny_encoder)).to(torch.bfloat16).save_pretrained(tmp_path)
    assert {p.dtype for p in load_encoder(str(tmp_path)).parameters()} == {torch.float32}


def test_positions_of_roberta_begin_behind_the_padding_id(tiny_encoder: Path) -> None:
    from transformers import AutoConfig

    kinds = {"bert": 40, "roberta": 39, "mpnet": 39, "camembert": 39}  # the tiny tokenizer pads with 0
    for kind, positions in kinds.items():
        config = AutoConfig.for_model(kind, max_position_embeddings=40)
        assert load_tokens(str(tiny_encoder), config).special.positions == positions
