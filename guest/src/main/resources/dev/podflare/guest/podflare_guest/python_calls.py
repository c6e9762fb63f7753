"""The agent's side of the Python interpreter: one process, one call at a time, restarted when it dies."""

import json
import os
import signal
import struct
from _socket import AF_UNIX, SOCK_SEQPACKET, socketpair
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from .leasing import Leasing
from .values import Values
from .output import Call, Outlet, Sink
from .signals import group_members, signal_group
from .spawn import Spawner, which
from .system import LimitWatch
from .uploads import INLINE_LIMIT, discard, write_code

# The interpreter's control socket lies high, out of the way of user code that closes or reuses low numbers.
CONTROL_FD = 200
BOOT = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from podflare_guest.interpreter import main; main(sys.argv)"
)
START = struct.Struct(">cBI")
DONE = struct.Struct(">cII")
PACKET = 65536
INTERRUPT_AGAIN_SECONDS = 0.002
# After an interrupt; the next one that its sender may think of is a kill.
NUDGE_SECONDS = (0.05, 0.2, 1.0, 3.0)
RESTART_SECONDS = (0.0, 0.05, 0.5, 2.0, 5.0)
WANTS_RESULT, FROM_FILE, HAS_OPTIONS, WARM = 1, 2, 4, 8


class Waiting(NamedTuple):
    call: Call
    packet: bytes
    path: str | None


class PythonCalls:
    def __init__(
        self,
        sink: Sink,
        spawner: Spawner,
        oom: LimitWatch,
        refusals: LimitWatch,
        run_folder: str,
    ) -> None:
        self.sink = sink
        self.pid = 0
        self.version = ""
        self.on_ready: Callable[[], None] = lambda: None
        self._spawner = spawner
        self._oom = oom
        self._refusals = refusals
        self._run_folder = run_folder
        self._control = -1
        self._listening = False
        self._outlets: tuple[Outlet, ...] = ()
        self._ready = False
        self._failures = 0
        self._current: Call | None = None
        self._current_path: str | None = None
        self._unheard: Call | None = None
        self._waiting: deque[Waiting] = deque()
        self._variables: dict[str, str] = {}
        self._variables_told = True
        self._values = Values(self._listen, self._value_passed)
        self._values_passed = 0
        self._leasing = Leasing(sink, self._adopt)

    def start(self, warm: bool) -> None:
        ours, theirs = socketpair(AF_UNIX, SOCK_SEQPACKET)
        out_read, out_write = os.pipe2(os.O_CLOEXEC)
        err_read, err_write = os.pipe2(os.O_CLOEXEC)
        null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        environment = self._spawner.environment
        package_root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        flags = str(WARM if warm else 0)
        argv = [which("python3", environment), "-c", BOOT, package_root, str(CONTROL_FD), flags]
        fds = {0: null, 1: out_write, 2: err_write, CONTROL_FD: theirs.fileno()}
        fds |= self._leasing.descriptors((out_read, err_read))
        try:
            self.pid = self._spawner.spawn(argv, environment, self._spawner.home, fds)
        except OSError as error:
            ours.close()
            os.close(out_read)
            os.close(err_read)
            self._start_failed(str(error))
            return
        finally:
            theirs.close()
            for fd in (null, out_write, err_write):
                os.close(fd)
        self._values_passed = 0
        self._variables_told = not self._variables
        self._control = ours.detach()
        os.set_blocking(self._control, False)
        self._listen(True)
        self._outlets = (
            Outlet(self.sink, out_read, b"O", lambda outlet: None),
            Outlet(self.sink, err_read, b"E", lambda outlet: None),
        )

    def submit(self, call: Call, request: dict[str, object], path: str | None) -> None:
        """Starts the call, or keeps it until the interpreter is free. OSError: no room for the code."""
        flags = WANTS_RESULT if request.get("result") else 0
        options = {k: request[k] for k in ("cwd", "env") if request.get(k)}
        if path is None:
            code = str(request["code"]).encode("utf-8", "surrogatepass")
            if options or len(code) > INLINE_LIMIT:
                path = write_code(self._run_folder, f"call-{call.number}", code)
        if path is None:
            packet = START.pack(b"x", flags, call.number) + code
        else:
            body = json.dumps({"path": path}).encode()
            flags |= FROM_FILE
            if options:
                # Options may be large as well, so they take the same way as large code.
                options_path = write_code(
                    self._run_folder, f"options-{call.number}", json.dumps(options).encode()
                )
                body = json.dumps({"path": path, "options": options_path}).encode()
                flags |= HAS_OPTIONS
            packet = START.pack(b"x", flags, call.number) + body
        self._waiting.append(Waiting(call, packet, path))
        self._next()

    def set_variables(self, variables: dict[str, str]) -> None:
        """What its environment has from the next call on, whatever becomes of the process."""
        if variables != self._variables:
            self._variables = variables
            self._variables_told = False
            self._next()

    def rehearse(self) -> None:
        """Lets an idle interpreter run what a call runs. One that is busy has done so."""
        if self._ready and self._current is None and not self._waiting:
            try:
                os.write(self._control, b"W")
            except OSError:
                pass  # no interpreter: the kernel tells of its end

    def _tell_variables(self) -> None:
        """With a packet, or a file if they are many."""
        body = json.dumps(self._variables).encode()
        try:
            if len(body) > INLINE_LIMIT:
                path = write_code(self._run_folder, "variables", body)
                os.write(self._control, b"F" + path.encode())
            else:
                os.write(self._control, b"E" + body)
            self._variables_told = True
        except OSError:
            pass  # no room: before the next call; no interpreter: the kernel tells of its end

    def lease_if_idle(self) -> None:
        """Called when the agent has nothing to do."""
        if self._ready and self._current is None and not self._waiting:
            self._leasing.grant(self._control, self._outlets)

    def _adopt(self, number: int, window: int) -> Call:
        """A call that the interpreter took from the port itself."""
        call = Call(number, window, self.sink)
        self.sink.calls[number] = call
        self._run(call, None)
        return call

    def _run(self, call: Call, path: str | None) -> None:
        self._current = call
        self._current_path = path
        call.outlets = self._outlets
        for outlet in self._outlets:
            outlet.call = call
        self._values.begin(call)

    def _next(self) -> None:
        if not self._ready or self._current is not None:
            return
        if not self._variables_told:
            self._tell_variables()
        if not self._waiting:
            return
        call, packet, path = self._waiting.popleft()
        self._run(call, path)
        try:
            os.write(self._control, packet)
        except OSError:
            # The interpreter is dead or broken; its end is reported by the kernel right away.
            os.kill(self.pid, signal.SIGKILL)
        self.sink.loop.gather()

    def signal(self, call: Call, name: str) -> None:
        """Only the running call is signalled; a waiting one is taken out of the line."""
        if call is not self._current:
            self._cancel_waiting(call)
            return
        if not self.pid:
            return
        signal_group(self.pid, call, name)
        if name == "INT":
            self._unheard = call
            for seconds in NUDGE_SECONDS:
                self.sink.loop.after(seconds, lambda: self._nudge(call))

    def _nudge(self, call: Call) -> None:
        """Lets Python look whether it was interrupted: that may have come on the way into a system call."""
        if call is self._unheard and call is self._current and not call.ending and self.pid:
            os.kill(self.pid, signal.SIGURG)

    def _cancel_waiting(self, call: Call) -> None:
        for item in self._waiting:
            if item.call is call:
                self._waiting.remove(item)
                if item.path:
                    discard(item.path)
                call.finish(130, "killed", "it had not started", lambda: None)
                return

    def _on_control(self, _events: int) -> None:
        packet = self._receive()
        if packet:
            self._handle(packet)
        elif packet is not None:
            self._lost_control()

    def _receive(self) -> bytes | None:
        """None: nothing there; empty: the other end is closed."""
        try:
            return os.read(self._control, PACKET)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def _handle(self, packet: bytes) -> None:
        kind = packet[:1]
        call = self._current
        if kind == b"D" and len(packet) == DONE.size:
            _, number, code = DONE.unpack(packet)
            if call is not None and call.number == number:
                self._end(call, code, "exited", None, self._settled)
        elif kind in (b"V", b"v") and call is not None:
            self._values.take(packet)
        elif kind == b"Q":
            self._on_start(packet)
        elif kind == b"I":
            if call is not None and call.signalled:
                self.sink.loop.after(INTERRUPT_AGAIN_SECONDS, lambda: self._interrupt_again(call))
        elif kind == b"K":
            self._unheard = None
        else:
            self._leasing.handle(packet)

    def _interrupt_again(self, call: Call) -> None:
        """The interrupt came before the call's code began."""
        if call is self._current and not call.ending and self.pid:
            os.kill(self.pid, signal.SIGINT)

    def _value_passed(self) -> None:
        """The interpreter may write on: it will come behind the value."""
        self._values_passed += 1
        try:
            os.write(self._control, b"A" + self._values_passed.to_bytes(4, "big"))
        except OSError:
            pass  # its end is told by the kernel

    def _listen(self, wanted: bool) -> None:
        """Whether packets of the interpreter are read."""
        if self._control < 0 or wanted == self._listening:
            return
        self._listening = wanted
        if wanted:
            self.sink.loop.watch(self._control, self._on_control)
        else:
            self.sink.loop.unwatch(self._control)

    def _on_start(self, packet: bytes) -> None:
        if not self._ready:
            self._ready = True
            self._failures = 0
            self.version = packet[1:].decode("ascii", "replace")
            self.on_ready()
            self._next()

    def _close_control(self) -> None:
        self._values.drop()
        if self._control >= 0:
            self._listen(False)
            os.close(self._control)
            self._control = -1

    def _lost_control(self) -> None:
        """User code closed the socket: the interpreter cannot be spoken to any more."""
        self._close_control()
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)

    def _end(
        self, call: Call, code: int, reason: str, message: str | None, settled: Callable[[], None]
    ) -> None:
        self.sink.loop.stop_gathering()
        if call.signalled and reason == "exited" and self._refusals.rose():
            self._end_group()
        if self._current_path is not None:
            discard(self._current_path)
        call.finish(code, reason, message, settled)

    def _settled(self) -> None:
        for outlet in self._outlets:
            outlet.call = None
            outlet.resume()
        self._current = None
        self._next()

    def died(self, status: int) -> None:
        """The interpreter's end, as waitpid tells it."""
        self._hear_last_words()
        if self._leasing.leased:
            self._leasing.take_over()
        self._close_control()
        if self._refusals.rose():
            self._end_group()
        self.pid = 0
        was_ready, self._ready = self._ready, False
        code, message = describe(status)
        call = self._current
        reason = "crashed"
        if call is not None and call.killed:
            reason = "killed"
        elif code == 137 and self._oom.rose():
            reason = "out_of_memory"
            message = "the Python interpreter was killed: out of memory"
        notice = {"event": "interpreter_restarted", "cause": message}
        self.sink.channel.send(b"N", 0, json.dumps(notice).encode())
        if not was_ready:
            self._start_failed(message)
        elif call is None:
            self._replace()
        elif call.ending:
            call.on_settled = self._settled_dead
        else:
            self._end(call, code, reason, message, self._settled_dead)

    def _end_group(self) -> None:
        """Ends what the interpreter has started, but not itself: copies of a fork bomb leave no room for anything."""
        try:
            os.killpg(self.pid, signal.SIGSTOP)  # all at once: from now on there are no new ones
        except ProcessLookupError:
            return
        for pid in group_members(self.pid):
            if pid != self.pid:
                os.kill(pid, signal.SIGKILL)
        os.killpg(self.pid, signal.SIGCONT)

    def _hear_last_words(self) -> None:
        """A call may have ended properly just before: its end is still in the socket."""
        for _ in range(64):
            packet = self._receive() if self._control >= 0 else None
            if not packet:
                return
            self._handle(packet)

    def _settled_dead(self) -> None:
        self._current = None
        self._replace()

    def _replace(self) -> None:
        for outlet in self._outlets:
            outlet.drop()
        self._outlets = ()
        self.start(warm=False)

    def _start_failed(self, message: str) -> None:
        """Waiting calls are told; the next try comes after a pause that grows."""
        for outlet in self._outlets:
            outlet.drop()
        self._outlets = ()
        pause = RESTART_SECONDS[min(self._failures, len(RESTART_SECONDS) - 1)]
        self._failures += 1
        if self._failures > 2:
            while self._waiting:
                item = self._waiting.popleft()
                if item.path:
                    discard(item.path)
                item.call.finish(
                    1, "crashed", f"the Python interpreter does not start: {message}", lambda: None
                )
        self.sink.loop.after(pause, lambda: self.start(warm=False))


def describe(status: int) -> tuple[int, str]:
    """Exit code and a sentence for a wait status."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        try:
            name = signal.Signals(number).name
        except ValueError:
            name = f"signal {number}"
        return 128 + number, f"the Python interpreter was ended by {name}"
    code = os.WEXITSTATUS(status)
    return code, f"the Python interpreter ended itself with exit code {code}"
