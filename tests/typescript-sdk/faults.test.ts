/** What goes wrong on the way, and what the SDK makes of it. */

import { randomBytes } from "node:crypto";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { ApiError, Client, type ClientOptions, errors, type Sandbox } from "podflare";
import { afterEach, beforeEach, expect, test } from "vitest";
import { answer, FaultyProxy } from "./proxy.js";
import { all, client, create, HOST, KEY, lines, sharedBox, variable } from "./support.js";

const CODE =
  "import sys, time\nfor i in range(5):\n    print('line', i)\n    time.sleep(0.02)\n6 * 7";
const STDOUT = [0, 1, 2, 3, 4].map((i) => `line ${i}\n`).join("");
const LOGGING = `import sys, time
for i in range(1, 301):
    print(i, flush=True)
    time.sleep(0.005)
sys.exit(3)`;
const BUSY = '{"error":"full","code":"host_full","details":{}}';

const shared = sharedBox();
let proxy: FaultyProxy;

beforeEach(async () => {
  proxy = await FaultyProxy.before(HOST);
});
afterEach(async () => {
  await proxy[Symbol.asyncDispose]();
});

function through(options: ClientOptions = {}): Client {
  return new Client({ host: proxy.host, ...options });
}

function throughBox(options: ClientOptions = {}): Sandbox {
  return through(options).sandbox(shared.box.id);
}

function toExec(head: string): boolean {
  return head.slice(0, head.indexOf("\r\n")).includes("/exec");
}

async function failing<T extends Error>(
  kind: abstract new (...given: never[]) => T,
  act: () => Promise<unknown>,
): Promise<T> {
  try {
    await act();
  } catch (error) {
    expect(error).toBeInstanceOf(kind);
    return error as T;
  }
  throw new Error(`no ${kind.name}`);
}

/** How many bytes of an answer there are before each event, seen by a look at the wire. */
async function endsOfEvents(): Promise<number[]> {
  const answer = await fetch(`${HOST}/v1/sandboxes/${shared.box.id}/exec`, {
    method: "POST",
    headers: { Authorization: `Bearer ${KEY}`, "Content-Type": "application/json" },
    body: JSON.stringify({ code: CODE, framing: "chunks" }),
  });
  const head = [...answer.headers].reduce(
    (size, [key, value]) => size + key.length + value.length + 4,
    19,
  );
  const events = (await answer.text()).split("\n").filter((line) => line !== "");
  const ends = [head];
  for (const event of events) {
    ends.push((ends.at(-1) ?? 0) + event.length + 9); // with the marks of a chunk
  }
  return ends;
}

test("a stream that is cut at each event has no gap and no repeat", async () => {
  const { box } = shared;
  proxy.only = toExec;
  let joined = 0;
  for (const cut of await endsOfEvents()) {
    for (const jitter of [0, 25]) {
      proxy.cuts = [cut + jitter];
      proxy.requests = [];
      const events = await all(throughBox().runCodeStream(CODE, { framing: "chunks" }));
      expect(events).toEqual(await all(box.joinStream(String(events[0]?.data))));
      const output = events.filter((event) => event.type === "stdout").map((event) => event.data);
      expect(output.join("")).toBe(STDOUT);
      joined += proxy.count("from_seq=");
    }
  }
  expect(joined).toBeGreaterThanOrEqual(4);
});

test("a stream is cut again and again", async () => {
  proxy.only = toExec;
  proxy.cuts = [450, 450, 450, 450, 450, 450];
  const result = await throughBox().runCode(CODE);
  expect(`${result.stdout}\n`).toBe(STDOUT);
  expect(result.value?.text).toBe("42");
  expect(result.truncated).toBe(false);
  expect(proxy.count("from_seq=")).toBeGreaterThanOrEqual(2);
});

test("a call that may have run is not repeated", async () => {
  await shared.box.runCode("ran = 0");
  proxy.only = toExec;
  proxy.cuts = [5]; // its head does not come, so there is nothing to join
  await failing(errors.ConnectionBroken, () => throughBox().runCode("ran += 1"));
  expect((await shared.box.runCode("print(ran)")).stdout).toBe("1");
  expect(proxy.requests.filter(toExec).length).toBe(1);
});

test("a create that is cut makes one sandbox", async () => {
  proxy.cuts = [20];
  const metadata = { fault: "create" };
  const sandbox = await through().create({ metadata });
  const names = (await all(client.sandboxes({ metadata }))).map((one) => one.id);
  await sandbox.close();
  expect(names).toEqual([sandbox.id]);
  const creates = proxy.requests.filter((head) => head.startsWith("POST /v1/sandboxes "));
  expect(creates.length).toBe(2);
  expect(new Set(creates.map((head) => /^idempotency-key: (.+)$/im.exec(head)?.[1])).size).toBe(1);
});

test("busy servers are waited for", async () => {
  proxy.answers = [
    answer("503 Busy", BUSY, { "Retry-After": "1" }),
    answer("429 Slow", "not ours", { "Retry-After": "0" }),
  ];
  const began = performance.now();
  expect((await throughBox().info()).id).toBe(shared.box.id);
  expect(performance.now() - began).toBeGreaterThanOrEqual(1000);
  expect(proxy.requests.length).toBe(3);
});

test("not longer than the caller waits", async () => {
  proxy.answers = [answer("503 Busy", BUSY, { "Retry-After": "60" })];
  const full = await failing(errors.HostFull, () => throughBox({ timeoutSeconds: 5 }).info());
  expect(full.retryAfter).toBe(60);
  expect(proxy.requests.length).toBe(1);
});

test("what is not safe is not repeated", async () => {
  proxy.answers = [answer("503 Busy", BUSY, { "Retry-After": "0" })];
  await failing(errors.HostFull, () => throughBox().runCode("print(1)"));
  expect(proxy.requests.length).toBe(1);
});

test("a used up quota is not waited for", async () => {
  const body = '{"error":"no more","code":"too_many_sandboxes","details":{"limit":1}}';
  proxy.answers = [answer("429 Quota", body, { "Retry-After": "1" })];
  const refused = await failing(errors.TooManySandboxes, () => through().create());
  expect(refused.details).toEqual({ limit: 1 });
  expect(proxy.requests.length).toBe(1);
});

test("a slow server", async () => {
  proxy.delay = 3000;
  await failing(errors.NoAnswerInTime, () =>
    throughBox({ timeoutSeconds: 0.5, retries: 0 }).info(),
  );
  proxy.delay = 200;
  expect((await throughBox().runCode("print(1)")).stdout).toBe("1");
});

test("a silent stream is joined again", async () => {
  // Silence is longer than the server's heartbeat would be, so the connection is dead.
  const box = throughBox({ silenceSeconds: 1 });
  const result = await box.runCode("import time; time.sleep(4); print('awake')");
  expect(result.stdout).toBe("awake");
  expect(proxy.count("from_seq=")).toBeGreaterThanOrEqual(1);
});

test("no server", async () => {
  const nobody = new Client({ host: `http://127.0.0.1:${await freePort()}` });
  const error = await failing(errors.NotConnected, () => nobody.info());
  expect(error.message).toMatch("is it running");
  expect(error.code).toBe("unreachable");
  expect(await nobody.healthz()).toBe(false);
});

test("a server that is only starting gets what could not be sent, whatever it is", async () => {
  const port = await freePort();
  const starting = new Client({ host: `http://127.0.0.1:${port}`, retries: 100 });
  const call = starting.sandbox(shared.box.id).runCode("print(1)");
  await sleep(500);
  const late = await FaultyProxy.before(HOST, port);
  try {
    expect((await call).stdout).toBe("1");
  } finally {
    await late[Symbol.asyncDispose]();
  }
});

test("what can be read only once is sent only once", async () => {
  const nobody = new Client({ host: `http://127.0.0.1:${await freePort()}`, retries: 100 });
  async function* pieces() {
    yield new Uint8Array(1000);
  }
  const { files } = nobody.sandbox(shared.box.id);
  await failing(errors.NotConnected, () => files.write("/root/once", pieces()));
});

test("no limit in time is none", async () => {
  const patient = throughBox({ timeoutSeconds: Infinity, silenceSeconds: Infinity });
  expect((await patient.runCode("print(1)")).stdout).toBe("1");
  expect((await patient.info()).id).toBe(shared.box.id);
});

test("a wrong key", async () => {
  const wrong = new Client({ apiKey: "pf_live_wrong" });
  const refused = await failing(errors.InvalidApiKey, () => wrong.create());
  expect(refused.status).toBe(401);
});

test("another key sees nothing", async () => {
  const other = new Client({ apiKey: variable("SDK_TEST_OTHER_KEY") });
  await failing(errors.SandboxNotFound, () => other.sandbox(shared.box.id).runCode("print(1)"));
});

test("the key shows nowhere", async () => {
  const { inspect } = await import("node:util");
  expect(inspect(shared.box, { depth: 20, showHidden: true })).not.toContain(KEY);
});

test("an expired sandbox", async () => {
  const sandbox = await create({ timeoutSeconds: 4 });
  const slow = "import time\nprint('on', flush=True)\ntime.sleep(100)";
  expect((await sandbox.runCode(slow)).reason).toBe("sandbox_closed");
  const gone = await failing(errors.Gone, () => sandbox.runCode("print(1)"));
  expect(gone.details.reason).toBe("timeout");
});

test("nonsense", async () => {
  const box = throughBox();
  proxy.answers = [answer("200 OK", "<html>a proxy's page</html>")];
  await failing(errors.BadAnswer, () => box.info());
  proxy.answers = [answer("200 OK", '{"type":"exit"}\n', { "X-Exec-Id": "exe_1" })];
  await failing(errors.BadAnswer, () => box.runCode("print(1)"));
  proxy.answers = [answer("418 Teapot", "short and stout")];
  const teapot = await failing(ApiError, () => box.info());
  expect([teapot.status, teapot.code, teapot.name]).toEqual([418, "http_418", "ApiError"]);
});

test("a call that is stopped interrupts the code", async () => {
  const stop = new AbortController();
  const { box } = shared;
  const call = box.runCode("import time\nprint('on', flush=True)\ntime.sleep(600)", {
    signal: stop.signal,
    onEvent: (event) => event.type === "stdout" && stop.abort(new Error("enough")),
  });
  await expect(call).rejects.toThrow("enough");
  const [last] = await box.executions();
  expect((await box.join(String(last?.id))).reason).toBe("cancelled");
  await expect(box.runCode("1", { signal: AbortSignal.abort(new Error("never")) })).rejects.toThrow(
    "never",
  );
});

test("a reader that leaves a stream leaves the code", async () => {
  const { box } = shared;
  let execId = "";
  for await (const event of box.runCodeStream(CODE, { framing: "chunks" })) {
    if (event.type === "started") {
      execId = event.data;
    } else {
      break;
    }
  }
  expect(`${(await box.join(execId)).stdout}\n`).toBe(STDOUT);
});

test("a download goes on where it was cut", async () => {
  const { box } = shared;
  const data = new Uint8Array(randomBytes(5 << 20));
  await box.files.write("/root/big", data);
  proxy.cuts = [1 << 20, 2 << 20];
  expect(Buffer.compare(await throughBox().files.read("/root/big"), data)).toBe(0);
  expect(proxy.requests.filter((head) => /^range: bytes=/im.test(head)).length).toBe(2);
  proxy.cuts = [1 << 20];
  const pieces = throughBox().files.stream("/root/big");
  await pieces.next();
  await box.files.write("/root/big", "changed".repeat(1 << 20));
  const error = await failing(errors.PodflareError, () => all(pieces));
  expect(["bad_answer", "unreachable"]).toContain(error.code);
});

test("an upload goes on where it was cut", async () => {
  const data = new Uint8Array(randomBytes(8 << 20));
  proxy.cutBodyAfter = 3 << 20;
  const written = await throughBox().files.write("/root/uploaded", new Blob([data]));
  expect(written.size).toBe(data.length);
  const puts = proxy.requests.filter((head) => head.startsWith("PUT "));
  expect(puts.length).toBeGreaterThanOrEqual(2); // the server may still take what came before the cut
  const from = Number(/offset=(\d+)/.exec(puts.at(-1) ?? "")?.[1]);
  expect(from).toBeGreaterThan(0);
  expect(from).toBeLessThanOrEqual(3 << 20);
  expect(Buffer.compare(await shared.box.files.read("/root/uploaded"), data)).toBe(0);
});

test("events go on after a cut", async () => {
  const last = (await all(client.events({ after: 0, follow: false }))).at(-1)?.id ?? 0;
  proxy.only = (head) => head.includes("/v1/events");
  proxy.cuts = [900, 700];
  const sandbox = await create();
  for (const child of await sandbox.fork(2)) {
    await child.close();
  }
  await sandbox.close();
  const ids: number[] = [];
  for await (const event of through().events({ after: last })) {
    ids.push(event.id);
    if (event.type === "sandbox.closed" && event.data.sandbox_id === sandbox.id) {
      break;
    }
  }
  const told = await all(client.events({ after: last, follow: false }));
  expect(ids).toEqual(told.map((event) => event.id).slice(0, ids.length));
  expect(proxy.requests.length).toBeGreaterThanOrEqual(2);
});

test("a terminal goes on after a cut", async () => {
  const terminal = await throughBox().pty.open({ cmd: "stty -opost; seq 1 20000; exit 4" });
  proxy.only = (head) => head.includes("/attach");
  proxy.cuts = [3000, 30000, 10];
  expect(await terminal.outputText()).toBe(lines(1, 20000));
  expect(proxy.count("/attach")).toBeGreaterThanOrEqual(3);
});

test("the log of a process goes on after a cut", async () => {
  const process = await throughBox().processes.start(["python3", "-c", LOGGING]);
  proxy.only = (head) => head.includes("/logs");
  proxy.cuts = [2000, 1500, 10];
  const events = await all(process.logs({ follow: true }));
  const output = events.filter((event) => event.type === "stdout").map((event) => event.data);
  expect(output.join("")).toBe(lines(1, 300));
  expect(events.at(-1)).toMatchObject({ type: "exit", data: 3 });
  expect(proxy.count("/logs")).toBeGreaterThanOrEqual(3);
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}
