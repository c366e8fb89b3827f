"""How clean are articles out of dirty inputs? Ours beside what others make of the same pages, in one run.

    python tests/bench_cleaning.py            # the others: a recent pip install '.[bench]'; --left lists what is wrong

Texts have no other cleaner to compare with: the floor is the text as it stands. No timing.
"""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

from dirty import BLIND, FRESH, HELD, NEW, SEEN, Counts, judge, load

from research.articles import read_articles

Cleaner = Callable[[Path], list[tuple[str | None, str]]]


def ours(path: Path) -> list[tuple[str | None, str]]:
    def fail(origin: str, message: str) -> None:
        raise SystemExit(f"{origin}: {message}")

    return [(article.title, article.text) for article in read_articles([str(path)], fail)]


def as_it_stands(path: Path) -> list[tuple[str | None, str]]:
    return [(None, path.read_text("utf-8-sig"))]


def trafilatura(path: Path) -> list[tuple[str | None, str]]:
    import trafilatura as library

    found = library.bare_extraction(path.read_bytes(), with_metadata=True, include_comments=False)
    return [(found.title, found.text)] if found else []


def readability(path: Path) -> list[tuple[str | None, str]]:
    import lxml.html
    from readability import Document

    document = Document(path.read_text("utf-8", errors="replace"))
    return [(document.short_title(), lxml.html.fromstring(document.summary()).text_content())]


def newspaper(path: Path) -> list[tuple[str | None, str]]:
    import newspaper as library

    article = library.Article("https://outlet.example/story")
    article.download(input_html=path.read_text("utf-8", errors="replace"))
    article.parse()
    return [(article.title, article.text)]


CLEANERS: dict[str, dict[str, Cleaner]] = {
    ".txt": {"ours": ours, "as it stands": as_it_stands},
    ".html": {"ours": ours, "trafilatura": trafilatura, "readability-lxml": readability, "newspaper4k": newspaper},
}


def rows(left: bool) -> Iterator[str]:
    for folder in (SEEN, HELD, FRESH, BLIND, NEW):
        for suffix, cleaners in CLEANERS.items():
            cases = [case for case in load(folder) if case.path.suffix == suffix]
            for name, cleaner in cleaners.items():
                counts = sum((judge(case.expected, cleaner(case.path)) for case in cases), Counts())
                shares = "  ".join(f"{what} {share:6.1%}" for what, share in counts.shares().items())
                yield f"{folder.name:6} {suffix:6} {len(cases):3} files  {name:17} {shares}"
                if left and name == "ours":
                    yield from (f"    lost: {' '.join(one.split())}" for one in counts.lost)
                    yield from (f"    left: {' '.join(one.split())}" for one in counts.left)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--left", action="store_true", help="list what ours lost and left")
    for row in rows(parser.parse_args().left):
        print(row)
