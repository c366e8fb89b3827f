"""The MLflow UI on the project's store."""

from __future__ import annotations

import os
import subprocess
import sys

from research.workflows.tracking import experiment_id, open_store, store_uri


def ui_address(port: int) -> str:
    """The run table of the attribution task with its metrics shown, in MLflow's machine-learning mode."""
    client = open_store()
    found = experiment_id(client, "attribution")
    page = f"experiments/{found}/runs?viewStateShareKey=leaderboard&workflowType=machine_learning"
    return f"http://127.0.0.1:{port}/#/{page}"


def serve_ui(port: int) -> int:
    """Run the server until it ends; returns its exit status. One worker: a person looks at it, not a crowd."""
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store_uri(), "--host", "127.0.0.1"]
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    return subprocess.run([*command, "--port", str(port), "--workers", "1"], env=environment, check=False).returncode
