"""The agent's event loop: one thread, three epoll sets.

`_every` holds all descriptors; `_brisk` all but output pipes; `_port` only the host's port. For a moment after a
call has started, and after a small piece of output, the loop waits on `_brisk`: output gathers in its pipe instead
of waking the agent for every line, and leaves together with the end of a short call. While the host holds
the agent at a barrier the loop waits on `_port` alone, so nothing is read and nothing is sent.
"""

import heapq
import select
import time
from collections.abc import Callable

# Long enough for a short call under emulation, too short for a person to notice.
GATHER_SECONDS = 0.004
# Other events may cut a gathering pause short; after this many turns output is looked at in any case.
GATHER_TURNS = 3

Handler = Callable[[int], None]


class Loop:
    def __init__(self) -> None:
        self._every = select.epoll()
        self._brisk = select.epoll()
        self._port = select.epoll()
        self._handlers: dict[int, Handler] = {}
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._timer_count = 0
        self._gathering = 0
        self.held = False
        self.crowded = False

    def watch_port(self, fd: int, handler: Handler) -> None:
        self._handlers[fd] = handler
        for poller in (self._every, self._brisk, self._port):
            poller.register(fd, select.EPOLLIN)

    def want_write_port(self, fd: int, wanted: bool) -> None:
        events = select.EPOLLIN | select.EPOLLOUT if wanted else select.EPOLLIN
        for poller in (self._every, self._brisk, self._port):
            poller.modify(fd, events)

    def unwatch_port(self, fd: int) -> None:
        self.unwatch(fd)
        self._port.unregister(fd)

    def watch(self, fd: int, handler: Handler, events: int = select.EPOLLIN) -> None:
        self._handlers[fd] = handler
        self._every.register(fd, events)
        self._brisk.register(fd, events)

    def unwatch(self, fd: int) -> None:
        del self._handlers[fd]
        self._every.unregister(fd)
        self._brisk.unregister(fd)

    def watch_output(self, fd: int, handler: Handler) -> None:
        self._handlers[fd] = handler
        self._every.register(fd, select.EPOLLIN)

    def unwatch_output(self, fd: int) -> None:
        del self._handlers[fd]
        self._every.unregister(fd)

    def gather(self, turns: int = GATHER_TURNS) -> None:
        """Leaves output pipes alone for a moment."""
        self._gathering = turns

    def stop_gathering(self) -> None:
        self._gathering = 0

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        self._timer_count += 1
        heapq.heappush(self._timers, (time.monotonic() + seconds, self._timer_count, action))

    def turn(self) -> None:
        """Waits for events and handles them."""
        # What a timer has sent leaves after this turn, which then must not wait.
        wait = 0.0 if self._run_timers() else self._until_timer()
        if self.held:
            events = self._port.poll(wait)
        elif self.crowded:
            events = self._brisk.poll(wait)
        elif self._gathering:
            self._gathering -= 1
            events = self._brisk.poll(GATHER_SECONDS)
            if not events:
                self._gathering = 0
        else:
            events = self._every.poll(wait)
        handlers = self._handlers
        for fd, mask in events:
            handler = handlers.get(fd)
            if handler is not None:
                handler(mask)

    def _until_timer(self) -> float | None:
        if not self._timers:
            return None
        return max(0.0, self._timers[0][0] - time.monotonic())

    def _run_timers(self) -> bool:
        """Whether there was one that was due."""
        ran = False
        while self._timers and self._timers[0][0] <= time.monotonic():
            heapq.heappop(self._timers)[2]()
            ran = True
        return ran
