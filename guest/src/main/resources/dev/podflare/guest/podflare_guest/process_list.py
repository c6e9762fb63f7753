"""Lists the processes of the guest's users, a few at a time: the agent has other things to do."""

import json
import os

from .output import CHUNK, Sink
from .questions import Question

AT_ONCE = 32
MOST = 4096
LONGEST_COMMAND = 256
# Of what the kernel says about a process: it is a thread of the kernel's own.
KERNEL_THREAD = 0x00200000
PAUSE = 0.001


class ProcessList(Question):
    """Output: a line of JSON each. Message of the end: `truncated` if there are more."""

    def __init__(self, number: int, window: int, sink: Sink, ours: set[int]) -> None:
        super().__init__(number, window, sink)
        self._pids = sorted(int(name) for name in os.listdir("/proc") if name.isdigit())
        self._ours = ours
        self._tick = os.sysconf("SC_CLK_TCK")
        self._page = os.sysconf("SC_PAGESIZE")
        self._listed = 0
        self._place = 0

    def step(self) -> None:
        if self.ending or self.abandoned or self.number not in self.agent.calls:
            return
        if not self.agent.loop.held:
            lines = []
            for pid in self._pids[self._place : self._place + AT_ONCE]:
                line = None if pid in self._ours else self._line(pid)
                if line is not None:
                    lines.append(line)
            self._place += AT_ONCE
            data = b"".join(lines)
            if self._listed + len(lines) > MOST or len(data) > self.credit:
                self.answer("truncated")
                return
            self._listed += len(lines)
            self.credit -= len(data)
            for at in range(0, len(data), CHUNK):
                self.send(b"O", data[at : at + CHUNK])
            if self._place >= len(self._pids):
                self.answer("")
                return
        self.agent.loop.after(PAUSE, self.step)

    def _line(self, pid: int) -> bytes | None:
        """None: it has ended, or is the kernel's own."""
        try:
            with open(f"/proc/{pid}/stat", "rb") as stat:
                head, _, tail = stat.read().rpartition(b")")
                uid = os.fstat(stat.fileno()).st_uid
            with open(f"/proc/{pid}/cmdline", "rb") as cmdline:
                command = cmdline.read(4 * LONGEST_COMMAND)
        except OSError:
            return None
        words = tail.split()
        if int(words[6]) & KERNEL_THREAD:
            return None
        name = head.partition(b"(")[2]
        text = command.rstrip(b"\0").replace(b"\0", b" ") or b"[" + name + b"]"
        body = {
            "pid": pid,
            "ppid": int(words[1]),
            "uid": uid,
            "state": words[0].decode("ascii", "replace"),
            "cpu_ms": (int(words[11]) + int(words[12])) * 1000 // self._tick,
            "rss": int(words[21]) * self._page,
            "command": text.decode("utf-8", "replace")[:LONGEST_COMMAND],
        }
        return json.dumps(body).encode() + b"\n"

