"""What all errors have in common. Programs import ``podflare.errors``.

What the server refuses is also an ``httpx.HTTPStatusError`` and what never reached it an
``httpx.TransportError``, so that programs which catch those go on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import httpx


class PodflareError(Exception):
    """The base of all errors of this package."""

    code: str = "podflare"
    """Stable, for programs."""

    @property
    def message(self) -> str:
        """The sentence for people."""
        return str(self.args[0]) if self.args else self.code


class ApiError(PodflareError, httpx.HTTPStatusError):
    """The server refused a call. Each code has a class of its own in ``podflare.errors``."""

    code: str = "http_error"
    http_status: ClassVar[int] = 0
    """The status that goes with the class's code."""

    def __init__(
        self,
        message: str,
        *,
        request: httpx.Request,
        response: httpx.Response,
        code: str | None = None,
        details: Mapping[str, Any] | None = None,
        retry_after: float | None = None,
        help: str | None = None,
    ) -> None:
        httpx.HTTPStatusError.__init__(self, message, request=request, response=response)
        if code is not None:
            self.code = code
        self.status = response.status_code
        self.details: dict[str, Any] = dict(details or {})
        """The values that the message names."""
        self.retry_after = retry_after
        """Seconds after which to try again, if the server said so."""
        self.help = help
        """Address of a page that says what the code means and what to do, if there is one."""

    def __str__(self) -> str:
        return f"{self.message} (see {self.help})" if self.help else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        state = (self.code, self.details, self.retry_after, self.help)
        return _again, (type(self), self.message, self.request, self.response, *state)


def _again(
    kind: type[ApiError],
    message: str,
    request: httpx.Request,
    response: httpx.Response,
    code: str,
    details: dict[str, Any],
    retry_after: float | None,
    help: str | None,
) -> ApiError:
    return kind(
        message,
        request=request,
        response=response,
        code=code,
        details=details,
        retry_after=retry_after,
        help=help,
    )


class StreamFailed(PodflareError):
    """The server ended a stream with an error; ``code`` is the server's."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class Unreachable(PodflareError, httpx.NetworkError):
    """No connection, or it broke."""

    code = "unreachable"


class NotConnected(Unreachable, httpx.ConnectError):
    """No connection could be made; the server has seen nothing of the call."""


class ConnectionBroken(Unreachable, httpx.ReadError, httpx.RemoteProtocolError):
    """The connection broke. Whether the server did what was asked is not known, unless the call can
    be repeated; those that can were repeated already."""


class NoAnswerInTime(PodflareError, httpx.ReadTimeout, TimeoutError):
    """The server was silent for longer than the deadline."""

    code = "no_answer_in_time"


class BadAnswer(PodflareError, httpx.DecodingError):
    """The answer was not what the API promises."""

    code = "bad_answer"
