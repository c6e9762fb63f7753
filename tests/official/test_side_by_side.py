"""Several sandboxes at once."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from podflare import Sandbox

from support import Create


def test_two_sandboxes_share_nothing(create: Create) -> None:
    one, two = create(), create()
    one.run_code("who = 'one'; open('/root/who', 'w').write(who)")
    two.run_code("who = 'two'; open('/root/who', 'w').write(who)")
    for sandbox, name in ((one, "one"), (two, "two")):
        assert sandbox.run_code("print(who, open('/root/who').read())").stdout == f"{name} {name}"
    one.close()
    assert two.run_code("print(who)").stdout == "two"


def test_two_sandboxes_are_no_twins(create: Create) -> None:
    code = (
        "import os, socket, uuid\n"
        "print(os.urandom(16).hex())\n"
        "print(socket.gethostname())\n"
        "print(open('/etc/machine-id').read().strip())\n"
        "print(open('/proc/sys/kernel/random/uuid').read().strip())\n"
        "print(uuid.uuid4())"
    )
    one, two = (create().run_code(code).stdout.split("\n") for _ in range(2))
    assert len(one) == 5
    assert all(a != b for a, b in zip(one, two, strict=True))


def test_calls_in_two_sandboxes_run_at_the_same_time(create: Create) -> None:
    one, two = create(), create()
    endless = (
        "import os, time\nprint('on')\n"
        "while not os.path.exists('/tmp/stop'): time.sleep(0.01)\nprint('off')"
    )
    running = [sandbox.run_code_stream(endless) for sandbox in (one, two)]
    assert [next(events).data for events in running] == ["on", "on"]
    for sandbox in (two, one):
        assert sandbox.run_code("touch /tmp/stop", language="bash").ok
    assert [[event.data for event in events] for events in running] == [["off", 0], ["off", 0]]


def test_threads_share_one_client(create: Create) -> None:
    sandboxes = [create() for _ in range(3)]

    def work(index: int) -> list[str]:
        sandbox = sandboxes[index % 3]
        return [
            sandbox.run_code(f"print({index})").stdout,
            sandbox.run_code(f"echo {index}", language="bash").stdout,
        ]

    with ThreadPoolExecutor(6) as threads:
        assert list(threads.map(work, range(18))) == [[str(i), str(i)] for i in range(18)]


def test_an_event_loop_can_use_it_through_threads(host: str) -> None:
    """The client has no asynchronous form of its own."""

    def one(number: int) -> str:
        with Sandbox(host=host) as sandbox:
            return str(sandbox.run_code(f"print({number} ** 2)").stdout)

    async def all_of_them() -> list[str]:
        return await asyncio.gather(*(asyncio.to_thread(one, n) for n in range(3)))

    assert asyncio.run(all_of_them()) == ["0", "1", "4"]
