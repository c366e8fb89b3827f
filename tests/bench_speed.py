"""Speed and memory as ratios measured side by side: `python tests/bench_speed.py [--real]`, or `make bench`.

What is compared runs alternately in one session, so that a busy machine slows both sides; the median of the
repetitions counts. Exit status 1 when a limit is exceeded. Works offline: articles are the shipped ones with words
changed and made up. `--real` trains on attribution-gold as well (RESEARCH_DATA).
"""

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import FeatureUnion, Pipeline

from research.articles import read_articles, segment
from research.config import dataset_config, run_config
from research.datasets import load_dataset
from research.models import create
from research.records import ATTRIBUTION_LABELS, TASKS, Article, Claim
from research.scoring import Judged, score
from research.scoring.counts import Counts
from research.scoring.intervals import bootstrap
from research.scoring.metrics import count_metrics
from research.workflows.classify import classify_sources, load_classifiers, load_stance
from research.workflows.train import annotated, train

RESEARCH = str(Path(sys.executable).with_name("research"))
MODEL = "attribution@champion"
HELP_RUNS = 21
ROUNDS = 3
PARTS_A_ROUND = 2  # of the articles, for what runs in this process
ARTICLES = 3000
ROWS, FROM_ARTICLES = 25_000, 900  # scored: about the test set of FNC-1
DRAWS, LOOPED = 2000, 20  # draws of an interval, and how many of them a plain loop makes, to be multiplied
CLAIMED, CLAIMS = 60, (1, 10, 100)  # articles, and how many claims each is read for
FEW, MANY, SENTENCES = 2000, 20_000, 6  # for memory: articles, and how many sentences of each

EMPTY_APP = """
import typer
app = typer.Typer(no_args_is_help=True)
def add(name):
    def command(): "Do nothing."
    app.command(name)(command)
for i in range({commands}): add(f"command{{i}}")
app()
"""
# A small process starts the one to be measured: Linux counts the memory of the starter as the child's own.
PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


class Result(NamedTuple):
    """One line of the table: `measured` must not be above `limit`."""

    name: str
    measured: float
    limit: float
    detail: str


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def output(*command: str) -> str:
    """What a command prints; its progress is shown only when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    if done.returncode:
        sys.exit(f"{' '.join(command)}: exit status {done.returncode}\n{done.stderr}")
    return done.stdout


def command_seconds(*command: str) -> float:
    return seconds(lambda: output(*command))


def bench_help() -> Iterator[Result]:
    from typer.main import get_command

    from research.cli import app

    Path("empty.py").write_text(EMPTY_APP.format(commands=len(get_command(app).commands)), encoding="utf-8")
    ours, empty = [], []
    for _ in range(HELP_RUNS):
        ours.append(command_seconds(RESEARCH, "--help"))
        empty.append(command_seconds(sys.executable, "empty.py", "--help"))
    pairs = median(
        a / b for a, b in zip(ours, empty, strict=True)
    )  # steadier than a ratio of medians for so short a run
    detail = f"{median(ours):.2f} s and {median(empty):.2f} s, best {min(ours):.2f} s and {min(empty):.2f} s"
    yield Result("research --help / --help of an empty Typer app", pairs, 1.3, detail)


def bench_train(dataset: str, rounds: int) -> Iterator[Result]:
    """Leaves the champion that the other benchmarks classify with, where `dataset` is the shipped corpus."""
    config = run_config(task="attribution", dataset=dataset)
    task, folds = TASKS["attribution"], config.train.folds
    examples = annotated(task, load_dataset(config.dataset).articles("train"))
    whole, fits = [], []
    for _ in range(rounds):
        fits.append(seconds(lambda: create(config.model, task, config.train.seed).fit(examples)))
        whole.append(seconds(lambda: train(config, promoted=True)))
        fits.append(seconds(lambda: create(config.model, task, config.train.seed).fit(examples)))
    allowed = 1.5 * (folds + 1) * median(fits) + 10
    detail = f"{median(whole):.1f} s, first {whole[0]:.1f} s, best {min(whole):.1f} s; a fit {median(fits):.2f} s"
    yield Result(f"train {dataset} / (1.5 × {folds + 1} bare fits + 10 s)", median(whole) / allowed, 1.0, detail)


def bench_classify(shipped: list[Article]) -> Iterator[Result]:
    parts = [Path(f"part{i}.jsonl").absolute() for i in range(ROUNDS * PARTS_A_ROUND)]
    articles = vary(shipped, ARTICLES)
    for part in parts:
        write(part, (next(articles) for _ in range(ARTICLES // len(parts))))
    whole, one = Path("whole.jsonl"), Path("one.jsonl")
    whole.write_text("".join(part.read_text(encoding="utf-8") for part in parts), encoding="utf-8")
    write(one, vary(shipped, 1))
    sentences = {p: [s.text for a in read_articles([str(p)], fail) for s in segment(a).sentences] for p in parts}
    total = sum(map(len, sentences.values()))
    bare = fit_bare(shipped)
    classifiers = load_classifiers([MODEL])

    def classify(part: Path) -> None:
        for prediction in classify_sources([str(part)], classifiers, fail):
            json.dumps(prediction.to_json(), ensure_ascii=False)

    command: list[float] = []
    inside: list[float] = []
    plain: list[float] = []
    for i in range(ROUNDS):
        start_up = command_seconds(RESEARCH, "classify", str(one), "--model", MODEL)
        command.append((command_seconds(RESEARCH, "classify", str(whole), "--model", MODEL) - start_up) / total)
        for part in parts[i * PARTS_A_ROUND : (i + 1) * PARTS_A_ROUND]:
            n = len(sentences[part])
            inside.append(seconds(lambda part=part: classify(part)) / n)
            plain.append(seconds(lambda part=part: bare.predict_proba(sentences[part])) / n)
    for name, ours in (("in process", inside), ("whole command less start-up", command)):
        rates = [f"{1 / value:,.0f}" for value in (median(ours), median(plain), min(ours), min(plain))]
        detail = f"{rates[0]} and {rates[1]} sentences/s, best {rates[2]} and {rates[3]}"
        yield Result(f"classify, {name} / bare scikit-learn", median(ours) / median(plain), 2.0, detail)


def bench_memory(shipped: list[Article]) -> Iterator[Result]:
    peaks = {}
    for count in (FEW, MANY):
        write(Path("memory.jsonl"), vary(shipped, count, SENTENCES))
        peak = output(sys.executable, "-c", PEAK, RESEARCH, "classify", "memory.jsonl", "--model", MODEL)
        peaks[count] = int(peak) * (1 if sys.platform == "darwin" else 1024) / 1e6
    detail = f"{peaks[MANY]:.0f} MB and {peaks[FEW]:.0f} MB, one run each"
    yield Result(f"peak memory, {MANY:,} / {FEW:,} articles", peaks[MANY] / peaks[FEW], 1.2, detail)


def bench_claims(shipped: list[Article]) -> Iterator[Result]:
    """Many claims an article: what is known of the article must not be found out once per claim."""
    stance = load_stance("bundled/stance")
    texts = dict.fromkeys(claim.claim for article in shipped for claim in article.claims)
    claims = [Claim(str(i), text) for i, text in enumerate(texts)]
    part = Path("claims.jsonl")
    write(part, vary(shipped, CLAIMED))
    rates: dict[int, list[float]] = {count: [] for count in CLAIMS}
    for _ in range(ROUNDS):
        for count, found in rates.items():
            spent = seconds(lambda n=count: [*classify_sources([str(part)], stance, fail, claims[:n])])
            found.append(spent / (CLAIMED * count))
    each = {count: median(found) for count, found in rates.items()}
    detail = ", ".join(f"{count}: {1 / value:,.0f} pairs/s" for count, value in each.items())
    yield Result("a pair of 100 claims an article / of 1", each[CLAIMS[-1]] / each[CLAIMS[0]], 0.5, detail)
    peaks = {}
    Path("claims.txt").write_text("\n".join(claim.claim for claim in claims[:10]), encoding="utf-8")
    for count in (FEW // 4, MANY // 4):
        write(Path("memory.jsonl"), vary(shipped, count, SENTENCES))
        given = ("classify", "memory.jsonl", "--claims", "claims.txt", "--model", "bundled/stance")
        peak = output(sys.executable, "-c", PEAK, RESEARCH, *given)
        peaks[count] = int(peak) * (1 if sys.platform == "darwin" else 1024) / 1e6
    few, many = peaks
    detail = f"{peaks[many]:.0f} MB and {peaks[few]:.0f} MB, one run each"
    yield Result(f"peak memory with 10 claims, {many:,} / {few:,} articles", peaks[many] / peaks[few], 1.2, detail)


def bench_interval() -> Iterator[Result]:
    """All intervals from counts against a loop for one of them, on the same draws; then those of probabilities too."""
    judged = predictions()
    bare = replace(judged, probabilities=np.full(judged.gold.shape, np.nan))
    gold, predicted = judged.gold.argmax(axis=1), judged.predicted.argmax(axis=1)
    times = bootstrap(np.eye(judged.articles), LOOPED, seed=0).astype(int)
    looped: list[float] = []

    def loop() -> None:
        looped.clear()
        for drawn in times:
            rows = np.repeat(np.arange(len(gold)), drawn[judged.article])
            looped.append(f1_score(gold[rows], predicted[rows], average="macro"))

    ours, plain = [], []
    for _ in range(ROUNDS):
        ours.append(seconds(lambda: score(bare, DRAWS)))
        plain.append(seconds(loop) * DRAWS / LOOPED)
    counts = Counts.per_article(judged)
    same = count_metrics(counts.of(bootstrap(counts.table, LOOPED, seed=0)))["macro_f1"]
    if np.abs(same - looped).max() > 1e-9:
        sys.exit("bench_interval: the loop has other numbers")
    detail = f"{median(ours):.2f} s and {median(plain):.0f} s ({LOOPED} draws, multiplied), same numbers"
    name = f"50 × {DRAWS:,} draws of {ROWS:,} rows / loop over f1_score"
    yield Result(name, 50 * median(ours) / median(plain), 1.0, detail)
    whole = [seconds(lambda: score(judged, DRAWS)) for _ in range(ROUNDS)]
    yield Result("the same draws with probabilities / 10 s", median(whole) / 10, 1.0, f"{median(whole):.1f} s")


def predictions() -> Judged:
    """A plausible system of task stance: ROWS rows of FROM_ARTICLES articles."""
    rng = np.random.default_rng(0)
    article = np.sort(
        np.concatenate([np.arange(FROM_ARTICLES), rng.integers(FROM_ARTICLES, size=ROWS - FROM_ARTICLES)])
    )
    gold = np.eye(4, dtype=bool)[rng.choice(4, ROWS, p=[0.08, 0.03, 0.17, 0.72])]
    probabilities = rng.dirichlet(np.ones(4), ROWS) * 0.6 + 0.4 * gold
    predicted = np.eye(4, dtype=bool)[probabilities.argmax(axis=1)]
    keys = tuple(("stance", f"a{i:04}", f"c{row}", 0, 0) for row, i in enumerate(article))
    return Judged(TASKS["stance"], keys, article, gold, predicted, np.zeros(ROWS, bool), probabilities, ({},) * ROWS)


def vary(articles: list[Article], count: int, sentences: int | None = None) -> Iterator[dict[str, str]]:
    """`count` articles in JSONL form: the given ones over and over, with a fifth of their longer words exchanged, and
    a quarter of these made up from the halves of two words, since news never stops bringing new ones."""
    random_ = random.Random(0)
    longer = re.compile(r"\b[a-z]{5,}\b")
    words = [word for article in articles for word in longer.findall(article.text)]

    def change(found: re.Match[str]) -> str:
        if random_.random() > 0.2:
            return found[0]
        one, other = random_.choice(words), random_.choice(words)
        return one if random_.random() > 0.25 else one[: len(one) // 2] + other[len(other) // 2 :]

    for i in range(count):
        article = articles[i % len(articles)]
        cut = article.sentences[:sentences]
        yield {"article_id": f"article-{i}", "text": longer.sub(change, article.text[: cut[-1].end])}


def write(path: Path, rows: Iterator[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def fit_bare(articles: list[Article]) -> Pipeline:
    """What somebody would write in ten lines with scikit-learn alone."""
    words = TfidfVectorizer(ngram_range=(1, 2))
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5))
    sentences = [s for a in articles for s in a.sentences]
    gold = np.array([[label in (s.labels or ()) for label in ATTRIBUTION_LABELS] for s in sentences], dtype=int)
    features = FeatureUnion([("words", words), ("characters", characters)])
    model = Pipeline([("features", features), ("model", OneVsRestClassifier(LogisticRegression()))])
    return model.fit([s.text for s in sentences], gold)


def fail(origin: str, message: str) -> None:
    raise RuntimeError(f"{origin}: {message}")


def run(real: bool) -> Iterator[Result]:
    shipped = load_dataset(dataset_config("shipped")).articles("train")
    yield from bench_help()
    yield from bench_interval()
    if real:
        yield from bench_train("attribution-gold", 1)
    yield from bench_train("shipped", ROUNDS)
    yield from bench_classify(shipped)
    yield from bench_memory(shipped)
    yield from bench_claims(shipped)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--real", action="store_true", help="train on attribution-gold as well")
    arguments = parser.parse_args()
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    home = Path.cwd()
    if "RESEARCH_DATA" in os.environ:
        os.environ["RESEARCH_DATA"] = str(Path(os.environ["RESEARCH_DATA"]).absolute())
    print(f"{'medians of interleaved runs':<56}{'ratio':>7}{'limit':>7}")
    failed = False
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        os.chdir(folder)
        for result in run(arguments.real):
            within = result.measured <= result.limit
            failed |= not within
            verdict = "ok" if within else "NOT"
            row = f"{result.name:<56}{result.measured:>7.2f}{result.limit:>7.2f}  {verdict:<4} {result.detail}"
            print(row, flush=True)
        os.chdir(home)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
