"""Programs of strangers, judged side by side: none reaches the network, the host, or another one.

    python untrusted_code.py SUBMISSION.py…

The task is to define `median(numbers)`. The judge prepares one machine; each submission runs in a
fork of it, so nothing that one leaves behind is seen by the next. What it tried to reach, and was
refused, is told.
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from podflare import Sandbox

SECONDS = int(os.environ.get("SECONDS", "10"))
AT_ONCE = 4
CASES = [([3, 1, 2], 2), ([4, 1, 3, 2], 2.5), ([7], 7), ([-1, -1, 5], -1)]


def judge(sandbox: Sandbox, submission: Path) -> str:
    """The verdict. The submission runs in a process of its own, and its word is not taken for it:
    answers are compared out here."""
    sandbox.files.write("/root/submission.py", submission)
    calls = f"import submission\nfor case in {[case for case, _ in CASES]!r}:\n"
    calls += "    print('answer:', submission.median(case))\n"
    run = sandbox.run_code("python3 -", "bash", stdin=calls, cwd="/root", timeout_seconds=SECONDS)
    refused = sandbox.network().last_refused
    tried = sorted({f"{one.name or one.address}:{one.port or 'dns'}" for one in refused})
    if tried:
        return f"disqualified: it tried to reach {', '.join(tried)}"
    if run.reason == "timeout":
        return f"too slow: more than {SECONDS} s"
    if not run.ok:
        return f"failed: {run.stderr.splitlines()[-1] if run.stderr else run.reason}"
    lines = run.stdout.splitlines()
    said = [line.removeprefix("answer: ") for line in lines if line.startswith("answer: ")]
    if len(said) != len(CASES):
        return f"wrong: {len(said)} answers to {len(CASES)} questions"
    for (case, expected), answer in zip(CASES, said, strict=True):
        if answer not in (str(expected), str(float(expected))):
            return f"wrong: median({case}) is {expected}, not {answer[:40]}"
    return "right"


def main(submissions: list[Path]) -> None:
    with Sandbox(egress=False) as prepared, ThreadPoolExecutor(AT_ONCE) as threads:
        for at in range(0, len(submissions), AT_ONCE):
            some = submissions[at : at + AT_ONCE]
            copies = prepared.fork(len(some))
            try:
                for submission, verdict in zip(some, threads.map(judge, copies, some), strict=True):
                    print(f"{submission.name:20} {verdict}", flush=True)
            finally:
                for copy in copies:
                    copy.close()


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
