"""Attribution and stance classification for news: who states, who denies, what is only speculated.

The rooms in the order that data flow through them, which is the alphabetical one; a room imports only itself and
those to its left. The names below are the Python API (docs/python-api.md); each is imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from research.records import Article, Claim, Prediction, ResearchError
    from research.workflows.classifier import Classifier, load_classifier

FLOW = ("articles", "cues", "datasets", "models", "scoring", "summary", "workflows")

__all__ = ["FLOW", "Article", "Claim", "Classifier", "Prediction", "ResearchError", "load_classifier"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    room = "research.workflows.classifier" if name in ("Classifier", "load_classifier") else "research.records"
    return getattr(import_module(room), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
