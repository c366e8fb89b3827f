"""The list of runs: parts of another run stay out of it, the runs of an experiment do not. And the charts' view, which
shows the splits that runs have."""

import json
from pathlib import Path
from typing import Any

import pytest

from research.config import run_config
from research.records import Score
from research.workflows.results import log_scores
from research.workflows.runs import list_runs
from research.workflows.tracking import experiment_id, open_store, shared_view, tracked_run
from research.workflows.tune import tune

PLAIN = [f"model.features.{name}=false" for name in "characters neighbours position quotation carry cues".split()]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.chdir(tmp_path_factory.mktemp("store"))
        yield open_store()


def names(task: str, limit: int = 20) -> list[str]:
    return [run.name for run in list_runs(task, limit)]


def test_a_study_is_listed_without_its_trials_and_an_experiment_with_its_runs(store: Any) -> None:
    with tracked_run("attribution", "single", {}):
        pass
    with tracked_run("attribution", "900-question", {"experiment": "900-question", "experiment_parent": "true"}):
        for name in ("first", "second"):
            with tracked_run("attribution", name, {"experiment": "900-question"}, nested=True):
                pass
    lines = []
    for i in range(6):
        text = f"The mayor denied report {i}. It rained in valley {i}."
        end = text.index(".") + 1
        spans = [{"start": 0, "end": end, "labels": ["denial"]}, {"start": end + 1, "end": len(text), "labels": []}]
        lines.append(json.dumps({"article_id": f"a{i}", "text": text, "split": "train", "sentences": spans}))
    Path("articles.jsonl").write_text("\n".join(lines))
    Path("space.yaml").write_text("model.c: [0.1, 1.0]")
    config = run_config(model="tfidf-logreg", dataset="articles.jsonl", folds=2, assignments=PLAIN)
    tune(config, trials=1, space=Path("space.yaml"), name="study")
    runs = store.search_runs([experiment_id(store, "attribution")])
    assert {"study-000", "study-001"} < {run.info.run_name for run in runs}
    assert names("attribution") == ["study", "second", "first", "900-question", "single"]
    assert names("attribution", limit=3) == ["study", "second", "first"]
    assert list_runs("attribution")[0].metrics.keys() >= {"cv/macro_f1"}


def test_the_charts_are_those_of_the_splits_that_runs_have(store: Any) -> None:
    def sections(unfolded: bool = False) -> list[str]:
        tags = store.get_experiment(experiment_id(store, "primary")).tags
        view = json.loads(tags["mlflow.sharedViewState.leaderboard"])
        assert {c["metricSectionId"] for c in view["compareRunCharts"]} <= {
            s["uuid"] for s in view["compareRunSections"]
        }
        return [s["name"] for s in view["compareRunSections"] if s["display"] or not unfolded]

    assert sections(unfolded=True) == ["test", "dev"], "nothing is known yet"
    for split in ("cv", "dev"):
        with tracked_run("primary", "a-run", {}):
            log_scores(split, [Score("macro_f1", 0.0)], 0.25)
    assert sections(unfolded=True) == sections()[:2] == ["dev", "cv"]
    assert not [name for name in sections() if name.startswith("test")]
    view = shared_view("primary", ["dev", "cv"])
    assert view["orderByKey"] == "metrics.`dev/macro_f1`" and "metrics.`dev/denial/f1`" in view["selectedColumns"]
    with tracked_run("primary", "a-run", {}):
        log_scores("test", [Score("macro_f1", 0.5)], 0.25)
    assert sections()[:3] == ["test", "dev", "cv"] and sections(unfolded=True) == ["test", "dev"]
