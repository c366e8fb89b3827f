"""RumourEval 2019, subtask A: does a post in a thread on Twitter or Reddit support the rumour that the thread is about,
deny it, ask about it or comment on it (Gorrell et al. 2019)? The post is the text, the thread's first post the claim.

`query` and `comment` are both `discusses` here; fields["native"] keeps the task's own label, so that scores can be
told apart by it. No post is `unrelated`. Where a post was deleted its text is empty; it still counts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from research.config import Rumoureval
from research.datasets.card import read_cards
from research.datasets.dataset import Dataset, Entry
from research.datasets.jsonl import segmenter
from research.datasets.pairs import Pair, judged_entries, stance_rows
from research.datasets.problems import Problems
from research.datasets.store import cached, corpus_folder
from research.records import Article, ResearchError, Row

NAME = "rumoureval-2019"
VERSION = 1
FILE = "rumoureval2019.jsonl"
SPLITS = ("train", "dev", "test")
LABELS = {"support": "supports", "deny": "denies", "query": "discusses", "comment": "discusses"}
KEYS = ("split", "stance", "id", "platform", "thread", "kind")
PUBLISHED = {"branch-lstm": "published_predictions/branchLSTM_baseline_answer.json"}
TASK = "subtaskaenglish"


def load_rumoureval(config: Rumoureval) -> Dataset:
    """The official splits. ResearchError when the corpus is not here."""
    folder = _folder(config)
    settings = {"segmenter": segmenter()}
    return cached(NAME, read_cards()[NAME], [folder / FILE], VERSION, lambda: (_entries(_posts(folder)), {}), settings)


def published_rumoureval(config: Rumoureval) -> dict[str, list[Row]]:
    """What the organisers' branchLSTM said of the test split, if its file is here; in our labels."""
    folder = _folder(config)
    posts = [post for post in _posts(folder) if post["split"] == "test"]
    articles = {_article_id(post): _article(post) for post in posts}
    found = {}
    for system, name in PUBLISHED.items():
        if (folder / name).is_file():
            said = _answers(folder / name, posts)
            found[system] = stance_rows(articles, (_pair(post, said[post["id"]]) for post in posts))
    return found


def _folder(config: Rumoureval) -> Path:
    return corpus_folder(NAME, config.path, FILE, f"research data fetch {NAME} --from DIR")


def _answers(file: Path, posts: list[dict[str, Any]]) -> Mapping[str, str]:
    try:
        said: Mapping[str, str] = json.loads(file.read_text(encoding="utf-8"))[TASK]
    except (OSError, ValueError, KeyError) as e:
        raise ResearchError(f"{file}: no answers of {TASK}: {' '.join(str(e).split())}") from None
    if missing := [post["id"] for post in posts if said.get(post["id"]) not in LABELS]:
        raise ResearchError(f"{file}: no answer for {len(missing)} posts, the first: {missing[0]}")
    return said


def _entries(posts: list[dict[str, Any]]) -> list[Entry]:
    found = []
    for split in SPLITS:
        own = [post for post in posts if post["split"] == split]
        articles = {_article_id(post): _article(post) for post in own}
        found += judged_entries(split, articles, (_pair(post, post["stance"]) for post in own))
    return found


def _posts(folder: Path) -> list[dict[str, Any]]:
    problems = Problems()
    posts = []
    for number, line in enumerate((folder / FILE).read_bytes().splitlines(), start=1):
        try:
            post = json.loads(line)
            if any(not isinstance(post[key], str) for key in KEYS) or post["split"] not in SPLITS:
                raise ValueError
            if post["stance"] not in LABELS:
                raise ValueError
            posts.append(post)
        except (ValueError, KeyError, TypeError):
            known = f"split ({', '.join(SPLITS)}) and stance ({', '.join(LABELS)})"
            problems.add(f"{folder / FILE}:{number}: expected an object with {', '.join(KEYS)}; {known}")
    problems.check()
    return posts


def _article(post: Mapping[str, Any]) -> Article:
    return Article(
        article_id=_article_id(post),
        text=post.get("text") or "",
        origin=f"{NAME}:{post['id']}",
        event=f"{NAME}/{post['thread']}",
        fields={"corpus": NAME, "platform": post["platform"], "kind": post["kind"], "native": post["stance"]},
    )


def _pair(post: Mapping[str, Any], said: str) -> Pair:
    return Pair(_article_id(post), post.get("source_text") or "", LABELS[said])


def _article_id(post: Mapping[str, Any]) -> str:
    return f"{NAME}/{post['id']}"
