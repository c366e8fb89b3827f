"""Shared fixtures: `--slow` opts in to the long tests; nothing is read from or left in the user's own folders."""

import asyncio
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# A slow or busy machine is no failure.
settings.register_profile("any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-machine")

KEYS = {
    "Tab": 9,
    "Enter": 13,
    "Escape": 27,
    "ArrowLeft": 37,
    "ArrowUp": 38,
    "ArrowRight": 39,
    "ArrowDown": 40,
}  # codes of Windows, which the protocol wants


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="also run the tests marked slow")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    skips = {} if config.getoption("--slow") else {"slow": "slow: run with --slow"}
    if find_spec("torch") is None:
        skips["transformers"] = "needs the extra transformers: make test-transformers"
    for item in items:
        for mark, reason in skips.items():
            if mark in item.keywords:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session", autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory) -> None:
    os.environ["RESEARCH_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    os.environ["XDG_DATA_HOME"] = str(tmp_path_factory.mktemp("data"))
    os.environ.pop("MLFLOW_TRACKING_URI", None)


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a real BERT of 2 layers and 32 dimensions, untrained, with a tokenizer of the shipped corpus."""
    import torch
    from tokenizers import BertWordPieceTokenizer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    from research.config import Shipped
    from research.datasets import load_dataset

    folder = tmp_path_factory.mktemp("tiny-encoder")
    words = BertWordPieceTokenizer()
    words.train_from_iterator((a.text for a in load_dataset(Shipped()).articles("train")), vocab_size=600)
    words.save_model(str(folder))
    BertTokenizerFast.from_pretrained(str(folder)).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=words.get_vocab_size(),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=128,
    )
    BertModel(config).save_pretrained(folder)
    return folder


class Browser:
    """A headless chromium with one page, driven over the DevTools protocol; `said` is what a console would show."""

    def __init__(self, profile: Path) -> None:
        flags = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--remote-debugging-port=0",
            f"--user-data-dir={profile}",
        ]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(["chromium", *flags, "about:blank"], **quiet)  # type: ignore[call-overload]
        self.runner, self.said, self._number = asyncio.Runner(), list[Any](), 0
        port = profile / "DevToolsActivePort"
        until = time.monotonic() + 60
        while not (port.exists() and "\n" in port.read_text()):
            assert time.monotonic() < until and self.process.poll() is None, "chromium did not start"
            time.sleep(0.05)
        self.runner.run(self._connect(int(port.read_text().split()[0])))

    async def _connect(self, port: int) -> None:
        import aiohttp

        self.session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(60))
        async with self.session.get(f"http://127.0.0.1:{port}/json/list") as answer:
            pages = await answer.json(content_type=None)
        address = next(page["webSocketDebuggerUrl"] for page in pages if page["type"] == "page")
        self.socket = await self.session.ws_connect(address, max_msg_size=0)
        for domain in ("Page", "Runtime", "Log"):
            await self._until(domain + ".enable")

    async def _until(self, method: str, event: str = "", **params: Any) -> Any:
        """The answer to a command and, when one is named, the event that follows."""
        self._number += 1
        await self.socket.send_json({"id": self._number, "method": method, "params": params})
        answer, waiting = None, True
        while answer is None or (event and waiting):
            message = await self.socket.receive_json(timeout=60)
            if message.get("method") in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"):
                self.said.append(message["params"])
            waiting = waiting and message.get("method") != event
            if message.get("id") == self._number:
                assert "error" not in message, message
                answer = message["result"]
        return answer

    def call(self, method: str, event: str = "", **params: Any) -> Any:
        return self.runner.run(self._until(method, event, **params))

    def open(self, address: str) -> None:
        self.call("Page.navigate", "Page.loadEventFired", url="about:blank")  # else a mere # would not load anew
        self.call("Page.navigate", "Page.loadEventFired", url=address)

    def run(self, code: str) -> Any:
        answer = self.call("Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def press(self, *keys: str) -> None:
        for key in keys:
            for kind in ("rawKeyDown", "keyUp"):
                self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=KEYS[key])

    def look(self, scheme: str = "light", width: int = 1280, media: str = "") -> None:
        """Every colour scheme, width in pixels and medium (such as "print") but the usual ones must be asked for."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", media=media, features=features)
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)

    def close(self) -> None:
        self.runner.run(self.session.close())
        self.runner.close()
        self.process.terminate()
        self.process.wait(30)


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """For tests that have made sure that chromium and aiohttp are there."""
    browser = Browser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


class Site:
    """A server on this machine. `routes` are its paths: a body, or status, headers and body, or what to do with the
    request; any other path is a 404. `asked` are the requests, as path and seconds."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.routes: dict[
            str, bytes | tuple[int, dict[str, str], bytes] | Callable[[BaseHTTPRequestHandler], None]
        ] = {}
        self.asked: list[tuple[str, float]] = []

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        self.asked.append((request.path, time.monotonic()))
        route = self.routes.get(request.path, (404, {}, b""))
        if callable(route):
            return route(request)
        status, headers, body = (200, {}, route) if isinstance(route, bytes) else route
        request.send_response(status)
        for name, value in ({"Content-Type": "text/html", "Content-Length": str(len(body))} | headers).items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("no_proxy", "*")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.answer(self)

        def log_message(self, *_: object) -> None:
            pass

        def handle(self) -> None:
            try:
                super().handle()
            except OSError:  # the reader has hung up, which some tests want
                pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = Site(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield served
    server.shutdown()
    thread.join()
    server.server_close()
