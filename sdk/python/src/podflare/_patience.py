"""Refusals, and when to ask again. Nothing here touches a connection."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx

from podflare import errors

LONGEST_PAUSE = 5.0
FIRST_PAUSE = 0.1

# Waiting helps against these. Others with the same status say that a quota is used up, or that
# an operator has to do something.
PASSING = {
    "rate_limited",
    "too_many_file_calls",
    "host_full",
    "host_not_ready",
    "shape_preparing",
    "store_unavailable",
    "records_unavailable",
    "transfer_cut",
    "shutting_down",
}


def refusal(response: httpx.Response, body: bytes) -> errors.ApiError:
    """The error of an answer that is none of success; filled up where a server in between answered
    something else."""
    status = response.status_code
    try:
        data = json.loads(body)
    except ValueError:
        data = {}
    data = data if isinstance(data, dict) else {}
    code = data.get("code")
    code = code if isinstance(code, str) else f"http_{status}"
    details = data.get("details")
    message = data.get("error")
    kind = errors.BY_CODE.get(code, errors.ApiError)
    return kind(
        message if isinstance(message, str) and message else f"the server answered {status}",
        request=response.request,
        response=httpx.Response(  # that can be read
            status, headers=response.headers, content=body, request=response.request
        ),
        code=code,
        details=details if isinstance(details, dict) else {},
        retry_after=retry_after(response),
        help=_page(response.request.url, data.get("help")),
    )


def _page(asked: httpx.URL, reference: object) -> str | None:
    """A page of the server that was asked, or one on the web."""
    try:
        page = asked.join(reference) if isinstance(reference, str) and reference else None
    except httpx.InvalidURL:
        return None
    return str(page) if page is not None and page.scheme in ("http", "https") else None


def retry_after(response: httpx.Response) -> float | None:
    text = response.headers.get("Retry-After", "").strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def failure(broken: Exception, host: str) -> errors.PodflareError:
    """The error of a connection that could not be made or broke."""
    request = getattr(broken, "_request", None)
    reason = str(broken) or type(broken).__name__
    kind: type[errors.Unreachable | errors.NoAnswerInTime]
    if isinstance(broken, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)):
        kind, message = errors.NotConnected, f"no server at {host} ({reason}); is it running?"
    elif isinstance(broken, httpx.TimeoutException):
        kind, message = errors.NoAnswerInTime, f"{host} is silent ({reason})"
    else:
        kind, message = errors.ConnectionBroken, f"the connection to {host} broke: {reason}"
    return kind(message, request=request)


class Patience:
    """Decides whether and when to ask again. One for each call."""

    def __init__(self, seconds: float, retries: int, now: Callable[[], float]) -> None:
        self._now = now
        self._end = now() + seconds
        self._left = retries
        self._pause = FIRST_PAUSE

    def remaining(self) -> float:
        return max(0.001, self._end - self._now())

    def over(self) -> bool:
        return self._now() > self._end

    def pause(self, error: errors.PodflareError, repeatable: bool) -> float | None:
        """Seconds after which to ask again; None to give up."""
        if not repeatable and not isinstance(error, errors.NotConnected):
            return None  # else the server has seen nothing of it
        if isinstance(error, errors.ApiError):
            if not passing(error):
                return None
            pause = error.retry_after if error.retry_after is not None else self._backoff()
        elif isinstance(error, errors.Unreachable) and self._left > 0:
            self._left -= 1
            pause = self._backoff()
        else:
            return None
        return pause if self._now() + pause < self._end else None

    def _backoff(self) -> float:
        pause, self._pause = self._pause, min(self._pause * 2, LONGEST_PAUSE)
        return pause


class JoinPatience(Patience):
    """For a stream that was cut: however often, until the time is up, as a daemon that starts anew
    takes its time. What came meanwhile starts the time again."""

    def __init__(self, seconds: float, now: Callable[[], float]) -> None:
        super().__init__(seconds, 0, now)
        self._seconds = seconds

    def heard(self, progress: bool) -> None:
        """Something came; with progress it also was what is waited for."""
        self._end = self._now() + self._seconds
        if progress:
            self._pause = FIRST_PAUSE

    def pause(self, error: errors.PodflareError, repeatable: bool = True) -> float | None:
        if isinstance(error, errors.ApiError):
            if not (passing(error) or error.status in (502, 504)):
                return None
            pause = error.retry_after if error.retry_after is not None else self._backoff()
        elif isinstance(error, (errors.Unreachable, errors.NoAnswerInTime)):
            pause = self._backoff()
        else:
            return None
        return pause if self._now() + pause < self._end else None


def passing(error: errors.ApiError) -> bool:
    """Whether waiting helps; of a server in between, any that says so."""
    if error.status not in (429, 503):
        return False
    return error.code in PASSING or (error.code not in errors.BY_CODE)
