"""A coding Space: one machine for one project, for weeks, at the cost of disk between two tasks.

    python coding_space.py PROJECT "Write a web page that counts its visitors, and serve it."
    python coding_space.py PROJECT "Let it greet them, too."
    python coding_space.py PROJECT --undo        # as before the last task

The machine is frozen after each task, with all that runs in it, and goes on with the next one: the
server that the agent started still runs, with the numbers that it has counted. The conversation is
a file of the machine, so it is frozen, taken back and copied together with what it is about.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from agents import Agent, Runner
from podflare import AsyncClient, AsyncSandbox, errors
from podflare.integrations.openai_agents import podflare_tools

CONVERSATION = "/root/.conversation.json"
INSTRUCTIONS = """You are the engineer of a project in /root/project, in a Linux machine of your own
that lasts: what you install stays installed, what you start in the background keeps running."""


async def space_of(client: AsyncClient, project: str) -> AsyncSandbox:
    """The machine of a project, frozen or not, or a new one."""
    async for info in client.sandboxes(metadata={"project": project}):
        return client.sandbox(info.id)
    sandbox = await client.create(persistent=True, metadata={"project": project})
    await sandbox.files.make_folder("/root/project")
    return sandbox


async def work(sandbox: AsyncSandbox, project: str, task: str) -> str:
    await remember(sandbox, project)
    try:
        said: list[Any] = json.loads(await sandbox.files.read_text(CONVERSATION))
    except errors.FileNotFound:
        said = []
    agent = Agent(name=project, instructions=INSTRUCTIONS, tools=[*podflare_tools(sandbox)])
    result = await Runner.run(agent, [*said, {"role": "user", "content": task}], max_turns=50)
    await sandbox.files.write(CONVERSATION, json.dumps(result.to_input_list()))
    return str(result.final_output)


async def remember(sandbox: AsyncSandbox, project: str) -> None:
    """Keeps what the machine is now, and nothing older."""
    for one in await sandbox.client.snapshots.list():
        if one.name == f"before-{project}":
            await sandbox.client.snapshots.delete(one.id)
    await sandbox.snapshot(f"before-{project}")


async def undo(sandbox: AsyncSandbox, project: str) -> str:
    await sandbox.rollback(f"before-{project}")
    return "the machine is as it was before the last task"


async def main(project: str, task: str) -> None:
    async with AsyncClient() as client:
        sandbox = await space_of(client, project)
        try:
            if task == "--undo":
                print(await undo(sandbox, project))
            else:
                print(await work(sandbox, project, task))
        finally:
            space = await sandbox.freeze()
            print(f"frozen: {space.id}, {space.stored_bytes >> 10} KiB")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
