"""Speed and memory of reading pages: `import` and `classify` with 1 and with 2 workers, and at few and many pages.

    python tests/bench_import.py            # on a machine with nothing else to do, of two cores or more

The pages are the shipped articles, varied and wrapped into the furniture of web pages. Both commands run whole;
the start-up of a command is taken off. 1 worker is one process, 2 workers are two beside the one that reads, writes
and classifies. With more than 2 cores the second limit measures these three processes.
"""

from __future__ import annotations

import argparse
import html
import os
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from bench_speed import PEAK, RESEARCH, Result, command_seconds, output, vary

from research.config import dataset_config
from research.datasets import load_dataset
from research.records import Article

FEW, MANY = 1000, 5000
ROUNDS = 3
MODEL = "bundled"
SECTIONS = ("Harbour", "Council", "Weather", "Markets", "Sport", "Letters", "Archive", "Contact")


def page(text: str, number: int, chance: random.Random) -> str:
    """An article in a page: with navigation, teasers of others, an advertisement, scripts and a footer around it."""
    title, *paragraphs = [html.escape(line) for line in text.splitlines() if line.strip()]
    links = "".join(f'<li><a href="/{name.lower()}/{chance.randrange(999)}">{name}</a></li>' for name in SECTIONS)
    teased = chance.sample(paragraphs, min(len(paragraphs), chance.randrange(1, 6)))
    teasers = "".join(f'<div class="teaser"><a href="/{number}"><h3>{one[:60]}</h3></a></div>' for one in teased)
    script = f"<script>var tags = {[chance.random() for _ in range(chance.randrange(400))]};</script>"
    style = f"<style>{'p {margin: 0} ' * chance.randrange(300)}</style>"
    advert = '<aside class="advert"><p>Advertisement</p></aside>'
    body = "".join(f"<p>{one}</p>{advert if chance.random() < 0.15 else ''}" for one in paragraphs)
    for _ in range(chance.randrange(1, 8)):
        body = f'<div class="column-{chance.randrange(99)}">{body}</div>'
    day = number % 28 + 1
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title} | Lintel Post</title>
<meta property="og:site_name" content="Lintel Post"><meta name="author" content="Ada Quill">
<link rel="canonical" href="https://post.example/{number}">{style}{script}
</head><body><header><nav><ul>{links}</ul></nav></header><main><article><h1>{title}</h1>
<time datetime="2024-03-{day:02}">{day} March 2024</time>{body}</article>
<section class="related">{teasers}</section></main><footer><ul>{links}</ul><p>All rights reserved.</p></footer>
{script}</body></html>"""


def write_pages(articles: list[Article], folder: Path, count: int) -> None:
    chance = random.Random(0)
    folder.mkdir()
    for number, row in enumerate(vary(articles, count)):
        (folder / f"{number:05}.html").write_text(page(row["text"], number, chance), encoding="utf-8")


def command(name: str, folder: str, workers: int) -> tuple[str, ...]:
    options = ("--model", MODEL, "--format", "jsonl") if name == "classify" else ()
    return (RESEARCH, name, folder, "--workers", str(workers), *options)


def bench_workers(name: str, pages: int) -> Iterator[Result]:
    rates: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(ROUNDS):
        start_up = command_seconds(*command(name, "one", 1))
        for workers, found in rates.items():
            found.append(pages / (command_seconds(*command(name, "many", workers)) - start_up))
    pairs = median(one / two for one, two in zip(rates[1], rates[2], strict=True))
    one, two = rates[1], rates[2]
    detail = f"{median(one):.0f} and {median(two):.0f} articles/s, best {max(one):.0f} and {max(two):.0f}"
    yield Result(f"{name} {pages:,} pages, seconds of 2 workers / of 1", pairs, 1 / 1.6, detail)


def bench_memory(name: str, few: int, many: int) -> Iterator[Result]:
    peaks = {}
    for folder in ("few", "many"):
        peak = output(sys.executable, "-c", PEAK, *command(name, folder, 2))
        peaks[folder] = int(peak) * (1 if sys.platform == "darwin" else 1024) / 1e6
    detail = f"{peaks['many']:.0f} MB and {peaks['few']:.0f} MB, one run each; a process's own"
    yield Result(f"{name}, peak memory, {many:,} / {few:,} pages", peaks["many"] / peaks["few"], 1.2, detail)


def run(few: int, many: int) -> Iterator[Result]:
    shipped = load_dataset(dataset_config("shipped")).articles("train")
    for folder, count in (("one", 1), ("few", few), ("many", many)):
        write_pages(shipped, Path(folder), count)
    for name in ("import", "classify"):
        yield from bench_workers(name, many)
        yield from bench_memory(name, few, many)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pages", type=int, nargs=2, default=(FEW, MANY), metavar=("FEW", "MANY"))
    few, many = parser.parse_args().pages
    home = Path.cwd()
    print(f"{'medians of interleaved runs':<56}{'ratio':>7}{'limit':>7}")
    failed = False
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        os.chdir(folder)
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder}/mlflow.db"
        for result in run(few, many):
            within = result.measured <= result.limit
            failed |= not within
            verdict = "ok" if within else "NOT"
            print(
                f"{result.name:<56}{result.measured:>7.2f}{result.limit:>7.2f}  {verdict:<4} {result.detail}",
                flush=True,
            )
        os.chdir(home)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
