/** Programs that run on beside all else. */

import { errors } from "podflare";
import { expect, test } from "vitest";
import { all, create, eventually, sharedBox } from "./support.js";

const SERVER = `import socket, sys, time
print('starting', flush=True)
server = socket.create_server(('0.0.0.0', 9000))
print('listening on port 9000', flush=True)
time.sleep(600)`;

const shared = sharedBox();

test("a process is started, told of, and waited for", async () => {
  const { processes } = shared.box;
  const process = await processes.start("echo out; echo err >&2; pwd; echo $A; exit 4", {
    name: "short",
    cwd: "/tmp",
    env: { A: "b" },
  });
  expect(process.started?.name).toBe("short");
  const ended = await process.wait();
  expect(ended).toMatchObject({ state: "ended", exitCode: 4, reason: "exited" });
  const events = await all(process.logs());
  expect(events[0]).toMatchObject({ type: "started", data: process.id, seq: 0 });
  expect(events.at(-1)).toMatchObject({ type: "exit", data: 4, reason: "exited" });
  const output = (stream: string) =>
    events.flatMap((event) => (event.type === stream ? [event.data] : [])).join("");
  expect([output("stdout"), output("stderr")]).toEqual(["out\n/tmp\nb\n", "err\n"]);
  expect((await processes.list()).map((one) => one.processId)).toContain(process.id);
  expect((await processes.get("short").info()).processId).toBe(process.id);
  await expect(processes.get("prc_none").info()).rejects.toThrow(errors.ProcessNotFound);
  await expect(processes.start(["/no/such/program"])).rejects.toThrow(errors.InvalidField);
});

test("a port and a line of the log are waited for", async () => {
  const { box } = shared;
  const process = await box.processes.start(["python3", "-c", SERVER], { name: "server" });
  const port = process.waitForPort(9000, { timeoutSeconds: 120 });
  const line = await process.waitForLog(/LISTENING on port (\d+)/i, { timeoutSeconds: 120 });
  expect(line).toMatchObject({
    stream: "stdout",
    line: "listening on port 9000",
    groups: ["9000"],
  });
  expect(await port).toMatchObject({ port: 9000, reachable: true });
  expect((await box.waitForPort(9000)).addresses).toContain("0.0.0.0");
  expect((await process.waitForLog("starting")).seq).toBeLessThanOrEqual(line.seq);
  const guest = await box.processes.guest();
  expect(guest.processes.map((one) => one.processId)).toContain(process.id);
  expect(guest.truncated).toBe(false);
  await expect(box.waitForPort(9001, { timeoutSeconds: 0.2 })).rejects.toThrow(errors.TimedOut);
  expect((await process.wait({ timeoutSeconds: 0.2 })).state).toBe("running");
  await process.end();
  expect(await process.wait()).toMatchObject({ state: "ended", reason: "cancelled" });
  await expect(process.waitForLog("never", { timeoutSeconds: 60 })).rejects.toThrow(
    errors.ProcessEnded,
  );
});

test("standard input, and signals", async () => {
  const { processes } = shared.box;
  const reader = await processes.start("cat; echo end", { stdinOpen: true });
  await reader.write("one\n");
  await reader.write(new TextEncoder().encode("two\n"), { close: true });
  expect((await reader.wait()).exitCode).toBe(0);
  const output = (await all(reader.logs())).filter((event) => event.type === "stdout");
  expect(output.map((event) => event.data).join("")).toBe("one\ntwo\nend\n");
  const sleeper = await processes.start(
    "trap 'echo told; exit 9' USR1; echo on; while :; do sleep 0.1; done",
  );
  await sleeper.waitForLog("on", { timeoutSeconds: 120 });
  await sleeper.signal("USR1");
  expect((await sleeper.wait()).exitCode).toBe(9);
});

test("a log is followed while it grows, and left", async () => {
  const { processes } = shared.box;
  const process = await processes.start("cat; exit 2", { stdinOpen: true });
  const seen: string[] = [];
  for await (const event of process.logs({ follow: true })) {
    if (event.type === "started") {
      await process.write("first\n");
    } else if (event.type === "stdout") {
      seen.push(event.data);
      if (seen.length === 1) {
        await process.write("last\n", { close: true });
      }
    }
  }
  expect(seen.join("")).toBe("first\nlast\n");
  const stop = new AbortController();
  const endless = await processes.start("sleep 600");
  const logs = all(endless.logs({ follow: true, signal: stop.signal }));
  stop.abort(new Error("enough"));
  await expect(logs).rejects.toThrow("enough");
  await endless.signal(9);
  expect((await endless.wait()).exitCode).toBe(137);
});

test("a process goes on in a fork", async () => {
  const parent = await create();
  const process = await parent.processes.start("sleep 600", { name: "kept" });
  const [child] = await parent.fork();
  if (child === undefined) {
    throw new Error("no child");
  }
  const copy = await eventually(async () => {
    const [one] = await child.processes.list();
    return one?.state === "running" && one;
  });
  expect(copy.name).toBe("kept");
  await child.processes.get("kept").end();
  await child.processes.get("kept").wait();
  expect((await process.info()).state).toBe("running");
  await child.close();
});
