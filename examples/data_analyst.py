"""A data analyst: a question about a table is answered with code, and the figures are kept.

    python data_analyst.py TABLE.csv "What drives the price?"

The table stays in the interpreter from call to call, so the model loads it once and looks as often
as it likes. Figures go to the model as images, since it has eyes, and into the folder `figures`.
"""

from __future__ import annotations

import base64
import os
import sys
from pathlib import Path
from typing import Any

from anthropic import Anthropic
from podflare import Sandbox
from podflare.integrations.anthropic import handle_tool_use, tool_definitions
from podflare.tools import Toolset

MODEL = os.environ.get("ANTHROPIC_MODEL", "claude-sonnet-5-5")
TEMPLATE = os.environ.get("TEMPLATE", "python-datasci")  # pandas and matplotlib, imported already
TURNS = 20


def analyse(table: Path, question: str, figures: Path) -> str:
    with Sandbox(template=TEMPLATE, egress=False) as sandbox:
        sandbox.files.write("/root/table.csv", table)
        toolset = Toolset(sandbox, ["run_code"])
        tools: Any = tool_definitions(["run_code"])
        messages: list[Any] = [
            {"role": "user", "content": f"The table is /root/table.csv. Draw figures.\n{question}"}
        ]
        saved = 0
        for _ in range(TURNS):
            answer = Anthropic().messages.create(
                model=MODEL, max_tokens=4000, tools=tools, messages=messages
            )
            asked = [block for block in answer.content if block.type == "tool_use"]
            if not asked:
                return "".join(block.text for block in answer.content if block.type == "text")
            results = [handle_tool_use(block, toolset) for block in asked]
            for image in (part for one in results for part in one["content"]):
                if image["type"] == "image":
                    saved += 1
                    data = base64.b64decode(image["source"]["data"])
                    (figures / f"figure-{saved}.png").write_bytes(data)
            messages.append({"role": "assistant", "content": answer.content})
            messages.append({"role": "user", "content": results})
    return f"no answer in {TURNS} turns"


def main(table: str, question: str) -> None:
    figures = Path("figures")
    figures.mkdir(exist_ok=True)
    print(analyse(Path(table), question, figures))
    for figure in sorted(figures.iterdir()):
        print(f"{figure} ({figure.stat().st_size} bytes)")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
