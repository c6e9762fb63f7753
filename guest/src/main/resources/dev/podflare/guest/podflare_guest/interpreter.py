"""The user's Python: one process that runs call after call in the namespace of __main__.

It takes packets from the agent over its control socket and answers each call with exactly one end. User code shares
the process, so whatever it does to descriptors, streams or signals is put right after each call.
"""

import gc
import json
import os
import signal
import struct
import sys
import threading
from collections.abc import Callable
from types import CodeType, FrameType, ModuleType
from typing import Any, TextIO

from .cells import CALL_NAME, COROUTINE, Cells, report, write_error
from .display import MAX_TEXT, error_message, is_plain, message, own_forms
from .lazy_shell import prepare
from .lease import LEASE_FDS, Lease, LeasedCall

START = struct.Struct(">cBI")
DONE = struct.Struct(">cII")
VALUE = struct.Struct(">cI")
PACKET = 65536
WANTS_RESULT, FROM_FILE, HAS_OPTIONS, WARM = 1, 2, 4, 8
# A last value that is not larger goes with the call's end in one write.
SMALL_VALUE = 16 << 10
REHEARSAL = "def _():\n    print(1)\n"
# Copies of descriptors 0 to 2, next to the control socket.
SAVED_FDS = (201, 202, 203)


class Interpreter:
    def __init__(self, control: int) -> None:
        self.main: ModuleType = sys.modules["__main__"]
        self.control = control
        self.pid = os.getpid()
        self.running = False
        self.cells = Cells(self._transform)
        self._shell: Any = None
        self._may_have_shell = True
        self._no_stand_ins: Callable[[], None] = lambda: None
        self._loop: Any = None
        self._streams: tuple[TextIO, ...] = ()
        self._cpus = os.sched_getaffinity(0)
        self._at_home = False
        self._value = b""
        self._told = self._passed_on = 0
        self._wants_values = False
        self._leased: LeasedCall | None = None
        self._variables: dict[str, str] = {}
        self._showing = threading.RLock()
        self._untidy = True
        os.set_inheritable(control, False)
        for fd, saved in enumerate(SAVED_FDS):
            os.dup2(fd, saved, inheritable=False)
        for fd in LEASE_FDS:
            os.set_inheritable(fd, False)
        self._lease = Lease(control)
        self._open_streams()
        signal.signal(signal.SIGINT, self._on_interrupt)
        # Python sees a signal only between its own instructions: one that comes on the way into a system call is
        # seen when this has ended. The agent nudges until an interrupt is heard: then the system call is begun again.
        signal.signal(signal.SIGURG, lambda _number, _frame: None)
        os.register_at_fork(after_in_child=self._forked)

    # Between calls

    def serve(self) -> None:
        """For ever. A signal handler of the user's may throw at any point here; the loop goes on."""
        answer = b""
        while True:
            try:
                if answer:
                    # Sending an end twice is harmless: the agent knows which call is open.
                    os.write(self.control, answer)
                    answer = b""
                if self._untidy:
                    self._put_right()
                    self._go_home()
                    self._untidy = False
                if self._lease.held:
                    item = self._lease.wait()
                else:
                    item = os.read(self.control, PACKET)
                if isinstance(item, LeasedCall):
                    answer = self._serve_leased(item)
                elif item == b"L":
                    self._lease.held = True
                elif item is not None and item[:1] == b"A":
                    self._heard(item)
                elif item is not None and item[:1] in (b"E", b"F"):
                    self._set_variables(item)
                elif item == b"W":
                    self._rehearse()
                elif item is not None:
                    answer = self._serve_packet(item)
            except OSError:
                os._exit(1)
            except BaseException as error:
                self.running = False
                if isinstance(error, RecursionError):
                    sys.setrecursionlimit(1000)

    def _serve_packet(self, packet: bytes) -> bytes:
        """The end of the call, for the agent."""
        if not packet:
            os._exit(0)
        _, flags, number = START.unpack_from(packet)
        self._untidy = True
        code = self._call(flags, number, packet[START.size :])
        return self._end(number, code)

    def _serve_leased(self, call: LeasedCall) -> bytes:
        """The same for a call from the port; empty if its end has been sent there."""
        self._lease.begin(call)
        self._untidy = True
        self._leased = call
        code = self._call_plain(call.number, call.source, call.wants_result)
        if os.getpid() != self.pid:
            os._exit(code)
        if len(self._value) > SMALL_VALUE:
            self._yield_lease()
        leased, self._leased = self._leased, None
        if leased is not None and self._lease.end(call, code, self._value):
            self._lease.settle()
            return b""
        return self._end(call.number, code)

    def _yield_lease(self) -> None:
        """The call that runs is the agent's from now on: it has more to say than fits one write."""
        call, self._leased = self._leased, None
        if call is not None:
            self._lease.give_up(call)

    def _end(self, number: int, code: int) -> bytes:
        if os.getpid() != self.pid:
            os._exit(code)
        value, self._value = self._value, b""
        if value:
            self._send_value(value)
        return DONE.pack(b"D", number, code)

    def _send_value(self, data: bytes) -> None:
        """Waits while the host has no room for it."""
        first = PACKET - VALUE.size
        with self._showing:  # a thread of the user's may display something too
            self._told += 1
            os.write(self.control, VALUE.pack(b"V", len(data)) + data[:first])
            for start in range(first, len(data), PACKET - 1):
                os.write(self.control, b"v" + data[start : start + PACKET - 1])

    def show(self, kind: str, forms: dict[str, Any], name: str | None) -> bool:
        """Tells the host of a display; False where no values are wanted: between calls, in a child, by the call."""
        if not (self.running and self._wants_values) or os.getpid() != self.pid:
            return False
        with self._showing:
            self._flush()
            self._yield_lease()
            last, self._value = self._value, b""
            if last:  # figures of a call are shown behind its value
                self._send_value(last)
            self._send_value(message(kind, forms, name))
            if threading.current_thread() is threading.main_thread():
                self._await_passed_on()
        return True

    def _await_passed_on(self) -> None:
        """What is written from now on comes behind the value. Only one thread may read what the agent says."""
        while self._passed_on < self._told:
            self._heard(os.read(self.control, PACKET))

    def _heard(self, packet: bytes) -> None:
        if not packet:
            os._exit(0)
        self._passed_on = int.from_bytes(packet[1:5], "big")

    def _set_variables(self, packet: bytes) -> None:
        """The sandbox's own, for all calls; those of before go, where they are still what they were set to."""
        body = packet[1:]
        if packet[:1] == b"F":
            body = _take(body)
        wanted: dict[str, str] = json.loads(body)
        for name, value in self._variables.items():
            if name not in wanted and os.environ.get(name) == value:
                del os.environ[name]
        os.environ.update(wanted)
        self._variables = wanted

    def _rehearse(self) -> None:
        """Runs what a call runs, but nothing of the user's: emulated code is slow the first time in a fresh copy."""
        self._lease.rehearse()
        self._leave_home()
        self._untidy = True
        body, _ = self.cells.compile(REHEARSAL, f"{CALL_NAME}0>", False)
        if body is not None:
            exec(body, {})
        self._flush()

    def _go_home(self) -> None:
        """Waits for the next call on the agent's CPU: to be woken on another one costs milliseconds."""
        if self._at_home:
            return
        self._cpus = os.sched_getaffinity(0)
        if len(self._cpus) > 1:
            os.sched_setaffinity(0, {min(self._cpus)})
            self._at_home = True

    def _leave_home(self) -> None:
        """User code, and what it starts, may use every CPU that it was given."""
        if self._at_home:
            os.sched_setaffinity(0, self._cpus)
            self._at_home = False

    def _on_interrupt(self, _number: int, _frame: FrameType | None) -> None:
        if os.getpid() == self.pid:
            # Heard; or before the code of a call or after its end: the agent knows which, and sends it again
            # for the first.
            try:
                os.write(self.control, b"K" if self.running else b"I")
            except OSError:
                pass
        if self.running:
            raise KeyboardInterrupt

    def _forked(self) -> None:
        """A child of user code never speaks to the agent."""
        for fd in (self.control, *SAVED_FDS, *LEASE_FDS):
            try:
                os.close(fd)
            except OSError:
                pass

    def _open_streams(self) -> None:
        def output(fd: int) -> TextIO:
            return open(fd, "w", 1, "utf-8", "backslashreplace", closefd=False)

        stdin = open(0, encoding="utf-8", errors="replace", closefd=False)
        self._streams = (stdin, output(1), output(2))
        self._install_streams()

    def _install_streams(self) -> None:
        sys.stdin, sys.stdout, sys.stderr = self._streams
        sys.__stdin__, sys.__stdout__, sys.__stderr__ = self._streams  # type: ignore[misc, assignment]

    def _put_right(self) -> None:
        """Descriptors 0 to 2 and the standard streams are what they were before the call."""
        for fd, saved in enumerate(SAVED_FDS):
            os.dup2(saved, fd)
        stdin, stdout, stderr = self._streams
        if stdin.closed or stdout.closed or stderr.closed:
            self._open_streams()
        elif sys.stdout is not stdout or sys.stderr is not stderr or sys.stdin is not stdin:
            self._install_streams()

    # A call

    def _call(self, flags: int, number: int, body: bytes) -> int:
        """A call that the agent has passed on."""
        options: dict[str, Any] = {}
        try:
            if flags & FROM_FILE:
                body, options = self._from_files(flags, body)
            undo = self._apply(options) if options else []
        except (OSError, ValueError) as error:
            write_error(f"podflare: {error}\n")
            return 1
        source = body.decode("utf-8", "surrogatepass")
        code = self._call_plain(number, source, flags & WANTS_RESULT != 0)
        for action in undo:
            action()
        return code

    def _call_plain(self, number: int, source: str, wants_result: bool) -> int:
        """Exit code of the call. Only user code and what serves it directly can be interrupted."""
        self._leave_home()
        self._value = b""
        self._wants_values = wants_result
        code = 1
        try:
            try:
                self.running = True
                code = self._run(number, source, wants_result)
                self._flush()
                self.running = False
            except BaseException as error:
                self.running = False
                code = self._failed(error)
                self._flush()
        except KeyboardInterrupt:
            # An interrupt that came just as the call failed.
            self.running = False
            code = 130
            self._flush()
        return code

    def _from_files(self, flags: int, body: bytes) -> tuple[bytes, dict[str, Any]]:
        names = json.loads(body)
        code = _take(names["path"])
        options: dict[str, Any] = {}
        if flags & HAS_OPTIONS:
            options = json.loads(_take(names["options"]))
        return code, options

    def _apply(self, options: dict[str, Any]) -> list[Any]:
        """Folder and variables of this call; what is returned takes them back."""
        undo: list[Any] = []
        cwd = options.get("cwd")
        if cwd:
            before = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.chdir(cwd)
            except OSError:
                os.close(before)
                raise

            def back() -> None:
                os.fchdir(before)
                os.close(before)

            undo.append(back)
        for name, value in (options.get("env") or {}).items():
            undo.append(_set_variable(name, value))
        return undo

    def _run(self, number: int, source: str, wants_result: bool) -> int:
        body, last = self.cells.compile(source, f"{CALL_NAME}{number}>", wants_result)
        names = self.main.__dict__
        if self._shell is not None:
            self._shell.failed = False
        if body is not None:
            if body.co_flags & COROUTINE:
                self._await(body)
            else:
                exec(body, names)
        if last is not None:
            value = self._await(last) if last.co_flags & COROUTINE else eval(last, names)
            if value is not None:
                names["_"] = value
                forms = self._forms(value)
                if forms:
                    self._value = message("value", forms)
        if wants_result and self._shell is not None:
            self._shell.call_ended()
        return 1 if self._shell is not None and self._shell.failed else 0

    def _forms(self, value: Any) -> dict[str, Any]:
        """How the value is shown; empty if it has shown itself."""
        if is_plain(value):
            return {"text/plain": repr(value)[:MAX_TEXT]}
        if self._shell is None and self._may_have_shell:
            try:
                self._make_shell()
            except ImportError:
                self._may_have_shell = False
        if self._shell is None:
            return own_forms(value)
        forms: dict[str, Any] = self._shell.forms(value)
        return forms

    def _await(self, code: CodeType) -> Any:
        """Top-level await: on one event loop that lives as long as the interpreter."""
        import asyncio

        if self._loop is None or self._loop.is_closed():
            self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)
        task = self._loop.create_task(eval(code, self.main.__dict__))
        try:
            return self._loop.run_until_complete(task)
        except KeyboardInterrupt:
            task.cancel()
            try:
                self._loop.run_until_complete(task)
            except asyncio.CancelledError:
                pass
            raise

    def _failed(self, error: BaseException) -> int:
        if isinstance(error, SystemExit):
            return _exit_code(error)
        try:
            report(error)
        except RecursionError:
            sys.setrecursionlimit(1000)
            report(error)
        if self._wants_values:
            self._value = error_message(error)
        return 130 if isinstance(error, KeyboardInterrupt) else 1

    def _flush(self) -> None:
        streams = self._streams
        if sys.stdout is not streams[1] or sys.stderr is not streams[2]:
            for stream in (sys.stdout, sys.stderr):
                try:
                    stream.flush()
                except Exception:
                    pass
        try:
            streams[1].flush()
            streams[2].flush()
        except (OSError, ValueError):
            # Closed or broken by the call: what could not be written must not turn up in the next one.
            self._abandon_streams()

    def _abandon_streams(self) -> None:
        null = os.open("/dev/null", os.O_WRONLY | os.O_CLOEXEC)
        for fd in (1, 2):
            os.dup2(null, fd)
        os.close(null)
        for stream in self._streams:
            try:
                stream.close()
            except (OSError, ValueError):
                pass

    # IPython

    def _transform(self, source: str) -> str:
        shell = self._shell or self._make_shell()
        plain: str = shell.transform_cell(source)
        return plain

    def _make_shell(self) -> Any:
        self._no_stand_ins()
        from .shell import make_shell

        self._shell = make_shell(self.main, self.show)
        return self._shell

    def expect_shell(self) -> None:
        """IPython is loaded once something asks for it."""
        self._no_stand_ins = prepare(lambda: self._shell or self._make_shell())

    def warm(self) -> None:
        """Loads IPython ahead, and takes all that lives now out of the collector's way: it stays shared."""
        try:
            self._make_shell()
        except Exception as error:
            if not isinstance(error, ImportError):
                write_error(f"podflare: IPython: {error}\n")
        self._put_right()
        gc.collect()
        gc.freeze()


def _take(path: str | bytes) -> bytes:
    """What the agent has written there for this process alone; the file is gone then."""
    with open(path, "rb") as file:
        data = file.read()
    os.unlink(path)
    return data


def _set_variable(name: str, value: str) -> Any:
    before = os.environ.get(name)
    os.environ[name] = value

    def back() -> None:
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before

    return back


def _exit_code(error: SystemExit) -> int:
    code = error.code
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    write_error(f"{code}\n")
    return 1


def main(argv: list[str]) -> None:
    package_root, control, flags = argv[1], int(argv[2]), int(argv[3])
    sys.path.remove(package_root)
    sys.argv[:] = [""]
    namespace = sys.modules["__main__"].__dict__
    for name in ("sys", "main"):
        namespace.pop(name, None)
    interpreter = Interpreter(control)
    version = ".".join(str(part) for part in sys.version_info[:3])
    os.write(control, b"Q" + version.encode())
    if flags & WARM:
        interpreter.warm()
    else:
        interpreter.expect_shell()
    interpreter.serve()
