"""The agent: speaks with the host over one port and runs what the host asks for.

As process 1 it also brings the machine up and reaps every orphan. For tests it runs as an ordinary process over a
Unix socket, with the same code but without the duties of process 1.
"""

import json
import os
import select
import signal
import sys
import time
from types import FrameType

from . import VERSION
from .bash_calls import BashCall, BashCalls
from .channel import CROWDED, BadFrame, Channel, Disconnected
from .contexts import Contexts
from .file_relay import FileRelay
from .loop import Loop
from .mounts import Mounts
from .output import Call, Sink
from .ports import PortWaits
from .process_calls import ProcessCall
from .process_list import ProcessList
from .python_calls import PythonCalls
from .questions import Question
from .spawn import Spawner, guest_environment
from .system import Identity, Renewal, log, oom_kills, refusals
from .terminals import TerminalCall, Terminals
from .uploads import Upload

DEFAULT_WINDOW = 256 << 10
RECONNECT_SECONDS = 0.1
# While files are on their way nothing more is read when this much is unsent, so that a call's output soon has its turn.
CROWDED_BY_FILES = 32 << 10


class Agent(Sink):
    """One thread. `first`: whether this is process 1 of a machine of its own."""

    def __init__(
        self,
        port: int,
        first: bool,
        identity: Identity,
        spawner: Spawner,
        run_folder: str,
    ) -> None:
        super().__init__(Loop(), Channel(port))
        oom = oom_kills(first)
        self.python = PythonCalls(self, spawner, oom, refusals(first), run_folder)
        self.bash = BashCalls(self, spawner, oom, run_folder)
        self.contexts = Contexts(self, spawner, first, identity, run_folder)
        self.terminals = Terminals(self, spawner, oom)
        self.files = FileRelay(self, spawner)
        self.mounts = Mounts(self.loop, lambda answer: self.channel.send(b"U", 0, answer))
        self.ports = PortWaits(self)
        self._first = first
        self._connected = True
        self._identity = identity
        self._run_folder = run_folder
        self._epoch = 0
        self._greeted = False
        self._uploads: dict[int, Upload] = {}
        self._writable_wanted = False
        self._handlers = {
            b"x": self._exec,
            b"c": self._code,
            b"i": self._stdin,
            b"e": self._stdin_end,
            b"s": self._signal,
            b"w": self._window,
            b"p": self._ping,
            b"t": self._clock,
            b"n": self._name,
            b"l": self._trust,
            b"m": self._variables,
            b"r": self._rehearse,
            b"h": self._renew,
            b"b": self._barrier,
            b"u": self._release,
            b"q": self._context,
            b"v": self._mount,
            b"y": self._terminal,
            b"z": self._resize,
            b"d": self._question,
            b"f": self.files.open,
            b"g": self._file_input,
            b"j": self._file_input_end,
            b"k": self._file_cancel,
        }

    def run(self, warm: bool) -> None:
        """Serves for ever; ends only when an ordinary process loses its host."""
        self._watch_children()
        self.take_port()
        self.python.on_ready = self._greet
        self.python.start(warm)
        self.files.start()
        while True:
            try:
                self.loop.turn()
                if not self.channel.flush() or self._writable_wanted:
                    self._after_flush()
                if not self.calls and self._may_lease():
                    self.python.lease_if_idle()
            except BadFrame as error:
                log(f"the host sent a {error}")
                self.channel.reset()
                self.loop.held = True
            except Disconnected:
                self._disconnected()
            except Exception as error:  # the agent must outlive whatever a guest can do to it
                log(f"{type(error).__name__}: {error}")
                time.sleep(0.01)

    def _after_flush(self) -> None:
        backlog = self.channel.backlog
        self.loop.crowded = backlog > (CROWDED_BY_FILES if self.files.live else CROWDED)
        if (backlog > 0) != self._writable_wanted:
            self._writable_wanted = backlog > 0
            self.loop.want_write_port(self.channel.fd, self._writable_wanted)

    def _on_port(self, events: int) -> None:
        if events & select.EPOLLIN:
            self._handle(self.channel.receive())
        elif events & (select.EPOLLHUP | select.EPOLLERR):
            raise Disconnected

    def _may_lease(self) -> bool:
        return self._connected and self._greeted and not (
            self._uploads or self.files.live or self.loop.held or self._writable_wanted or not self.channel.idle
        )

    def _handle(self, frames: list[tuple[bytes, int, bytes]]) -> None:
        for kind, number, payload in frames:
            handler = self._handlers.get(kind)
            if handler is None:
                raise BadFrame(f"frame of unknown type {kind!r}")
            handler(number, payload)

    def ended(self, call: Call) -> None:
        super().ended(call)
        self.contexts.forget(call.number)

    def take_port(self) -> None:
        self.loop.watch_port(self.channel.fd, self._on_port)

    def leave_port(self) -> None:
        self.loop.unwatch_port(self.channel.fd)

    def feed(self, data: bytes) -> None:
        self._handle(self.channel.accept(data))

    def _disconnected(self) -> None:
        """The port reports a hang-up without end, so it is looked at now and then until the host is back."""
        if not self._first:
            sys.exit(0)
        self.leave_port()
        self._connected = False
        self._writable_wanted = False
        self.channel.reset()
        self.loop.crowded = False
        # Whoever connects next has not seen what was in flight; it starts anew with a renewal.
        self.loop.held = self._greeted
        self._try_again()

    def _try_again(self) -> None:
        poller = select.poll()
        poller.register(self.channel.fd, select.POLLIN)
        if any(events & select.POLLHUP for _, events in poller.poll(0)):
            self.loop.after(RECONNECT_SECONDS, self._try_again)
        else:
            self.take_port()
            self._connected = True
            if not self._greeted and self.python.version:
                self._greet()

    # Control

    def _greet(self) -> None:
        if not self._greeted:
            self._greeted = True
            self._hello([])

    def _hello(self, failed: list[str]) -> None:
        """JSON put together by hand, as `Renewal` says why."""
        self.channel.send(
            b"H",
            0,
            b'{"epoch":%d,"time_ns":%d,"agent":"%s","python":"%s","running":[%s],"failed":[%s]}'
            % (
                self._epoch,
                time.time_ns(),
                VERSION.encode(),
                self.python.version.encode(),
                b",".join(b"%d" % number for number in self.calls),
                b",".join(b'"%s"' % name.encode() for name in failed),
            ),
        )

    def _renew(self, _number: int, payload: bytes) -> None:
        renewal = Renewal.parse(payload)
        failed = self._identity.renew(renewal)
        if renewal.epoch != self._epoch:
            self._take_on_calls(renewal.windows)
        self._epoch = renewal.epoch
        self._greeted = True
        self.loop.held = False
        self._hello(failed)

    def _take_on_calls(self, windows: dict[int, int]) -> None:
        """Calls that a checkpoint carried over go on; those whose window is not named are not heard any more."""
        for upload in self._uploads.values():
            upload.error = "cut off"
            upload.close()
        self._uploads.clear()
        if self.files.live:
            self.files.cut_all()
        for call in list(self.calls.values()):
            window = windows.get(call.number)
            if window is None:
                call.abandon()
            else:
                call.take_on(window)

    def _clock(self, _number: int, payload: bytes) -> None:
        self._identity.set_clock(int(payload))
        self.channel.send(b"T", 0, b"%d" % time.time_ns())

    def _name(self, _number: int, payload: bytes) -> None:
        self._identity.set_name(payload)

    def _trust(self, _number: int, payload: bytes) -> None:
        self.contexts.spares.distrust()
        self.channel.send(b"L", 0, self._identity.trust(payload).encode(errors="replace"))

    def _variables(self, _number: int, payload: bytes) -> None:
        self.python.set_variables(json.loads(payload))

    def _rehearse(self, _number: int, _payload: bytes) -> None:
        self.python.rehearse()

    def _ping(self, _number: int, payload: bytes) -> None:
        self.channel.send(b"P", 0, payload)

    def _barrier(self, _number: int, _payload: bytes) -> None:
        self.loop.held = True
        self.channel.send(b"B", 0)

    def _release(self, _number: int, _payload: bytes) -> None:
        self.loop.held = False

    # Executions

    def _exec(self, number: int, payload: bytes) -> None:
        request = json.loads(payload)
        size = request.get("code_size")
        if size is None:
            self._start(number, request, None)
        else:
            upload = Upload(self._run_folder, number, int(size), request)
            self._uploads[number] = upload
            self._code(number, b"")

    def _start(self, number: int, request: dict[str, object], path: str | None) -> None:
        window = int(str(request.get("window", DEFAULT_WINDOW)))
        if request.get("language") == "bash" and not request.get("context"):
            bash_call = BashCall(number, window, self)
            self.calls[number] = bash_call
            self.bash.submit(bash_call, request, path)
            return
        call = Call(number, window, self)
        self.calls[number] = call
        if request.get("context"):
            self._start_in_context(call, request, path)
            return
        try:
            self.python.submit(call, request, path)
        except OSError as error:
            self._refuse(call, f"cannot take the code: {error}")

    def _start_in_context(self, call: Call, request: dict[str, object], path: str | None) -> None:
        try:
            if not self.contexts.submit(call, request, path):
                self._refuse(call, "there is no such context any more")
        except OSError as error:
            self._refuse(call, f"cannot take the code: {error}")

    def _context(self, _number: int, payload: bytes) -> None:
        try:
            answer = self.contexts.answer(payload)
        except OSError as error:
            answer = json.dumps({"error": "failed", "message": str(error)}).encode()
        self.channel.send(b"Q", 0, answer)

    def _mount(self, _number: int, payload: bytes) -> None:
        self.mounts.begin(payload)

    def _refuse(self, call: Call, message: str) -> None:
        call.send(b"E", f"podflare: {message}\n".encode())
        call.finish(1, "exited", message, lambda: None)

    def _code(self, number: int, payload: bytes) -> None:
        upload = self._uploads.get(number)
        if upload is None or not upload.add(payload):
            return
        del self._uploads[number]
        if upload.error is None:
            self._start(number, upload.request, upload.path)
        else:
            self._refuse(Call(number, DEFAULT_WINDOW, self), f"cannot take the code: {upload.error}")

    def _stdin(self, number: int, payload: bytes) -> None:
        call = self.calls.get(number)
        if isinstance(call, TerminalCall):
            self.terminals.type(call, payload)
        elif isinstance(call, ProcessCall) and call.input is not None:
            call.input.add(payload)

    def _stdin_end(self, number: int, _payload: bytes) -> None:
        call = self.calls.get(number)
        if isinstance(call, ProcessCall) and call.input is not None:
            call.input.end()

    def _signal(self, number: int, payload: bytes) -> None:
        name = payload.decode("ascii", "replace")
        call = self.calls.get(number)
        upload = self._uploads.pop(number, None)
        if upload is not None:
            upload.error = "cancelled"
            upload.close()
            Call(number, DEFAULT_WINDOW, self).finish(
                130, "killed", "it had not started", lambda: None
            )
        elif isinstance(call, TerminalCall):
            self.terminals.kill(call)
        elif isinstance(call, BashCall):
            self.bash.signal(call, name)
        elif isinstance(call, Question):
            call.cancel()
        elif call is not None and not self.contexts.signal(call, name):
            self.python.signal(call, name)

    def _terminal(self, number: int, payload: bytes) -> None:
        request = json.loads(payload)
        call = TerminalCall(number, int(request.get("window", DEFAULT_WINDOW)), self)
        self.calls[number] = call
        self.terminals.open(call, request)

    def _question(self, number: int, payload: bytes) -> None:
        request = json.loads(payload)
        window = int(request.get("window", DEFAULT_WINDOW))
        if request["do"] == "port":
            self.calls[number] = self.ports.begin(number, window, request)
            self.ports.look()
        else:
            ours = {os.getpid(), self.files.pid}
            listing = ProcessList(number, window, self, ours)
            self.calls[number] = listing
            listing.step()

    def _resize(self, number: int, payload: bytes) -> None:
        call = self.calls.get(number)
        if isinstance(call, TerminalCall):
            call.resize(payload)

    def _window(self, number: int, payload: bytes) -> None:
        call = self.calls.get(number)
        if call is not None:
            call.grant(int.from_bytes(payload, "big"))
        else:
            self.files.hand_on(b"w", number, payload)

    # Files

    def _file_input(self, number: int, payload: bytes) -> None:
        self.files.hand_on(b"g", number, payload)

    def _file_input_end(self, number: int, payload: bytes) -> None:
        self.files.hand_on(b"j", number, payload)

    def _file_cancel(self, number: int, payload: bytes) -> None:
        if number:
            self.files.hand_on(b"k", number, payload)

    # Children

    def _watch_children(self) -> None:
        """The kernel's word about children reaches the loop as a byte in a pipe."""

        def ignore(_number: int, _frame: FrameType | None) -> None:
            pass

        read, write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, ignore)
        if self._first:
            # Without a handler the interpreter's own SIGINT handler would throw into the loop.
            signal.signal(signal.SIGINT, ignore)
        self.loop.watch(read, lambda _events: self._reap(read))

    def _reap(self, wakeup: int) -> None:
        os.read(wakeup, 4096)
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if os.WIFSTOPPED(status):
                # The interpreter may not stop itself: there is no shell that would continue it.
                if pid == self.python.pid or self.contexts.stopped(pid):
                    os.kill(pid, signal.SIGCONT)
            elif pid == self.python.pid:
                self.python.died(status)
            elif not (
                self.contexts.died(pid, status)
                or self.terminals.died(pid, status)
                or self.files.died(pid)
            ):
                self.bash.died(pid, status)


def main() -> None:
    """Process 1 of a guest."""
    from . import system

    system.boot()
    path = system.find_port()
    while path is None:
        time.sleep(0.05)
        path = system.find_port()
    port = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    run_folder = "/run/podflare"
    os.makedirs(run_folder, mode=0o700, exist_ok=True)
    spawner = Spawner(guest_environment(), "/root", system.make_user_cgroup())
    Agent(port, True, Identity(), spawner, run_folder).run(warm=True)


def main_for_tests(socket_path: str, run_folder: str) -> None:
    """An ordinary process that serves one connection and then ends. Leaves the machine as it is."""
    import socket

    from .system import NoIdentity

    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.connect(socket_path)
    connection.setblocking(False)
    environment = dict(os.environ)
    spawner = Spawner(environment, run_folder)
    warm = environment.pop("PODFLARE_WARM", "") == "1"
    Agent(connection.detach(), False, NoIdentity(), spawner, run_folder).run(warm)


if __name__ == "__main__":
    main()
