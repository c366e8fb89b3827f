"""One HTTP request and its answer, bounded in time and size. Redirects and manners are `addresses`' business."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import Message
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, NamedTuple
from urllib.error import URLError
from urllib.parse import quote, urlsplit, urlunsplit
from urllib.request import HTTPErrorProcessor, HTTPHandler, HTTPSHandler, Request, build_opener

from research.articles.compression import inflate
from research.records import ResearchError

USER_AGENT = "stance-attribution (news research)"


@dataclass(frozen=True, slots=True)
class Limits:
    """What fetching is bounded by; seconds and bytes."""

    size: int = 20 * 2**20  # of a page, unpacked
    silence: float = 20  # without an answer
    deadline: float = 60  # for the whole page, however steadily it drips
    redirects: int = 5
    delay: float | None = None  # between pages of a host; None is 1 s, and none on this machine and its network
    crawl_delay: float = 30  # of what robots.txt asks for, no more
    retry_after: float = 60  # of what a busy server asks for, no more and once


class Answer(NamedTuple):
    """What a server said. `data` is the unpacked body of a success, and empty otherwise."""

    url: str
    status: int
    reason: str
    headers: Message
    data: bytes
    at: str  # ISO time, UTC


def ask(url: str, limits: Limits) -> Answer:
    """The answer to a GET, whatever its status; ResearchError says in one line why there is none."""
    sockets: list[socket.socket] = []
    late = threading.Event()

    def cut() -> None:
        late.set()
        for one in sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(limits.deadline, cut)  # the time out of a socket starts anew with every byte
    timer.daemon = True
    timer.start()
    try:
        answer = _ask(url, limits, sockets)
    except (ResearchError, HTTPException, OSError, ValueError) as error:
        raise ResearchError(_late(limits) if late.is_set() else _reason(error, limits)) from None
    finally:
        timer.cancel()
    if late.is_set():
        raise ResearchError(_late(limits))
    return answer


def _ask(url: str, limits: Limits, sockets: list[socket.socket]) -> Answer:
    request = Request(_escape(url), headers={"User-Agent": USER_AGENT, "Accept-Encoding": "gzip, deflate"})
    opener = build_opener(_Plain(sockets), _Secure(sockets), _AsItIs)
    at = datetime.now(UTC).isoformat(timespec="seconds")
    with opener.open(request, timeout=limits.silence) as response:
        body = _read(response, limits) if response.status == 200 else b""
        return Answer(response.url, response.status, response.reason or "", response.headers, body, at)


def _read(response: HTTPResponse, limits: Limits) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while chunk := response.read1(2**16):
        chunks.append(chunk)
        size += len(chunk)
        if size > limits.size:
            raise ResearchError(f"page is larger than {limits.size // 2**20} MB")
    if response.length:
        raise ResearchError(f"connection closed {response.length} bytes before the end of the page")
    data = b"".join(chunks)
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if encoding in ("", "identity") or not data:
        return data
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise ResearchError(f"answers in the encoding '{encoding[:40]}', which was not asked for")
    return inflate(data, limits.size)


def _late(limits: Limits) -> str:
    return f"page took longer than {limits.deadline:g} s"


def _reason(error: Exception, limits: Limits) -> str:
    if isinstance(error, ResearchError):
        return str(error)
    if isinstance(error, URLError):
        return f"cannot be fetched: {getattr(error.reason, 'strerror', None) or error.reason}"
    if isinstance(error, TimeoutError):
        return f"no answer within {limits.silence:g} s"
    return f"cannot be fetched: {' '.join(str(error).split()) or type(error).__name__}"


def _escape(url: str) -> str:
    """The address as HTTP wants it: people paste addresses with letters that are not ASCII."""
    parts = urlsplit(url)
    host = parts.netloc if parts.netloc.isascii() else parts.netloc.encode("idna").decode("ascii")
    safe = "%/:=&?~+!$,;'@()*[]"
    return urlunsplit((parts.scheme, host, quote(parts.path, safe), quote(parts.query, safe), ""))


class _AsItIs(HTTPErrorProcessor):
    """Every status is an answer: urllib alone would follow redirects, to ftp too, and raise the rest."""

    def http_response(self, request: Request, response: Any) -> Any:
        return response

    https_response = http_response


class _Plain(HTTPHandler):
    def __init__(self, sockets: list[socket.socket]) -> None:
        super().__init__()
        self.watched = _watched(HTTPConnection, sockets)

    def http_open(self, req: Request) -> HTTPResponse:
        return self.do_open(self.watched, req)


class _Secure(HTTPSHandler):
    def __init__(self, sockets: list[socket.socket]) -> None:
        self.context = ssl.create_default_context()
        super().__init__(context=self.context)
        self.watched = _watched(HTTPSConnection, sockets)

    def https_open(self, req: Request) -> HTTPResponse:
        return self.do_open(self.watched, req, context=self.context)


def _watched(kind: type[HTTPConnection], sockets: list[socket.socket]) -> Any:
    """The kind of connection, adding its socket to `sockets`, for it to be cut when its time is up."""

    class Watched(kind):  # type: ignore[misc, valid-type]
        def connect(self) -> None:
            super().connect()
            sockets.append(self.sock)

    return Watched
