"""Connections for many calls at once."""

from __future__ import annotations

import threading
from collections.abc import Callable

import httpx

CALLS = 4
MOST = 32


class AsyncLane:
    """A client and the calls that are under way by it."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.busy = 0


class AsyncLanes:
    """Clients side by side, each with a few calls. The pool of a client looks at all of its
    connections, several times for each call: a hundred calls by one client cost as much again
    as the calls themselves. Safe for many tasks or threads at once."""

    def __init__(self, make: Callable[[], httpx.AsyncClient]) -> None:
        self._make = make
        self._lanes: list[AsyncLane] = []
        self._lock = threading.Lock()

    def take(self) -> AsyncLane:
        """For one call; to be given back after it."""
        with self._lock:
            lane = next((lane for lane in self._lanes if lane.busy < CALLS), None)
            if lane is None and len(self._lanes) < MOST:
                lane = AsyncLane(self._make())
                self._lanes.append(lane)
            if lane is None:
                lane = min(self._lanes, key=lambda lane: lane.busy)
            lane.busy += 1
            return lane

    def give_back(self, lane: AsyncLane) -> None:
        with self._lock:
            lane.busy -= 1

    async def aclose(self) -> None:
        for lane in list(self._lanes):
            await lane.client.aclose()
