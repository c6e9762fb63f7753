"""The conformance scripts that the official client can run, so that our SDKs do as it does."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from podflare import Client, Sandbox

sys.path.insert(0, str(Path(__file__).parents[2] / "sdk" / "conformance"))
import conformance


class OfficialRunner:
    def __init__(self, host: str, client: Client) -> None:
        self._host = host
        self._client = client

    def call(self, name: str, on: Any, arguments: dict[str, Any]) -> Any:
        try:
            return self._call(name, on, dict(arguments))
        except httpx.HTTPStatusError as refused:
            told = {"status": refused.response.status_code, "code": Anything(), "details": {}}
            raise conformance.Refused(told) from refused

    def _call(self, name: str, on: Any, a: dict[str, Any]) -> Any:
        match name:
            case "create":
                return Sandbox(host=self._host, **a)
            case "run_code":
                result = on.run_code(a["code"], a.get("language", "python"))
                return {key: getattr(result, key) for key in ("stdout", "stderr", "exit_code")}
            case "run_code_stream":
                events = on.run_code_stream(a["code"], a.get("language", "python"))
                return [
                    {key: getattr(one, key) for key in ("type", "data", "seq")} for one in events
                ]
            case "fork":
                return on.fork(a["n"])
            case "diff":
                return on.diff(a["other"], a["paths"])
            case "merge_into":
                return on.merge_into(a["winner"])
            case "upload":
                return on.upload(a["data"], a["path"])
            case "download":
                return on.download(a["path"])
            case "replay" | "close":
                return getattr(on, name)()
        raise AssertionError(f"no call {name}")

    def close(self, handle: Any) -> None:
        self._client.destroy_sandbox(handle.id)


class Anything:
    """The client does not tell codes."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


@pytest.mark.parametrize("script", conformance.scripts(official=True))
def test_script(script: str, host: str, client: Client) -> None:
    runner = OfficialRunner(host, client)
    conformance.run(script, runner, lambda value: isinstance(value, Sandbox))
