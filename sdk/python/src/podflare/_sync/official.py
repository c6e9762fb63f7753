"""Calls by id under the official client's names, for programs that use them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from podflare._requests import get, post, segment

if TYPE_CHECKING:
    from podflare._sync.client import Client
    from podflare._sync.terminals import Terminal
    from podflare.types import Event


class OfficialCalls:
    """Each is short for a method of a sandbox or its terminals."""

    _lease: None = None

    @property
    def _me(self) -> Client:
        return cast("Client", self)

    def create_sandbox(self, template: str | None = None, **options: Any) -> str:
        return str(self.create_sandbox_info(template, **options)["id"])

    def create_sandbox_info(self, template: str | None = None, **options: Any) -> dict[str, Any]:
        return self._me.create_record(template=template, **options)

    def resume_space(self, space_id: str, **options: Any) -> dict[str, Any]:
        return self._me.resume_record(space_id, **options)

    def delete_space(self, space_id: str) -> None:
        self._me.spaces.delete(space_id)

    def destroy_sandbox(self, sandbox_id: str) -> None:
        self._me.sandbox(sandbox_id).delete()

    def exec_stream(self, sandbox_id: str, code: str, language: str = "python") -> Iterator[Event]:
        yield from self._me.sandbox(sandbox_id).run_code_stream(code, language)

    def fork_sandbox(self, sandbox_id: str, n: int = 1) -> list[str]:
        return [child.id for child in self._me.sandbox(sandbox_id).fork(n)]

    def merge_into(self, parent_id: str, winner_id: str) -> None:
        self._me.sandbox(parent_id).merge_into(self._me.sandbox(winner_id))

    def replay(self, sandbox_id: str) -> list[Event]:
        return self._me.sandbox(sandbox_id).replay()

    def pty_create_stream(self, sandbox_id: str, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        from podflare._folds import Objects
        from podflare._sync.terminals import opening

        answer = self._me._transport.open(opening(_path(sandbox_id), body))
        objects = Objects()
        try:
            while chunk := answer.chunk():
                yield from objects.feed(chunk)
        finally:
            answer.close()

    def pty_attach_stream(self, sandbox_id: str, pty_id: str) -> Iterator[dict[str, Any]]:
        yield from self._terminal(sandbox_id, pty_id).lines()

    def pty_input(self, sandbox_id: str, pty_id: str, data: bytes) -> None:
        self._terminal(sandbox_id, pty_id).input(data)

    def pty_kill(self, sandbox_id: str, pty_id: str) -> None:
        self._terminal(sandbox_id, pty_id).kill()

    def pty_resize(self, sandbox_id: str, pty_id: str, cols: int, rows: int) -> None:
        self._terminal(sandbox_id, pty_id).resize(cols, rows)

    def pty_list(self, sandbox_id: str) -> list[dict[str, Any]]:
        return list(self._me._transport.call(get(f"{_path(sandbox_id)}/pty")))

    def pty_read(
        self,
        sandbox_id: str,
        pty_id: str,
        since_seq: int,
        max_bytes: int = 65536,
        timeout_ms: int = 10000,
    ) -> dict[str, Any]:
        path = f"{_path(sandbox_id)}/pty/{segment(pty_id)}/read"
        body = {"since_seq": since_seq, "max_bytes": max_bytes, "timeout_ms": timeout_ms}
        return dict(self._me._transport.call(post(path, body, repeatable=True)))

    def _terminal(self, sandbox_id: str, pty_id: str) -> Terminal:
        return self._me.sandbox(sandbox_id).pty.get(pty_id)


def _path(sandbox_id: str) -> str:
    return f"/v1/sandboxes/{segment(sandbox_id)}"
