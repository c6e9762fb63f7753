"""Best of n: a machine is prepared once, n agents get a copy of it each, and the best copy goes on.

    python best_of_n.py [N]

The copies are of one instant, memory included: `cities` and `length` are there in every interpreter
without being made again. The agents work side by side; none sees what another does.
"""

from __future__ import annotations

import asyncio
import math
import sys

from agents import Agent, Runner
from agents.exceptions import AgentsException
from podflare import AsyncSandbox
from podflare.integrations.openai_agents import podflare_tools

PROBLEM = """
import math, random

dice = random.Random(7)
cities = [(dice.random(), dice.random()) for _ in range(60)]

def length(tour):
    assert sorted(tour) == list(range(len(cities))), "not a round trip through every city"
    return sum(math.dist(cities[a], cities[b]) for a, b in zip(tour, tour[1:] + tour[:1]))
"""

TASK = """Python has `cities`, a list of points, and `length(tour)` for a list of their numbers.
Leave a round trip that is as short as you can make it in the variable `tour`. Your approach: """

APPROACHES = [
    "begin somewhere and always go on to the nearest city.",
    "take any tour and improve it by 2-opt until no swap helps.",
    "simulated annealing.",
    "whatever you think is best.",
]


async def attempt(sandbox: AsyncSandbox, approach: str) -> float:
    """An agent's work, and what it is worth: the length of its tour."""
    agent = Agent(name="solver", instructions=TASK + approach, tools=[*podflare_tools(sandbox)])
    try:
        await Runner.run(agent, "Begin.", max_turns=20)
    except AgentsException as stuck:
        print(f"{approach} {stuck}", file=sys.stderr)
    # Judged by our own rules, whatever the agent did to those in its copy.
    judged = await sandbox.run_code(f"{PROBLEM}\nprint(length(tour))", timeout_seconds=60)
    return float(judged.stdout) if judged.ok else math.inf


async def main(n: int) -> None:
    async with AsyncSandbox(egress=False) as sandbox:
        await sandbox.run_code(PROBLEM)
        copies = await sandbox.fork(n, reseed=True)
        approaches = [APPROACHES[i % len(APPROACHES)] for i in range(n)]
        lengths = await asyncio.gather(*map(attempt, copies, approaches))
        for approach, value in zip(approaches, lengths, strict=True):
            print(f"{value:8.3f}  {approach}")
        best = min(range(n), key=lengths.__getitem__)
        await sandbox.merge_into(copies[best], close_siblings=True)
        kept = await sandbox.run_code("print(f'{length(tour):.3f}')")
        print(f"kept: {kept.stdout}, by the approach: {approaches[best]}")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 4))
