"""What the Python SDK costs, against bare sockets in the same program and in turns. Prints JSON.

`bench.py hot ROUNDS SANDBOX`, `bench.py parallel CALLS SANDBOX…`, `bench.py import ROUNDS`; the
server is named by PODFLARE_API_URL and PODFLARE_API_KEY, the SDK found by PYTHONPATH.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

WARM_UP = 30
CODE = "print(1)"
PARALLEL_ROUNDS = 5
SECONDS = 120.0


def request(sandbox: str) -> bytes:
    """The bytes that the SDK sends, too, but for what names it."""
    url = urlsplit(os.environ["PODFLARE_API_URL"])
    body = json.dumps({"code": CODE, "language": "python", "framing": "chunks"}).encode()
    head = (
        f"POST /v1/sandboxes/{sandbox}/exec HTTP/1.1\r\nHost: {url.netloc}\r\n"
        f"Authorization: Bearer {os.environ.get('PODFLARE_API_KEY', '')}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def whole(data: bytes) -> bool:
    """A short answer has a length, a longer one comes in chunks."""
    head, _, body = data.partition(b"\r\n\r\n")
    _, told, length = head.partition(b"\r\nContent-Length: ")
    if told:
        return len(body) >= int(length.partition(b"\r\n")[0])
    return body.endswith(b"\r\n0\r\n\r\n")


class Raw:
    """A connection that is kept. One call at a time."""

    def __init__(self) -> None:
        url = urlsplit(os.environ["PODFLARE_API_URL"])
        self._socket = socket.create_connection((url.hostname, url.port or 80), SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def run(self, message: bytes) -> None:
        self._socket.sendall(message)
        data = b""
        while not whole(data):
            more = self._socket.recv(65536)
            if not more:
                raise ConnectionError("the server has closed the connection")
            data += more
        if b'"data":"1\\n"' not in data:
            raise ValueError(f"not the output of {CODE}: {data!r}")


def timed(step: Callable[[], object]) -> float:
    began = time.perf_counter()
    step()
    return (time.perf_counter() - began) * 1000


def hot(rounds: int, sandbox_id: str) -> dict[str, float]:
    from podflare import Client

    with Client() as client:
        sandbox, raw, message = client.sandbox(sandbox_id), Raw(), request(sandbox_id)
        sdk, bare = [], []
        for turn in range(-WARM_UP, rounds):
            first = timed(lambda: raw.run(message))
            second = timed(lambda: sandbox.run_code(CODE))
            if turn >= 0:
                bare.append(first)
                sdk.append(second)
    return told(sdk, bare)


def told(sdk: list[float], bare: list[float]) -> dict[str, float]:
    """The overhead is the median of what each pair differs by."""
    more = [one - other for one, other in zip(sdk, bare, strict=True)]
    medians = {"sdk": statistics.median(sdk), "bare": statistics.median(bare)}
    return {**medians, "more": statistics.median(more)}


async def parallel(calls: int, ids: list[str]) -> dict[str, float]:
    from podflare import AsyncClient

    url = urlsplit(os.environ["PODFLARE_API_URL"])
    messages = [request(ids[number % len(ids)]) for number in range(calls)]
    pairs = [await asyncio.open_connection(url.hostname, url.port or 80) for _ in messages]

    async def bare(number: int) -> None:
        reader, writer = pairs[number]
        writer.write(messages[number])
        data = b""
        while not whole(data):
            data += await asyncio.wait_for(reader.read(65536), SECONDS)
        if b'"data":"1\\n"' not in data:
            raise ValueError(f"not the output of {CODE}: {data!r}")

    async def by_sdk(client: AsyncClient, number: int) -> None:
        result = await client.sandbox(ids[number % len(ids)]).run_code(CODE)
        if result.stdout != "1":
            raise ValueError(f"not the output of {CODE}: {result}")

    sdk_times, bare_times, most = [], [], 1
    async with AsyncClient() as client:
        for turn in range(-1, PARALLEL_ROUNDS):
            began = time.perf_counter()
            await asyncio.gather(*(bare(number) for number in range(calls)))
            middle = time.perf_counter()
            work = asyncio.gather(*(by_sdk(client, number) for number in range(calls)))
            while not work.done():
                most = max(most, threading.active_count())
                await asyncio.sleep(0.005)
            await work
            if turn >= 0:
                bare_times.append((middle - began) * 1000)
                sdk_times.append((time.perf_counter() - middle) * 1000)
    for _, writer in pairs:
        writer.close()
    return {**told(sdk_times, bare_times), "threads": most}


def imports(rounds: int) -> dict[str, float]:
    """In new interpreters, the first of which reads everything from the disk."""
    code = "import time; t = time.perf_counter(); import podflare; print(time.perf_counter() - t)"
    times = []
    for turn in range(-1, rounds):
        done = subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, timeout=SECONDS
        )
        if turn >= 0:
            times.append(float(done.stdout) * 1000)
    return {"import": statistics.median(times)}


def main() -> None:
    what, number, *ids = sys.argv[1:]
    if what == "hot":
        answer = hot(int(number), ids[0])
    elif what == "parallel":
        answer = asyncio.run(parallel(int(number), ids))
    elif what == "import":
        answer = imports(int(number))
    else:
        raise SystemExit(f"no such measurement: {what}")
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
