// What every runtime is to do: calls, streams, forks, files, a refusal. Says what it has seen.

import { Client, errors } from "podflare";

/** `where`: host and key, where there is no environment to read them from. */
export async function work(where = {}) {
  const client = new Client(where);
  const sandbox = await client.create();
  const seen = {};
  try {
    await sandbox.runCode("x = 6");
    seen.state = (await sandbox.runCode("print(x * 7)")).stdout;
    seen.events = [];
    for await (const event of sandbox.runCodeStream("for i in range(3): print(i)")) {
      seen.events.push(`${event.type} ${event.data}`);
    }
    const [child] = await sandbox.fork(1);
    await child.runCode("x = 8");
    await sandbox.mergeInto(child);
    seen.merged = (await sandbox.runCode("print(x)")).stdout;
    await sandbox.files.write("/root/large", new Uint8Array(5_000_000).fill(7));
    const bytes = await sandbox.files.read("/root/large");
    seen.bytes = [bytes.length, bytes[4_999_999]];
    if (typeof WebSocket === "function" && where.sockets !== false) {
      const terminal = await sandbox.pty.open({ cmd: ["bash", "--norc"] });
      const screen = await terminal.connect();
      await screen.send("echo $((6 * 7)); exit 3\n");
      let said = "";
      for await (const data of screen) {
        said += new TextDecoder().decode(data);
      }
      seen.terminal = [said.includes("42"), screen.exitCode];
    }
    try {
      await client.sandbox(`sbx_${"0".repeat(32)}`).info();
    } catch (refused) {
      seen.refused = [refused instanceof errors.SandboxNotFound, refused.code];
    }
  } finally {
    await sandbox.delete();
  }
  return seen;
}
