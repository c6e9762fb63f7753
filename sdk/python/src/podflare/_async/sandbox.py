"""A sandbox."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from podflare import _requests as requests
from podflare._async.birth import AsyncBirth
from podflare._records import read, read_all
from podflare.types import (
    AsyncFanOut,
    ClonedRepository,
    Diff,
    Event,
    ExecResult,
    ExecutionInfo,
    FamilyMember,
    NetworkInfo,
    OpenPort,
    PortLink,
    SandboxInfo,
    SnapshotInfo,
    SpaceInfo,
)

if TYPE_CHECKING:
    from podflare._async.contexts import AsyncContexts
    from podflare._async.execs import AsyncExecs
    from podflare._async.files import AsyncFiles
    from podflare._async.processes import AsyncProcesses
    from podflare._async.pty import AsyncPtyNamespace
    from podflare._async.secrets import AsyncSecrets
    from podflare._async.transport import AsyncTransport
    from podflare._options import NetworkPolicy

OnEvent = Callable[[Event], object]


class AsyncSandbox(AsyncBirth):
    """A Linux microVM of its own: a Python interpreter that remembers, and bash beside it.

    Closing it deletes it, unless it was merged into its parent or frozen. Safe for many tasks or
    threads at once: Python calls run one after the other in the guest, bash calls side by side.
    """

    @property
    def _path(self) -> str:
        return f"/v1/sandboxes/{requests.segment(self.id)}"

    @property
    def _transport(self) -> AsyncTransport:
        return self.client._transport

    @cached_property
    def _execs(self) -> AsyncExecs:
        from podflare._async.execs import AsyncExecs

        return AsyncExecs(self._transport, self._path)

    # Running code

    async def run_code(
        self,
        code: str,
        language: str = "python",
        *,
        timeout_seconds: int | None = None,
        cwd: str | None = None,
        env: dict[str, str] | None = None,
        stdin: str | None = None,
        context: str | None = None,
        on_event: OnEvent | None = None,
    ) -> ExecResult:
        """Runs code to its end. An exit code that is not 0 is a result, no error.

        A connection that breaks meanwhile is joined again. Being cancelled or interrupted
        interrupts the code, too.

        :param language: ``python``, in the interpreter that remembers, or ``bash``, a new process
        :param timeout_seconds: after it the code is interrupted, 5 s later killed; exit code 124
        :param cwd: folder, for this call only
        :param env: variables, for this call only
        :param stdin: of bash
        :param context: id of an interpreter of ``contexts``; its language counts
        :param on_event: hears of every event when it comes, in the ``chunks`` framing
        """
        body = _exec(code, language, "chunks", timeout_seconds, cwd, env, stdin, context)
        return await self._execs.run(body, on_event)

    async def run_code_stream(
        self,
        code: str,
        language: str = "python",
        *,
        framing: Literal["lines", "chunks"] = "lines",
        timeout_seconds: int | None = None,
        cwd: str | None = None,
        env: dict[str, str] | None = None,
        stdin: str | None = None,
        context: str | None = None,
    ) -> AsyncGenerator[Event, None]:
        """Events as they come, each once; the last is ``exit``. A connection that breaks is joined
        again. The code goes on when the reader leaves.

        :param framing: ``lines``: stdout and stderr line by line, and the exit. ``chunks``: exactly
            what is written, with ``started``, ``result`` and ``exception``
        """
        body = _exec(code, language, framing, timeout_seconds, cwd, env, stdin, context)
        async for event in self._execs.stream(body):
            yield event

    async def start_code(
        self,
        code: str,
        language: str = "python",
        *,
        timeout_seconds: int | None = None,
        cwd: str | None = None,
        env: dict[str, str] | None = None,
        stdin: str | None = None,
        stdin_open: bool = False,
        context: str | None = None,
    ) -> str:
        """Starts code and returns the id of its execution at once.

        :param stdin_open: keep the standard input of bash open for ``write_stdin``
        """
        body = _exec(code, language, "chunks", timeout_seconds, cwd, env, stdin, context)
        if stdin_open:
            body["stdin_open"] = True
        return await self._execs.start(body)

    async def join(
        self, exec_id: str, from_seq: int = 0, *, on_event: OnEvent | None = None
    ) -> ExecResult:
        """Joins an execution and stays to its end; what was before ``from_seq`` is not repeated."""
        return await self._execs.join(exec_id, from_seq, on_event)

    async def join_stream(self, exec_id: str, from_seq: int = 0) -> AsyncGenerator[Event, None]:
        """Events of an execution from a number on."""
        async for event in self._execs.join_stream(exec_id, from_seq):
            yield event

    async def executions(self) -> list[ExecutionInfo]:
        """Those that run or wait, and the last 1,000 that ended, newest first."""
        return await self._execs.all()

    async def execution(self, exec_id: str) -> ExecutionInfo:
        return await self._execs.info(exec_id)

    async def cancel(self, exec_id: str) -> None:
        """Interrupts an execution; after 5 s the server kills it. Returns at once."""
        await self._execs.cancel(exec_id)

    async def write_stdin(self, exec_id: str, data: str | bytes = "", *, eof: bool = False) -> None:
        """Writes to the standard input of bash that was started with ``stdin_open``."""
        await self._execs.write_stdin(exec_id, data, eof)

    async def replay(self) -> list[Event]:
        """The last 1,000 events of all executions, oldest first."""
        return await self._execs.replay()

    @cached_property
    def contexts(self) -> AsyncContexts:
        """Interpreters beside the first one."""
        from podflare._async.contexts import AsyncContexts

        return AsyncContexts(self._transport, self._path)

    @cached_property
    def processes(self) -> AsyncProcesses:
        """Programs that run beside all else until they end."""
        from podflare._async.processes import AsyncProcesses

        return AsyncProcesses(self._transport, self._path)

    @cached_property
    def secrets(self) -> AsyncSecrets:
        """Values that it uses in its requests and never has."""
        from podflare._async.secrets import AsyncSecrets

        return AsyncSecrets(self._transport, self._path)

    async def git_clone(
        self,
        url: str,
        path: str | None = None,
        *,
        ref: str | None = None,
        depth: int | None = None,
        username: str | None = None,
        password: str | None = None,
        token: str | None = None,
        timeout_seconds: int = 600,
    ) -> ClonedRepository:
        """Clones a repository into the sandbox with its own git; the credential stays outside.
        ``GitAccessRefused``, ``GitRepositoryNotFound``, ``GitRefNotFound``, ``GitFailed``.

        :param path: an absolute folder that is empty or not there; else ``/root/`` and the name
        :param ref: branch, tag or commit of 40 hex digits; else the repository's own branch
        :param depth: commits of history
        :param token: instead of ``username`` and ``password``
        """
        credential = requests.given(username=username, password=password, token=token)
        body = requests.given(
            url=url,
            path=path,
            ref=ref,
            depth=depth,
            credential=credential or None,
            timeout_seconds=timeout_seconds,
        )
        request = requests.post(f"{self._path}/git/clone", body)
        request.timeout = timeout_seconds + 60.0
        return read(ClonedRepository, await self._transport.call(request))

    async def wait_for_port(self, port: int, timeout_seconds: float = 30.0) -> OpenPort:
        """Waits until something listens on a TCP port of the guest; else ``TimedOut``."""
        from podflare._async.processes import open_port

        return await open_port(self._transport, self._path, {"port": port}, timeout_seconds)

    @cached_property
    def pty(self) -> AsyncPtyNamespace:
        """Terminals."""
        from podflare._async.pty import AsyncPtyNamespace

        return AsyncPtyNamespace(self._transport, self._path)

    # Files

    @cached_property
    def files(self) -> AsyncFiles:
        from podflare._async.files import AsyncFiles

        return AsyncFiles(self._transport, self._path)

    async def upload(self, local_path: str | bytes, remote_path: str | bytes) -> None:
        """Copies a file of this machine, or bytes, into the sandbox. ``files.write`` can do more.

        ``upload(remote_path, data)`` is understood as well, where ``data`` is bytes.
        """
        if isinstance(remote_path, (bytes, bytearray)):
            local_path, remote_path = remote_path, str(local_path)
        data = local_path if isinstance(local_path, (bytes, bytearray)) else _local(local_path)
        await self.files.write(remote_path, data)

    async def download(self, remote_path: str) -> bytes:
        """The bytes of a file. ``FileNotFound`` is also a ``FileNotFoundError``."""
        return await self.files.read(remote_path)

    # Forks

    async def fork(
        self,
        n: int = 1,
        *,
        metadata: dict[str, str] | None = None,
        timeout_seconds: int | None = None,
        reseed: bool | None = None,
    ) -> list[AsyncSandbox]:
        """Copies the running sandbox ``n`` times at one instant: memory, disk, processes. It runs
        on. All children or none.

        :param timeout_seconds: lifetime of the children; else what is left of this one's
        :param reseed: also reseed the random generators of Python and NumPy
        """
        body = requests.given(
            n=n, metadata=metadata, timeout_seconds=timeout_seconds, reseed=reseed
        )
        answer = await self._transport.call(requests.post(f"{self._path}/fork", body))
        return [self._other(child) for child in answer["children"]]

    async def merge_into(self, winner: AsyncSandbox, *, close_siblings: bool = False) -> None:
        """Takes the winner's state: this id goes on as the winner's machine, and the winner's id is
        gone. The winner must be a fork of this sandbox, or of its forks.

        :param close_siblings: also end this sandbox's other children
        """
        params = {"siblings": "close" if close_siblings else None}
        path = f"{self._path}/merge_into/{requests.segment(winner.id)}"
        await self._transport.call(requests.post(path + requests.query(params), {}))
        winner._keep = True

    async def fanout(
        self,
        code: str | list[str],
        n: int | None = None,
        *,
        pick: Literal["first_success", "min", "max"] | None = None,
        language: str = "python",
        timeout_seconds: int | None = None,
        cwd: str | None = None,
        env: dict[str, str] | None = None,
        reseed: bool | None = None,
        on_event: Callable[[int, Event], object] | None = None,
    ) -> AsyncFanOut:
        """Forks this sandbox and runs code in every child, side by side.

        With ``pick`` the winner is merged into this sandbox and the others are closed; a call must
        end with exit code 0 to win. Without it all children live on. ``first_success`` waits for no
        other call; ``min`` and ``max`` compare the number on the last line of stdout.

        :param code: for every one of ``n`` children, or a list with one for each child
        :param on_event: hears of every event, with the number of its child
        """
        from podflare._async.fanout import run

        codes = {"code": code, "n": n or 1} if isinstance(code, str) else {"codes": code}
        body = requests.given(
            **codes,
            pick=pick,
            language=language,
            framing="chunks",
            timeout_seconds=timeout_seconds,
            cwd=cwd,
            env=env,
            reseed=reseed,
        )
        children, results, winner = await run(self._transport, self._path, body, on_event)
        return AsyncFanOut([self._other(child) for child in children], results, winner)

    async def diff(
        self, other: AsyncSandbox, paths: list[str] | None = None, *, content: bool = False
    ) -> Diff:
        """What the other sandbox's files have that this one's have not.

        :param paths: absolute; else ``/root`` and ``/tmp``
        :param content: with patches of text files
        """
        params = {"path": paths or [], "content": content}
        path = f"{self._path}/diff/{requests.segment(other.id)}"
        return Diff.from_json(await self._transport.call(requests.get(path, params)))

    async def tree(self) -> list[FamilyMember]:
        """Ancestors, oldest first, then this sandbox, then all that were forked from it."""
        answer = await self._transport.call(requests.get(f"{self._path}/tree"))
        return read_all(FamilyMember, answer, "sandboxes")

    # The sandbox itself

    async def info(self) -> SandboxInfo:
        """The whole record."""
        return read(SandboxInfo, await self._transport.call(requests.get(self._path)))

    async def update(
        self,
        *,
        timeout_seconds: int | None = None,
        idle_timeout_seconds: int | None = None,
        persistent: bool | None = None,
        auto_resume: bool | None = None,
        metadata: dict[str, str] | None = None,
    ) -> SandboxInfo:
        """Changes deadlines or metadata; what is left out stays.

        :param timeout_seconds: new lifetime, counted from now
        :param metadata: replaces all metadata
        """
        body = requests.given(
            timeout_seconds=timeout_seconds,
            idle_timeout_seconds=idle_timeout_seconds,
            persistent=persistent,
            auto_resume=auto_resume,
            metadata=metadata,
        )
        return read(SandboxInfo, await self._transport.call(requests.patch(self._path, body)))

    async def network(self) -> NetworkInfo:
        """The policy in force, what was moved, and what was refused."""
        answer = await self._transport.call(requests.get(f"{self._path}/network"))
        return read(NetworkInfo, answer)

    async def set_network(self, policy: NetworkPolicy) -> NetworkInfo:
        """Replaces the policy; in force when this returns, also for open connections."""
        request = requests.put(f"{self._path}/network", dict(policy))
        return read(NetworkInfo, await self._transport.call(request))

    def port_url(self, port: int) -> str:
        """Where a port of the guest is reached over HTTP and WebSocket, with the API key in
        ``Authorization``. Ends with a slash."""
        return f"{self.client.host}{self._path}/ports/{port}/"

    async def port_link(self, port: int, *, expires_in_seconds: int = 3600) -> PortLink:
        """A link to a port for those without a key, for 7 days at most."""
        body = {"expires_in_seconds": expires_in_seconds}
        request = requests.post(f"{self._path}/ports/{port}/link", body, repeatable=True)
        return read(PortLink, await self._transport.call(request))

    async def pause(self) -> SandboxInfo:
        """Lets the sandbox stand still in the host's memory, its lifetime too."""
        return await self._turn("pause")

    async def wake(self) -> SandboxInfo:
        """Lets a paused or frozen sandbox go on under its id; closing it deletes it again.
        ``resume()`` on a sandbox is the same."""
        info = await self._turn("resume")
        self._keep = False
        return info

    async def freeze(self) -> SpaceInfo:
        """Freezes the sandbox into a Space and ends its machine; the id stays, and closing this
        handle leaves it."""
        request = requests.post(f"{self._path}/freeze", {}, repeatable=True)
        space = read(SpaceInfo, await self._transport.call(request))
        self._keep = True
        return space

    async def snapshot(
        self, name: str | None = None, *, expires_in_seconds: int | None = None
    ) -> SnapshotInfo:
        """Takes a snapshot; the sandbox goes on. ``SnapshotExists`` if the name is taken."""
        body = requests.given(name=name, expires_in_seconds=expires_in_seconds)
        request = requests.create(f"{self._path}/snapshots", body)
        return read(SnapshotInfo, await self._transport.call(request))

    async def rollback(self, snapshot: str | SnapshotInfo) -> SandboxInfo:
        """Takes the sandbox back to a snapshot, by id or name: memory, disk and processes are those
        of then. It keeps id, deadlines, metadata and network policy; its running calls end."""
        name = snapshot if isinstance(snapshot, str) else snapshot.id
        request = requests.post(f"{self._path}/rollback", {"snapshot": name})
        return read(SandboxInfo, await self._transport.call(request))

    async def undo(self, n: int = 1) -> SandboxInfo:
        """Takes a sandbox that was made with ``undo`` back to before its last ``n`` calls.
        ``NothingToUndo``, with ``details["available"]``, if it cannot go back so far."""
        request = requests.create(f"{self._path}/undo", {"n": n})
        return read(SandboxInfo, await self._transport.call(request))

    async def delete(self) -> None:
        """Ends the sandbox, with its Space if it is frozen; repeating it is no error."""
        await self._transport.call(requests.delete(self._path))

    async def _turn(self, verb: str) -> SandboxInfo:
        request = requests.post(f"{self._path}/{verb}", {}, repeatable=True)
        return read(SandboxInfo, await self._transport.call(request))

    def _other(self, sandbox_id: str) -> AsyncSandbox:
        return type(self).of(self.client, sandbox_id)


def _exec(
    code: str,
    language: str,
    framing: str,
    timeout_seconds: int | None,
    cwd: str | None,
    env: dict[str, str] | None,
    stdin: str | None,
    context: str | None,
) -> dict[str, Any]:
    return requests.given(
        code=code,
        language=language if context is None else None,
        framing=framing,
        timeout_seconds=timeout_seconds,
        cwd=cwd,
        env=env,
        stdin=stdin,
        context=context,
    )


def _local(path: str | os.PathLike[str]) -> Any:
    from pathlib import Path

    return Path(path)
