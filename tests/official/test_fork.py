"""Forks, merges and comparisons with the client's own calls."""

from __future__ import annotations

import threading

from podflare import Client, Sandbox

from support import Create, refused, why_closed


def test_children_are_copies_that_go_their_own_way(sandbox: Sandbox) -> None:
    sandbox.run_code("x = 1; import os; secret = os.urandom(8).hex()")
    secret = sandbox.run_code("print(secret)").stdout
    children = sandbox.fork(3)
    try:
        assert len({child.id for child in children} | {sandbox.id}) == 4
        for number, child in enumerate(children):
            assert child.run_code("print(secret)").stdout == secret
            child.run_code(f"x = {number + 10}")
        assert [child.run_code("print(x)").stdout for child in children] == ["10", "11", "12"]
        assert sandbox.run_code("print(x)").stdout == "1"
    finally:
        for child in children:
            child.close()


def test_forks_of_forks_and_their_differences(sandbox: Sandbox) -> None:
    sandbox.upload(b"old", "/root/changed")
    child = sandbox.fork()[0]
    grandchild = child.fork(1)[0]
    try:
        grandchild.upload(b"new", "/root/changed")
        grandchild.upload(b"x", "/root/added")
        assert sandbox.diff(grandchild, ["/root"]) == {
            "added": ["/root/added"],
            "removed": [],
            "modified": ["/root/changed"],
        }
        assert sandbox.diff(child, ["/root"]) == {"added": [], "removed": [], "modified": []}
    finally:
        grandchild.close()
        child.close()


def test_the_winner_goes_on_under_the_parents_id(client: Client, sandbox: Sandbox) -> None:
    sandbox.run_code("best = 0")
    loser, winner = sandbox.fork(2)
    winner.run_code("best = 42")
    gone = winner.id
    sandbox.merge_into(winner)
    assert sandbox.run_code("print(best)").stdout == "42"
    assert loser.run_code("print(best)").stdout == "0"
    assert why_closed(client, gone, 10) == "merged"
    winner.close()
    loser.close()
    assert sandbox.run_code("print(best)").stdout == "42"


def test_a_grandchild_may_win(sandbox: Sandbox) -> None:
    child = sandbox.fork(1)[0]
    grandchild = child.fork(1)[0]
    grandchild.run_code("open('/root/won', 'w').write('yes')")
    sandbox.merge_into(grandchild)
    assert sandbox.run_code("print(open('/root/won').read())").stdout == "yes"
    child.close()


def test_a_stream_runs_on_while_the_sandbox_is_forked(sandbox: Sandbox) -> None:
    code = "import time\nfor i in range(300):\n  print(i, flush=True)\n  time.sleep(0.01)"
    seen: list[str] = []
    thread = threading.Thread(target=lambda: seen.extend(sandbox.run_code(code).stdout.split()))
    thread.start()
    children = sandbox.fork(2)
    for child in children:
        child.close()
    thread.join(60)
    assert seen == [str(i) for i in range(300)]


def test_more_children_than_the_server_allows_are_refused(sandbox: Sandbox) -> None:
    assert refused(lambda: sandbox.fork(33)) == 400


def test_what_is_no_fork_is_not_merged(client: Client, sandbox: Sandbox, create: Create) -> None:
    unknown = Sandbox._from_id("sbx_" + "0" * 32, client)
    assert refused(lambda: sandbox.merge_into(unknown)) == 404
    stranger = create()
    assert refused(lambda: sandbox.merge_into(stranger)) == 400
    assert sandbox.run_code("print('usable')").stdout == "usable"
    assert stranger.run_code("print('usable')").stdout == "usable"
