"""Programs of a sandbox that run beside all else until they end."""

from __future__ import annotations

import builtins
from base64 import b64encode
from collections.abc import AsyncGenerator

from podflare import errors
from podflare._async import runtime
from podflare._async.transport import AsyncBody, AsyncTransport
from podflare._async.waits import waited
from podflare._folds import Log, Objects, parse_event
from podflare._patience import JoinPatience
from podflare._records import read, read_all
from podflare._requests import delete, get, given, post, segment
from podflare.types import Event, GuestProcesses, LogLine, OpenPort, ProcessInfo


class AsyncProcess:
    """A handle on one process, which runs on without it."""

    def __init__(self, transport: AsyncTransport, sandbox_path: str, process_id: str) -> None:
        self._transport = transport
        self._sandbox_path = sandbox_path
        self._path = f"{sandbox_path}/processes/{segment(process_id)}"
        self._id = process_id

    @property
    def id(self) -> str:
        """Or the name by which it was asked for."""
        return self._id

    async def info(self) -> ProcessInfo:
        return read(ProcessInfo, await self._transport.call(get(self._path)))

    async def signal(self, signal: str | int = "TERM", *, group: bool = True) -> None:
        """Sends exactly this signal: ``"INT"``, ``"SIGINT"`` or 2.

        :param group: to all of its process group, not to its first process alone
        """
        body = {"signal": signal, "group": group}
        await self._transport.call(post(f"{self._path}/signal", body))

    async def end(self) -> None:
        """Asks it to end by SIGTERM; after 5 s the server kills it and all of its session. Returns
        at once; one that has ended is no error."""
        await self._transport.call(delete(self._path))

    async def wait(self, timeout_seconds: float | None = None) -> ProcessInfo:
        """Waits until it has ended, also over an undo, a rollback or a merge. When the time is over
        its ``state`` still is ``running``, which is no error; without one it waits for ever."""
        answer = await waited(
            self._transport,
            f"{self._path}/wait",
            {},
            timeout_seconds,
            lambda told: read(ProcessInfo, told).state == "ended",
        )
        return read(ProcessInfo, answer)

    async def write_stdin(self, data: str | bytes = "", *, eof: bool = False) -> None:
        """Writes to its standard input, if it was started with ``stdin_open``; 1 MiB at most."""
        raw = data.encode() if isinstance(data, str) else data
        body = given(data_b64=b64encode(raw).decode() if raw else None, close=eof or None)
        await self._transport.call(post(f"{self._path}/stdin", body))

    async def logs(self, from_seq: int = 0, *, follow: bool = False) -> AsyncGenerator[Event, None]:
        """What it has said, as far as that is kept: ``started``, ``stdout``, ``stderr``, at last
        ``exit`` if it has ended. ``skipped`` says how many events from there on are not kept.

        A connection that breaks is made again and goes on after the last event.

        :param from_seq: number of the first event
        :param follow: also what comes, until it ends
        """
        patience = JoinPatience(self._transport.config.timeout, runtime.now)
        log, body = Log(from_seq), None
        try:
            while True:
                try:
                    body = await self._log(log.next, follow)
                    objects = Objects()
                    while chunk := await body.chunk():
                        patience.heard(False)
                        for data in objects.feed(chunk):
                            event = parse_event(data)
                            if log.take(event):
                                patience.heard(True)
                                yield event
                            if log.ended:
                                return
                    if not follow:
                        return
                    raise errors.ConnectionBroken("the log ended before the process")
                except (errors.Unreachable, errors.NoAnswerInTime, errors.ApiError) as cut:
                    pause = patience.pause(cut)
                    if pause is None:
                        raise
                if body is not None:
                    await body.aclose()
                    body = None
                await runtime.sleep(pause)
        finally:
            if body is not None:
                await body.aclose()

    async def _log(self, from_seq: int, follow: bool) -> AsyncBody:
        request = get(f"{self._path}/logs", {"from_seq": from_seq, "follow": follow})
        request.repeatable = False  # by our own patience
        return await self._transport.open(request)

    async def output(self) -> str:
        """Of both streams, as it came, as far as that is kept."""
        said = [event async for event in self.logs()]
        return "".join(str(one.data) for one in said if one.type in ("stdout", "stderr"))

    async def wait_for_port(self, port: int, timeout_seconds: float = 30.0) -> OpenPort:
        """Waits until something listens on a TCP port of the guest. ``ProcessEnded``, with
        ``details["exit_code"]``, if this process ends before; ``TimedOut``."""
        return await open_port(
            self._transport,
            self._sandbox_path,
            {"port": port, "process": self._id},
            timeout_seconds,
        )

    async def wait_for_log(
        self,
        pattern: str | None = None,
        *,
        text: str | None = None,
        from_seq: int = 0,
        timeout_seconds: float = 30.0,
    ) -> LogLine:
        """Waits for a line that it says, or has said. ``ProcessEnded`` if it ends without;
        ``TimedOut``.

        :param pattern: a regular expression as RE2 understands it, found anywhere in a line
        :param text: or plain text
        :param from_seq: number of the event to begin at
        """
        body = given(process=self._id, pattern=pattern, text=text, from_seq=from_seq)
        path = f"{self._sandbox_path}/wait_for_log"
        return read(LogLine, await waited(self._transport, path, body, timeout_seconds))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._id}>"


class AsyncProcesses:
    """The processes of one sandbox. They live through pause, freeze and a restart of the server; a
    fork's children have copies of them, under the same ids."""

    def __init__(self, transport: AsyncTransport, path: str) -> None:
        self._transport = transport
        self._path = path

    async def start(
        self,
        cmd: str | builtins.list[str],
        *,
        name: str | None = None,
        cwd: str | None = None,
        env: dict[str, str] | None = None,
        stdin: str | None = None,
        stdin_open: bool = False,
        timeout_seconds: int | None = None,
        keeps_awake: bool = True,
    ) -> AsyncProcess:
        """Starts a program and returns once it runs; ``InvalidField`` if it cannot.

        :param cmd: a command line for ``bash -lc``, or a program and its arguments
        :param name: serves as the id does; of several that have it the newest is meant
        :param env: besides the sandbox's
        :param stdin: standard input, else it is empty
        :param stdin_open: keep standard input open for ``write_stdin``
        :param timeout_seconds: after it the process is ended; else it may run for ever
        :param keeps_awake: whether the sandbox is not idle while it runs
        """
        body = given(
            name=name,
            cwd=cwd,
            env=env,
            stdin=stdin,
            stdin_open=stdin_open or None,
            timeout_seconds=timeout_seconds,
            keeps_awake=None if keeps_awake else False,
        )
        body["cmd" if isinstance(cmd, str) else "argv"] = cmd
        answer = await self._transport.call(post(f"{self._path}/processes", body))
        return self.get(read(ProcessInfo, answer).process_id)

    def get(self, process_id: str) -> AsyncProcess:
        """A handle on a process, by id or name; asks nothing of the server."""
        return AsyncProcess(self._transport, self._path, process_id)

    async def list(self) -> builtins.list[ProcessInfo]:
        """Those that run, and the last that have ended; newest first."""
        answer = await self._transport.call(get(f"{self._path}/processes"))
        return read_all(ProcessInfo, answer, "processes")

    async def in_guest(self) -> GuestProcesses:
        """All that run in the guest, whoever started them, by its own word. Wakes the sandbox."""
        request = get(f"{self._path}/processes", {"all": True})
        return read(GuestProcesses, await self._transport.call(request))


async def open_port(
    transport: AsyncTransport, path: str, body: dict[str, object], seconds: float
) -> OpenPort:
    """Waits for a port of a sandbox."""
    return read(OpenPort, await waited(transport, f"{path}/wait_for_port", body, seconds))
