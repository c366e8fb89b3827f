"""The MLflow UI on the project's store."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from typing import Any

from research.records import TASKS, ResearchError
from research.workflows.tracking import VIEW, experiment_id, interruptible, open_store, store_uri


def ui_address(port: int) -> str:
    """The run table of the task that ran last, with its metrics shown, in MLflow's machine-learning mode: on the
    tracking server when there is one, else on this machine. ResearchError when the port cannot be used."""
    if not tracking_server():
        _check_port(port)
    client = open_store()
    tasks = [e.name for e in client.search_experiments() if e.name in TASKS] or ["attribution"]
    ids = [experiment_id(client, task) for task in tasks]
    newest = client.search_runs(ids, max_results=1, order_by=["attributes.start_time DESC"])
    shown = newest[0].info.experiment_id if newest else ids[0]
    page = f"experiments/{shown}/runs?viewStateShareKey={VIEW}&workflowType=machine_learning"
    return f"{tracking_server() or f'http://127.0.0.1:{port}'}/#/{page}"


def serve_ui(port: int) -> int:
    """Run the server until it ends or Ctrl-C ends it; returns the exit status. Nothing to do when a tracking server
    is up already. One worker: a person looks at it, not a crowd."""
    if tracking_server():
        return 0
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store_uri(), "--host", "127.0.0.1"]
    command += ["--port", str(port), "--workers", "1", "--uvicorn-opts", "--log-level warning"]
    quiet = {"MLFLOW_LOGGING_LEVEL": "WARNING", "PYTHONWARNINGS": "ignore"}
    environment = {**os.environ, **quiet, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    # A session of its own: Ctrl-C reaches us alone, and the server ends its children without a traceback.
    options: dict[str, Any] = {"env": environment, "stdout": subprocess.DEVNULL, "start_new_session": True}
    with interruptible(), subprocess.Popen(command, **options) as server:
        try:
            return server.wait()
        except KeyboardInterrupt:
            server.terminate()
            return 0


def tracking_server() -> str | None:
    """The address of the tracking server that MLFLOW_TRACKING_URI names, if it is one."""
    uri = store_uri()
    return uri.rstrip("/") if uri.startswith(("http://", "https://")) else None


def _check_port(port: int) -> None:
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
    except (OSError, OverflowError) as e:
        raise ResearchError(f"--port {port}: {getattr(e, 'strerror', None) or e}; choose another") from None
