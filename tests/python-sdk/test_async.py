"""What is asynchronous only; the rest is the same text, and the conformance script runs it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine

import pytest

from podflare import AsyncClient, AsyncSandbox, Sandbox, errors
from support import SECONDS


def run(work: Coroutine[object, object, None]) -> None:
    asyncio.run(asyncio.wait_for(work, SECONDS))


def test_a_cancelled_call_is_interrupted_in_the_guest(box: Sandbox) -> None:
    async def work() -> None:
        async with AsyncClient() as client:
            sandbox = client.sandbox(box.id)
            started = asyncio.Event()
            call = asyncio.create_task(
                sandbox.run_code(
                    "import time\nprint('on')\ntime.sleep(100)", on_event=lambda _: started.set()
                )
            )
            await started.wait()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            last = (await sandbox.executions())[0]
            while last.state != "ended":
                last = await sandbox.execution(last.id)
            assert last.reason == "cancelled"
            assert (await sandbox.run_code("print(1)")).stdout == "1"

    run(work())


def test_a_cancelled_block_leaves_no_sandbox() -> None:
    async def work() -> None:
        made: list[AsyncSandbox] = []

        async def use() -> None:
            async with AsyncSandbox() as sandbox:
                made.append(sandbox)
                await asyncio.sleep(1000)

        task = asyncio.create_task(use())
        while not made:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with AsyncClient() as client:
            with pytest.raises(errors.Gone):
                await client.sandbox(made[0].id).info()

    run(work())


def test_many_at_once_take_no_threads(box: Sandbox) -> None:
    async def work() -> None:
        async with AsyncClient() as client:
            sandbox = client.sandbox(box.id)
            before = threading.active_count()
            calls = [sandbox.run_code(f"sleep 0.2; echo {n}", "bash") for n in range(20)]
            answers = await asyncio.gather(*calls)
            assert [one.stdout for one in answers] == [str(n) for n in range(20)]
            assert threading.active_count() == before

    run(work())


def test_each_event_loop_has_its_connections() -> None:
    async def work() -> None:
        sandbox = await AsyncSandbox()
        async with sandbox:
            (child,) = await sandbox.fork()
            assert child.client is sandbox.client
        assert (await child.run_code("print(1)")).stdout == "1"  # after its parent was closed
        await child.close()
        await child.close()
        with pytest.raises(errors.Unreachable):
            await child.run_code("print(1)")

    for _ in range(2):
        run(work())


def test_not_made_yet() -> None:
    with pytest.raises(RuntimeError, match="await"):
        _ = AsyncSandbox().id


def test_a_terminal(box: Sandbox) -> None:
    async def work() -> None:
        async with AsyncClient() as client:
            terminal = await client.sandbox(box.id).pty.open("read x; echo got $x; exit 4")
            async with await terminal.connect() as connection:
                await connection.send("it\n")
                text = b"".join([piece async for piece in connection])
            assert b"got it" in text
            assert connection.exit_code == 4
            assert await terminal.wait() == 4

    run(work())


def test_a_stream_that_is_left(box: Sandbox) -> None:
    async def work() -> None:
        async with AsyncClient() as client:
            sandbox = client.sandbox(box.id)
            events = sandbox.run_code_stream("import time\nprint('on')\ntime.sleep(1)\nleft = True")
            async for event in events:
                assert event.data == "on"
                break
            await events.aclose()
            assert (await sandbox.run_code("print(left)")).stdout == "True"

    run(work())
