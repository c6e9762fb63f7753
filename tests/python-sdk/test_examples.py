"""The examples, as their users start them, with a model that follows a script. What they do is
real, and what they have achieved is looked at."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from podflare import Client, Sandbox
from provider import Call, Provider, Turn
from support import SECONDS

EXAMPLES = Path(os.environ["SDK_TEST_ROOT"]) / "examples"


@pytest.fixture(autouse=True)
def nothing_left(client: Client) -> Iterator[None]:
    before = {one.id for one in client.sandboxes()}
    yield
    assert {one.id for one in client.sandboxes()} - before == set()


def start(
    name: str,
    *arguments: str | Path,
    provider: Provider | None = None,
    folder: Path,
    **more: str,
) -> str:
    url = provider.url if provider is not None else "http://127.0.0.1:1"
    models = {"OPENAI_BASE_URL": f"{url}/v1", "ANTHROPIC_BASE_URL": url}
    keys = {"OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k"}
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *map(str, arguments)],
        cwd=folder,
        env={**os.environ, **models, **keys, **more},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    if provider is not None:
        assert provider.done
        assert provider.unknown == []
    return done.stdout


def test_each_is_on_the_page() -> None:
    page = (EXAMPLES / "README.md").read_text("utf-8")
    assert {f"[{one.name}]({one.name})" for one in EXAMPLES.glob("*.py")} == set(
        re.findall(r"\[\w+\.py\]\(\w+\.py\)", page)
    )


NEAREST = """
left, tour = set(range(1, len(cities))), [0]
while left:
    tour.append(min(left, key=lambda c: math.dist(cities[c], cities[tour[-1]])))
    left.remove(tour[-1])
print(length(tour))
"""
TWO_OPT = """
tour = list(range(len(cities)))
better = True
while better:
    better = False
    for i in range(1, len(tour) - 1):
        for j in range(i + 1, len(tour)):
            a, b, c, d = tour[i - 1], tour[i], tour[j], tour[(j + 1) % len(tour)]
            now = math.dist(cities[a], cities[b]) + math.dist(cities[c], cities[d])
            then = math.dist(cities[a], cities[c]) + math.dist(cities[b], cities[d])
            if then < now - 1e-9:
                tour[i:j + 1] = tour[i:j + 1][::-1]
                better = True
print(length(tour))
"""
CHEAT = "length = lambda tour: 0.0\ntour = list(range(len(cities)))\nprint(length(tour))"


def test_best_of_n(tmp_path: Path) -> None:
    scripts: dict[str, list[Turn]] = {
        "nearest city": [Call("run_code", {"code": NEAREST}), "done"],
        "2-opt": [Call("run_code", {"code": "1 / 0"}), Call("run_code", {"code": TWO_OPT}), "done"],
        "annealing": [Call("run_code", {"code": CHEAT}), "done"],
    }
    with Provider(scripts=scripts) as provider:
        said = start("best_of_n.py", "3", provider=provider, folder=tmp_path)
        outputs = [
            item["output"]
            for request in provider.requests
            for item in request["input"]
            if item.get("type") == "function_call_output"
        ]
    lengths = [float(line.split()[0]) for line in said.splitlines()[:3]]
    assert lengths[1] < lengths[0] < lengths[2]
    assert f"kept: {lengths[1]:.3f}, by the approach: take any tour" in said
    assert lengths[2] > 20  # the judge has rules of its own
    assert any("ZeroDivisionError" in output for output in outputs)


ROMAN = """VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 100}


def number(text):
    total = 0
    for here, after in zip(text, text[1:]):
        total += VALUES[here]
    return total


def roman(value):
    text = ""
    for letter, worth in sorted(VALUES.items(), key=lambda pair: pair[1]):
        while value >= worth:
            text, value = text + letter, value - worth
    return text
"""
TESTS = """import unittest
from roman import number, roman


class RomanTest(unittest.TestCase):
    def test_one(self): self.assertEqual(number("I"), 1)
    def test_sum(self): self.assertEqual(number("XVI"), 16)
    def test_difference(self): self.assertEqual(number("XIV"), 14)
    def test_thousand(self): self.assertEqual(number("MD"), 1500)
    def test_back(self): self.assertEqual(roman(1666), "MDCLXVI")
"""


def fix(old: str, new: str, file: str = "roman.py") -> dict[str, str]:
    return {"file": file, "old": old, "new": new}


def test_tree_search(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "roman.py").write_text(ROMAN)
    (tmp_path / "project" / "test_roman.py").write_text(TESTS)
    last = fix("return total\n", "return total + VALUES[text[-1]]\n")
    thousand = fix('"M": 100}', '"M": 1000}')
    order = fix("key=lambda pair: pair[1])", "key=lambda pair: -pair[1])")
    subtract = fix(
        "total += VALUES[here]",
        "total += VALUES[here] if VALUES[here] >= VALUES[after] else -VALUES[here]",
    )
    broken = fix("total = 0", "total = (")
    rounds = [[thousand, last, broken], [order, subtract], [thousand, order], [order]]
    with Provider(*(Call("propose_fixes", {"fixes": fixes}) for fixes in rounds)) as provider:
        said = start("tree_search.py", "project", provider=provider, folder=tmp_path)
        seen = [str(request["messages"][0]["content"]) for request in provider.requests]
    steps = re.findall(r"^(\d) -> (\d) pass", said, re.MULTILINE)
    assert steps == [tuple(pair) for pair in ("00", "02", "00", "22", "23", "34", "33", "45")]
    assert said.endswith("all tests pass\n")
    assert "+    return total + VALUES[text[-1]]" in said
    assert '-VALUES = {"I": 1' in said
    assert "total = (" not in said.partition("---")[2]
    assert "FAILED (failures=5)" in seen[0]
    assert "FAILED (failures=1)" in seen[-1]
    assert "return total + VALUES[text[-1]]" in seen[1]


TABLE = "rooms,price\n" + "".join(f"{n},{100 + 50 * n}\n" for n in range(1, 9))
DRAW = """
import matplotlib.pyplot as plt
figure, axes = plt.subplots()
axes.scatter(table.rooms, table.price)
"""


@pytest.mark.timeout(300)
def test_data_analyst(tmp_path: Path) -> None:
    (tmp_path / "homes.csv").write_text(TABLE)
    turns: list[Turn] = [
        Call("run_code", {"code": "import pandas; table = pandas.read_csv('/root/table.csv')"}),
        Call("run_code", {"code": "print(table.corr().round(2))"}),
        Call("run_code", {"code": DRAW}),
        "Each room adds 50 to the price.",
    ]
    with Provider(*turns) as provider:
        said = start(
            *("data_analyst.py", "homes.csv", "What drives the price?"),
            provider=provider,
            folder=tmp_path,
            TEMPLATE="figures",
        )
        results = [
            part
            for message in provider.requests[-1]["messages"]
            if isinstance(message["content"], list)
            for block in message["content"]
            if block["type"] == "tool_result"
            for part in block["content"]
        ]
    assert said.startswith("Each room adds 50 to the price.\n")
    assert "1.0" in results[1]["text"]
    (image,) = (part for part in results if part["type"] == "image")
    assert image["source"]["media_type"] == "image/png"
    (figure,) = (tmp_path / "figures").iterdir()
    assert figure.read_bytes().startswith(b"\x89PNG")
    assert figure.stat().st_size > 2000


RIGHT = "import statistics\nmedian = statistics.median\n"
WRONG = "def median(numbers): return sorted(numbers)[len(numbers) // 2]\n"
SLOW = "def median(numbers):\n    while True: pass\n"
CALLS_HOME = """import socket
def median(numbers):
    try: socket.create_connection(("192.0.2.1", 80), timeout=3)
    except OSError: pass
    return sorted(numbers)[len(numbers) // 2]
"""
SPIES = """import os
def median(numbers):
    seen = [name for name in os.listdir("/root") if name[0] not in "._"]
    assert seen == ["submission.py"], seen
    for name in ("/root/.profile", "/etc/passwd"): open(name, "a").write("mine")
    raise SystemExit("gave up")
"""


def test_untrusted_code(tmp_path: Path) -> None:
    programs = {
        "right": RIGHT,
        "wrong": WRONG,
        "slow": SLOW,
        "calls_home": CALLS_HOME,
        "spies": SPIES,
        "empty": "",
    }
    for name, program in programs.items():
        (tmp_path / f"{name}.py").write_text(program)
    names = [f"{name}.py" for name in programs]
    said = start("untrusted_code.py", *names, folder=tmp_path, SECONDS="20")
    verdicts = dict(line.split(None, 1) for line in said.splitlines())
    assert verdicts == {
        "right.py": "right",
        "wrong.py": "wrong: median([4, 1, 3, 2]) is 2.5, not 3",
        "slow.py": "too slow: more than 20 s",
        "calls_home.py": "disqualified: it tried to reach 192.0.2.1:80",
        "spies.py": "failed: gave up",
        "empty.py": "failed: AttributeError: module 'submission' has no attribute 'median'",
    }


COUNTER = """
import http.server
class Page(http.server.BaseHTTPRequestHandler):
    visitors = 0
    def do_GET(self):
        Page.visitors += 1
        self.send_response(200); self.end_headers()
        self.wfile.write(f"visitor {Page.visitors}".encode())
http.server.HTTPServer(("", 8000), Page).serve_forever()
"""
SERVE = "setsid python3 counter.py >counter.log 2>&1 & sleep 1"


def test_coding_space(tmp_path: Path, client: Client) -> None:
    page = "/root/project/counter.py"
    first: list[Turn] = [
        Call("write_file", {"path": page, "content": COUNTER}),
        Call("run_bash", {"command": f"cd /root/project; {SERVE}"}),
        "The page is served.",
    ]
    second: list[Turn] = [
        Call("run_bash", {"command": "cat /root/project/counter.py"}),
        "It still counts.",
    ]

    def visit(sandbox: Sandbox) -> str:
        sandbox.wait_for_port(8000, SECONDS)
        headers = client.config.headers()
        url = sandbox.port_url(8000)
        return httpx.get(url, headers=headers, trust_env=False, timeout=SECONDS).text

    with Provider(*first) as provider:
        said = start("coding_space.py", "shop", "Count.", provider=provider, folder=tmp_path)
    (info,) = client.sandboxes(metadata={"project": "shop"})
    sandbox = client.sandbox(info.id)
    try:
        assert "The page is served." in said
        assert info.state == "frozen"
        assert visit(sandbox) == "visitor 1"  # which wakes it
        with Provider(*second) as provider:
            start("coding_space.py", "shop", "Go on.", provider=provider, folder=tmp_path)
            asked = str(provider.requests[0]["input"])
            assert "class Page" in str(provider.requests[-1]["input"][-1]["output"])
        assert "Count." in asked
        assert "The page is served." in asked
        assert [one.id for one in client.sandboxes(metadata={"project": "shop"})] == [info.id]
        assert visit(sandbox) == "visitor 2"
        said = start("coding_space.py", "shop", "--undo", folder=tmp_path)
        assert "before the last task" in said
        assert visit(sandbox) == "visitor 2"  # again
        assert "Go on." not in sandbox.files.read_text("/root/.conversation.json")
    finally:
        sandbox.delete()
        for one in client.snapshots.list():
            if one.name == "before-shop":
                client.snapshots.delete(one.id)
