"""Pages fetched from http and https addresses, with limits on time, size and redirects, and with manners.

A host is asked for its robots.txt first, then for a page a second, or as slowly as it asks for.
"""

from __future__ import annotations

import socket
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

from research.articles.answers import Answer, Limits, ask
from research.articles.robots import PATH, Rules, read_rules
from research.records import ResearchError

DELAY = 1.0  # seconds between two pages of a host
_MOVED = (301, 302, 303, 307, 308)
_BUSY = (429, 503)


class Page(NamedTuple):
    """What an address answered: the bytes, the media type and character set that the server declared, the address
    after redirects, the ISO time."""

    data: bytes
    media_type: str
    charset: str | None
    url: str
    fetched: str


class Fetcher:
    """Fetches pages one after the other and remembers, for each host, its rules and when it was asked last."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._rules: dict[str, Rules] = {}
        self._next: dict[str, float] = {}
        self._local: dict[str, bool] = {}

    def fetch(self, url: str, found_on: str = "") -> Page:
        """The page at an http or https address; ResearchError says in one line why there is none.

        An address that the page `found_on` names, or that a page redirects to, may not lie on this machine or its
        network unless that page does.
        """
        self._check_step(found_on, url, "names")
        self._check_rules(url)
        self._wait(url)
        for _ in range(self.limits.redirects + 1):
            answer = self._ask(url)
            if answer.status not in _MOVED or not (location := answer.headers.get("Location")):
                return _page(answer)
            moved = urljoin(url, location.strip())
            self._check_step(url, moved, "redirects to")
            self._check_rules(moved)
            if _host(moved) != _host(url):
                self._wait(moved)
            url = moved
        raise ResearchError(f"more than {self.limits.redirects} redirects")

    def _ask(self, url: str) -> Answer:
        """The answer; of a server that is busy and says until when, the second one."""
        try:
            answer = ask(url, self.limits)
            wait = _retry_after(answer) if answer.status in _BUSY else None
            if wait is not None and wait <= self.limits.retry_after:
                time.sleep(wait)
                answer = ask(url, self.limits)
            return answer
        finally:
            self._next[_host(url)] = time.monotonic() + self._delay(url)

    def _check_step(self, before: str, url: str, verb: str) -> None:
        if urlsplit(url).scheme not in ("http", "https"):
            raise ResearchError(f"{verb} {url[:200]}; only http and https are followed")
        if before and self._is_local(url) and not self._is_local(before):
            raise ResearchError(f"{verb} {url[:200]}, an address on this machine or its network")

    def _check_rules(self, url: str) -> None:
        server = _server(url)
        if server not in self._rules:
            self._rules[server] = self._ask_rules(server + PATH)
        self._rules[server].check(url)

    def _ask_rules(self, url: str) -> Rules:
        try:
            for _ in range(self.limits.redirects + 1):
                answer = ask(url, self.limits)
                if answer.status not in _MOVED or not (location := answer.headers.get("Location")):
                    return read_rules(answer)
                moved = urljoin(url, location.strip())
                self._check_step(url, moved, "redirects to")
                url = moved
        except ResearchError as error:
            return Rules(refusal=str(error))  # kept: each page of a dead host would wait for it again
        return Rules()  # RFC 9309: after that many redirects as if there were none

    def _wait(self, url: str) -> None:
        time.sleep(max(0.0, self._next.get(_host(url), 0.0) - time.monotonic()))

    def _delay(self, url: str) -> float:
        own = self.limits.delay
        if own is None:
            own = 0.0 if self._is_local(url) else DELAY
        return max(own, min(self._rules[_server(url)].delay, self.limits.crawl_delay))

    def _is_local(self, url: str) -> bool:
        host = _host(url)
        if host not in self._local:
            self._local[host] = is_local(host)
        return self._local[host]


def is_local(host: str) -> bool:
    """Whether a host name or number leads to this machine or a private network. A name that nobody knows does not:
    a proxy may know it."""
    try:
        found = socket.getaddrinfo(host, None)
    except (OSError, UnicodeError):
        return False
    numbers = [ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    return any(not (getattr(number, "ipv4_mapped", None) or number).is_global for number in numbers)


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _server(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _page(answer: Answer) -> Page:
    if answer.status != 200:
        raise ResearchError(f"HTTP {answer.status} {answer.reason}".rstrip())
    kind, charset = answer.headers.get_content_type(), answer.headers.get_content_charset()
    return Page(answer.data, kind, charset, answer.url, answer.at)


def _retry_after(answer: Answer) -> float | None:
    """Seconds to wait, None when the server does not say."""
    said = answer.headers.get("Retry-After", "").strip()
    if said.isdecimal():
        return float(said) if len(said) < 10 else None
    try:
        when = parsedate_to_datetime(said)
        return max(0.0, (when.astimezone(UTC) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
