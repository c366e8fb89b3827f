"""What do the shipped articles add beside real news? `python tests/bench_mix.py [TASK ...]` (needs RESEARCH_DATA).

Gold train is cut into folds by article. A model is fitted on the other folds alone, and once more with the shipped
train articles beside them; both judge the held-out gold articles (cv). The same on gold dev, with all of gold train.
Nothing shipped is ever scored. Prints a line per metric: both scores, the difference with its 95 % interval, p and the
smallest detectable difference, paired over articles and not corrected for several comparisons.
`--articles 200` takes so many gold train articles, to see in a minute that it works.
"""

import argparse
from collections.abc import Sequence

import numpy as np

from research.config import RunConfig, dataset_config, run_config
from research.datasets import load_dataset
from research.models import create
from research.models.calibration import calibrated
from research.models.checkpoint import prediction_rows
from research.models.decision import decide
from research.models.protocol import gold_matrix
from research.records import TASKS, Example, Row, gold_rows
from research.scoring import compare, join
from research.workflows.folds import assign_folds, choose_calibration, choose_thresholds, cv_rows
from research.workflows.train import annotated

HEAD = f"{'task, model':<24}{'on':<13}{'metric':<24}{'gold':>7}{'+ours':>7}{'diff':>8}  {'95 % interval':<19}"
HEAD += f"{'p':>7}{'detectable':>12}{'articles':>10}"


def judged(
    config: RunConfig, gold: Sequence[Example], dev: Sequence[Example], ours: Sequence[Example]
) -> list[list[Row]]:
    """The out-of-fold rows of `gold` and the rows of `dev`, by models that also learned from `ours`."""
    task, seed = TASKS[config.task], config.train.seed

    def fit_and_judge(train: Sequence[Example], unseen: Sequence[Example]) -> np.ndarray:
        model = create(config.model, task, seed)
        model.fit([*train, *ours])
        return model.predict_proba(unseen)

    fold = assign_folds(gold, config.train.folds, seed)
    of_span = np.repeat(fold, [len(e.spans) for e in gold])
    truth = gold_matrix(gold, task)
    probabilities = np.zeros(truth.shape)
    for i in range(config.train.folds):
        others, own = (
            [e for e, f in zip(gold, fold, strict=True) if (f == i) == held_out] for held_out in (False, True)
        )
        probabilities[of_span == i] = fit_and_judge(others, own)
    calibration = choose_calibration(config, task, probabilities, truth)
    thresholds = choose_thresholds(config, task, calibrated(calibration, probabilities), truth)
    on_dev = calibrated(calibration, fit_and_judge(gold, dev))
    return [
        cv_rows(config, task, gold, probabilities),
        prediction_rows(task, dev, on_dev, decide(on_dev, thresholds, task)),
    ]


def bench(task_name: str, model: str, articles: int | None) -> None:
    task = TASKS[task_name]
    config = run_config(task=task_name, model=model, dataset="attribution-gold")
    gold = load_dataset(config.dataset)
    train, dev = (annotated(task, gold.articles(split)) for split in ("train", "dev"))
    ours = annotated(task, load_dataset(dataset_config("shipped")).articles("train"))
    train = train[:: max(1, len(train) // articles)][:articles] if articles else train  # spread over the corpora
    alone, with_ours = judged(config, train, dev, []), judged(config, train, dev, ours)
    natural = {e.article.article_id for e in train if e.article.fields["sampling"] == "natural"}
    everything = {e.article.article_id for e in (*train, *dev)}
    for name, examples, k, kept in (
        ("cv", train, 0, everything),
        ("cv, natural", train, 0, natural),
        ("dev", dev, 1, everything),
    ):
        rows = [
            [row for row in some if row.article_id in kept]
            for some in (gold_rows(task, examples), with_ours[k], alone[k])
        ]
        if not rows[0]:
            continue
        b, a = (join(rows[0], one) for one in rows[1:])
        for metric in ("macro_f1", *(f"{label}/f1" for label in task.labels)):
            test = compare(b, a, metric)
            interval = f"{test.low:+.4f} to {test.high:+.4f}" if test.low is not None else ""
            detectable = f"{test.detectable:.4f}" if test.detectable is not None else ""
            scores = f"{test.b:>7.4f}{test.a:>7.4f}{test.difference:>+8.4f}  {interval:<19}{test.p:>7.4f}"
            print(f"{f'{task_name}, {model}':<24}{name:<13}{metric:<24}{scores}{detectable:>12}{test.articles:>10}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("tasks", nargs="*", default=["attribution", "primary"], help="attribution, primary (both)")
    parser.add_argument("--model", nargs="+", default=["bundled", "tfidf-svm"], help="kinds or recipes")
    parser.add_argument("--articles", type=int, help="only so many gold train articles")
    arguments = parser.parse_args()
    print(HEAD)
    for task in arguments.tasks:
        for model in arguments.model:
            bench(task, model, arguments.articles)


if __name__ == "__main__":
    main()
