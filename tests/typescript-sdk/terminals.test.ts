/** Terminals over WebSocket and over HTTP. */

import { createHash } from "node:crypto";
import { Client, errors } from "podflare";
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { all, HOST, lines, sharedBox } from "./support.js";

const shared = sharedBox();

test("a terminal is typed into over a WebSocket", async () => {
  const cmd = "echo $A; read x; stty size; echo got $x; exit 7";
  const terminal = await shared.box.pty.open({ cmd, env: { A: "ready" } });
  const connection = await terminal.connect();
  let screen = "";
  let typed = false;
  for await (const data of connection) {
    screen += new TextDecoder().decode(data);
    if (!typed && screen.includes("ready")) {
      typed = true;
      await connection.resize(101, 41);
      await connection.send("it\n");
    }
  }
  expect(screen).toContain("41 101\r\ngot it\r\n");
  expect(connection.exitCode).toBe(7);
  expect(connection.skipped).toBe(0);
  await expect(connection.send("too late")).rejects.toThrow(errors.ConnectionBroken);
});

test("long output comes whole, and leaving leaves the terminal", async () => {
  const cmd = "stty -opost -echo; echo begun; read x; seq 1 30000; exit 5";
  const terminal = await shared.box.pty.open({ cmd });
  const first = await terminal.connect();
  for await (const data of first) {
    expect(new TextDecoder().decode(data)).toContain("begun");
    break;
  }
  first.close();
  expect(
    (await shared.box.pty.list()).find((one) => one.ptyId === terminal.id)?.exitCode,
  ).toBeNull();
  await using second = await terminal.connect();
  await second.send("go\n");
  const output = (await all(second)).map((data) => new TextDecoder().decode(data)).join("");
  expect(output).toContain(lines(1, 30000));
  expect(second.exitCode).toBe(5);
});

test("much input arrives whole", async () => {
  const typed = "0123456789".repeat(300_000);
  const terminal = await shared.box.pty.open({
    cmd: "stty raw -echo; echo begun; head -c 3000000 | md5sum",
  });
  const connection = await terminal.connect();
  let screen = "";
  let sent: Promise<void> | undefined;
  for await (const data of connection) {
    screen += new TextDecoder().decode(data);
    if (screen.includes("begun")) {
      sent ??= connection.send(typed);
    }
  }
  await sent;
  expect(screen).toContain(createHash("md5").update(typed).digest("hex"));
});

test("a refused connection says why", async () => {
  await expect(shared.box.pty.get("pty_none").connect()).rejects.toThrow(errors.PtyNotFound);
  const wrong = new Client({ apiKey: "pf_live_wrong" }).sandbox(shared.box.id).pty.get("pty_none");
  await expect(wrong.connect()).rejects.toThrow(errors.InvalidApiKey);
  const nobody = new Client({ host: "http://127.0.0.1:1" }).sandbox(shared.box.id).pty.get("pty_x");
  await expect(nobody.connect()).rejects.toThrow(errors.NotConnected);
});

test("the WebSocket may be given", async () => {
  const seen: string[] = [];
  class Watched extends WebSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols);
      seen.push(url);
    }
  }
  const client = new Client({ host: HOST, webSocket: Watched as never });
  const terminal = await client.sandbox(shared.box.id).pty.open({ cmd: "echo by ws" });
  const output = await all(await terminal.connect());
  expect(Buffer.concat(output).toString()).toContain("by ws");
  expect(seen.length).toBe(1);
});

test("output is read in parts, without a connection that stays", async () => {
  const terminal = await shared.box.pty.open({ cmd: "stty -opost; seq 1 5000; exit 3" });
  const pieces: Uint8Array[] = [];
  let next = 0;
  while (true) {
    const part = await terminal.read({ sinceSeq: next, maxBytes: 4000, timeoutMs: 10_000 });
    pieces.push(part.data);
    next = part.nextSeq;
    if (part.exitCode !== null) {
      expect(part.exitCode).toBe(3);
      break;
    }
  }
  expect(Buffer.concat(pieces).toString()).toBe(lines(1, 5000));
  expect(await terminal.wait()).toBe(3);
});
