"""The floor of a restore: the same QEMU, without jail, limits or daemon, told to restore by a short script.

Usage: bare_restore.py FOLDER MEMORY STATE LAYER -- QEMU ARGUMENT...
Prints the milliseconds from the first command to a running guest, a line a round, for as long as lines come on stdin.
"""

import json
import os
import socket
import subprocess
import sys
import time

folder, memory, state_file, layer = sys.argv[1:5]
command = sys.argv[6:]
with open(state_file, "rb") as file:
    state = file.read()


for end in ("in", "out"):
    os.mkfifo(f"{folder}/agent.{end}")


def dial(name: str, qemu: "subprocess.Popen[bytes]") -> socket.socket:
    while True:
        try:
            client = socket.socket(socket.AF_UNIX)
            client.connect(f"{folder}/{name}")
            return client
        except OSError:
            if qemu.poll() is not None:
                with open(f"{folder}/log") as log:
                    raise RuntimeError(f"QEMU ended: {log.read()}") from None
            time.sleep(0.0005)


def restore() -> float:
    for name in ("qmp", "incoming"):
        if os.path.exists(f"{folder}/{name}"):
            os.unlink(f"{folder}/{name}")
    descriptor = os.open(memory, os.O_RDWR)
    os.dup2(descriptor, 9)
    with open(f"{folder}/log", "wb") as log:
        qemu = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, pass_fds=(9,))
    try:
        lines = dial("qmp", qemu).makefile("rw")
        lines.readline()

        def execute(name: str, **arguments: object) -> dict[str, object]:
            lines.write(json.dumps({"execute": name, "arguments": {k.replace("_", "-"): v for k, v in arguments.items()}}))
            lines.write("\n")
            lines.flush()
            while True:
                answer = json.loads(lines.readline())
                if "error" in answer:
                    raise RuntimeError(answer)
                if "return" in answer:
                    return answer["return"]

        execute("qmp_capabilities")
        time.sleep(0.2)  # as a blank has had the time to settle
        begin = time.perf_counter()
        execute("blockdev-add", driver="qcow2", node_name="top", file={"driver": "file", "filename": layer}, backing="shape")
        execute("blockdev-reopen", options=[{"driver": "throttle", "node-name": "root", "throttle-group": "limits", "file": "top"}])
        execute("migrate-incoming", uri=f"unix:{folder}/incoming")
        with dial("incoming", qemu) as incoming:
            incoming.sendall(state)
        while execute("query-status")["status"] == "inmigrate":
            time.sleep(0.0005)
        execute("cont")
        return (time.perf_counter() - begin) * 1000
    finally:
        qemu.kill()
        qemu.wait()
        os.close(descriptor)


for _ in sys.stdin:
    print(f"{restore():.3f}", flush=True)
