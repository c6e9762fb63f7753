/** The sandbox itself: beginning and end, forks, what is saved, network, ports, events. */

import { Client, errors, type LifecycleEvent, Sandbox } from "podflare";
import { expect, test } from "vitest";
import { all, client, create, eventually, KEY } from "./support.js";

const NOBODY = `sbx_${"0".repeat(32)}`;

async function text(sandbox: Sandbox, code: string): Promise<string> {
  return (await sandbox.runCode(code)).stdout;
}

test("records", async () => {
  const metadata = { who: "me" };
  const options = { metadata, egress: false, timeoutSeconds: 600, env: { A: "b" } };
  const sandbox = await create(options);
  const info = await sandbox.info();
  expect([info.id, info.state, info.metadata]).toEqual([sandbox.id, "ready", metadata]);
  expect(info.network.default).toBe("deny");
  expect(info.expiresAt.getTime()).toBeGreaterThan(info.createdAt.getTime());
  expect(["pool", "restore", "boot"]).toContain(sandbox.record?.source);
  expect((await all(client.sandboxes({ metadata }))).map((one) => one.id)).toEqual([sandbox.id]);
  const changed = await sandbox.update({ timeoutSeconds: 900, metadata: {} });
  expect(changed.timeoutSeconds).toBe(900);
  expect(await all(client.sandboxes({ metadata }))).toEqual([]);
  expect((await sandbox.runCode("echo $A", { language: "bash" })).stdout).toBe("b");
  expect(await text(Sandbox.connect(sandbox.id, { client }), "print(1)")).toBe("1");
  expect((await client.info()).version).not.toBe("");
  expect((await client.capacity()).sandboxes).toBeGreaterThanOrEqual(1);
  expect(await client.healthz()).toBe(true);
});

test("a sandbox is closed where its block ends, whatever happens", async () => {
  let id = "";
  const block = async () => {
    await using sandbox = await Sandbox.create();
    id = sandbox.id;
    throw new RangeError("out of the block");
  };
  await expect(block()).rejects.toThrow(RangeError);
  const closed = client.sandbox(id);
  const gone = await closed.runCode("print(1)").catch((error: unknown) => error);
  expect(gone).toBeInstanceOf(errors.Gone);
  expect((gone as InstanceType<typeof errors.Gone>).details.reason).toBe("deleted");
  await closed.close();
});

test("refusals have classes", async () => {
  const refused = await client
    .sandbox(NOBODY)
    .info()
    .catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(errors.SandboxNotFound);
  expect(refused).toBeInstanceOf(errors.ApiError);
  expect(refused).toMatchObject({
    status: 404,
    code: "sandbox_not_found",
    name: "SandboxNotFound",
  });
  const { requestId, help } = refused as InstanceType<typeof errors.ApiError>;
  expect(requestId).toBeDefined();
  expect(await (await fetch(help ?? "")).text()).toContain("What to do: ");
  await expect(create({ template: "no-such-template" })).rejects.toThrow(errors.TemplateNotFound);
  await expect(create({ ramMib: 1 << 30 })).rejects.toThrow(/16/);
  await expect(create({ network: { defualt: "deny" } as object })).rejects.toThrow(
    errors.UnknownPolicyField,
  );
});

test("forks, merge, diff and tree", async () => {
  const parent = await create();
  await parent.runCode("x = 1; open('/root/changed', 'w').write('old')");
  const [loser, winner] = await parent.fork(2, { metadata: { role: "try" }, reseed: true });
  if (loser === undefined || winner === undefined) {
    throw new Error("not two");
  }
  expect((await winner.info()).metadata).toEqual({ role: "try" });
  await winner.runCode("x = 2; open('/root/changed', 'w').write('new'); open('/root/added', 'w')");
  const diff = await parent.diff(winner, { paths: ["/root"], content: true });
  expect(diff).toMatchObject({ added: ["/root/added"], removed: [], modified: ["/root/changed"] });
  const changed = diff.changes.modified.find((one) => one.path === "/root/changed");
  expect(changed?.patch).toContain("+new");
  const family = (await parent.tree()).map((one) => one.id);
  expect(new Set(family)).toEqual(new Set([parent.id, loser.id, winner.id]));
  await parent.mergeInto(winner, { closeSiblings: true });
  await winner.close(); // leaves what was merged
  expect(await text(parent, "print(x)")).toBe("2");
  const reasons = new Map((await parent.tree()).map((one) => [one.id, one.closeReason]));
  expect(reasons.get(winner.id)).toBe("merged");
  expect(reasons.get(loser.id)).not.toBeNull();
  await expect(parent.mergeInto(parent)).rejects.toThrow(errors.InvalidField);
});

test("fan-out", async () => {
  const parent = await create();
  await parent.runCode("base = 10");
  const heard = new Set<number>();
  const codes = ["score = base + 3; print(score)", "score = base - 3; print(score)", "1 / 0"];
  const best = await parent.fanout(codes, { pick: "min", onEvent: (index) => heard.add(index) });
  expect(best.winner).toMatchObject({ index: 1, value: 7 });
  expect(best.results.map((result) => result?.exitCode)).toEqual([0, 0, 1]);
  expect(best.children).toEqual([]);
  expect(heard).toEqual(new Set([0, 1, 2]));
  expect(await text(parent, "print(score)")).toBe("7");
  const both = await parent.fanout("print('alive')", { n: 2 });
  for (const child of both.children) {
    expect(await text(child, "print(score)")).toBe("7");
    await child.close();
  }
  expect(both.results.map((result) => result?.stdout)).toEqual(["alive", "alive"]);
});

test("pause, freeze and wake", async () => {
  const sandbox = await create({ persistent: true });
  await sandbox.runCode("x = 7");
  expect((await sandbox.pause()).state).toBe("paused");
  expect((await sandbox.resume()).state).toBe("ready");
  const space = await sandbox.freeze();
  expect(space.sandboxId).toBe(sandbox.id);
  await sandbox.close(); // leaves what was frozen
  expect(await client.spaces.get(space.id)).toEqual(space);
  expect(await text(sandbox, "print(x)")).toBe("7");
  const again = await sandbox.freeze();
  const resumed = await Sandbox.resume(again.id, { client, persistent: false });
  expect(resumed.id).not.toBe(sandbox.id);
  expect(await text(resumed, "print(x)")).toBe("7");
  await resumed.close();
  expect((await client.spaces.list()).map((one) => one.id)).not.toContain(again.id);
  await expect(client.spaces.resume(again.id)).rejects.toThrow(errors.SpaceNotFound);
  await client.spaces.delete(again.id);
});

test("snapshots, rollback and undo", async () => {
  const sandbox = await create({ undo: 3 });
  await sandbox.runCode("x = 1");
  const name = "typescript-sdk-test";
  const snapshot = await sandbox.snapshot({ name, expiresInSeconds: 600 });
  try {
    await expect(sandbox.snapshot({ name })).rejects.toThrow(errors.SnapshotExists);
    expect((await client.snapshots.list()).map((one) => one.name)).toContain(name);
    await sandbox.runCode("x = 2");
    await sandbox.runCode("x = 3");
    expect((await sandbox.undo()).undo?.keep).toBe(3);
    expect(await text(sandbox, "print(x)")).toBe("2");
    await expect(sandbox.undo(100)).rejects.toThrow(errors.NothingToUndo);
    await sandbox.rollback(snapshot);
    expect(await text(sandbox, "print(x)")).toBe("1");
    expect(await text(await create({ snapshot: name }), "print(x)")).toBe("1");
  } finally {
    await client.snapshots.delete(snapshot.id);
  }
});

test("network and ports", async () => {
  const sandbox = await create({ network: { default: "deny", allow: ["example.com:443"] } });
  expect(await sandbox.network()).toMatchObject({
    default: "deny",
    allow: ["example.com:443"],
    dns: "on",
  });
  expect((await sandbox.setNetwork({ default: "deny" })).allow).toEqual([]);
  const connect = "exec 3<>/dev/tcp/192.0.2.1/80";
  expect((await sandbox.runCode(connect, { language: "bash" })).exitCode).toBe(1);
  const refused = await eventually(async () => (await sandbox.network()).lastRefused[0]);
  expect(refused.address).toBe("192.0.2.1");
  await sandbox.files.write("/tmp/site/page", "here\n");
  const site = await sandbox.processes.start("python3 -m http.server 8000", { cwd: "/tmp/site" });
  expect((await site.waitForPort(8000, { timeoutSeconds: 120 })).reachable).toBe(true);
  const headers = { Authorization: `Bearer ${KEY}` };
  expect(await (await fetch(`${sandbox.portUrl(8000)}page`, { headers })).text()).toBe("here\n");
  const link = await sandbox.portLink(8000, { expiresInSeconds: 60 });
  expect(link.expiresAt.getTime()).toBeGreaterThan(Date.now());
  const visit = await fetch(link.url, { redirect: "manual" });
  const cookie = visit.headers.getSetCookie()[0]?.split(";")[0] ?? "";
  const place = new URL(visit.headers.get("Location") ?? "", link.url);
  expect((await fetch(place, { headers: { Cookie: cookie } })).status).toBe(200);
});

test("secrets", async () => {
  const first = { name: "API_KEY", hosts: ["api.example"], header: "X-Key", value: "v-4711" };
  const box = await create({ secrets: [first] });
  const [secret] = await box.secrets.list();
  expect(secret).toMatchObject({ name: "API_KEY", hosts: ["api.example:443"], header: "X-Key" });
  expect(secret).toMatchObject({ query: null, uses: 0, lastUsedAt: null });
  expect(await text(box, "import os; print(os.environ['API_KEY'])")).toBe(secret?.placeholder);
  const place = { hosts: ["*.other.example:8443"], query: "key" };
  expect((await box.secrets.set("OTHER", "v-4712", place)).query).toBe("key");
  await box.secrets.delete("OTHER");
  await expect(box.secrets.delete("OTHER")).rejects.toThrow(errors.SecretNotFound);
  const credential = { token: "v-4713" };
  const cloned = box.gitClone("https://git.example/team/app.git", { depth: 1, credential });
  await expect(cloned).rejects.toThrow(errors.GitNotAvailable); // of the template minimal
});

test("volumes", async () => {
  const name = "typescript-sdk";
  const volume = await client.volumes.create(name, { maxMib: 64 });
  try {
    expect(volume).toMatchObject({ name, maxBytes: 64 << 20, mountedIn: [] });
    await expect(client.volumes.create(name)).rejects.toThrow(errors.VolumeExists);
    const mounts = [{ volume: name, path: "/data" }];
    const writer = await create({ mounts });
    await writer.runCode("open('/data/note', 'w').write('shared')");
    const reader = await create({ mounts: [{ volume: volume.id, path: "/in", readOnly: true }] });
    expect(await text(reader, "print(open('/in/note').read())")).toBe("shared");
    expect((await reader.info()).mounts).toEqual([
      { volume: name, volumeId: volume.id, path: "/in", readOnly: true },
    ]);
    const seen = await client.volumes.get(name);
    expect(new Set(seen.mountedIn)).toEqual(new Set([writer.id, reader.id]));
    expect((await client.volumes.list()).map((one) => one.id)).toContain(volume.id);
    await expect(client.volumes.delete(name)).rejects.toThrow(errors.VolumeInUse);
    const other = await create({ mounts: [{ volume: "made-by-it", path: "/new", create: true }] });
    await other.close();
  } finally {
    await client.volumes.delete(name, { force: true });
    await client.volumes.delete("made-by-it", { force: true });
  }
  await expect(client.volumes.get(name)).rejects.toThrow(errors.VolumeNotFound);
});

test("events of a life", async () => {
  const last = (await all(client.events({ after: 0, follow: false }))).at(-1)?.id ?? 0;
  const sandbox = await create();
  await sandbox.close();
  const told: LifecycleEvent[] = [];
  for await (const event of client.events({ after: last })) {
    if (event.data.sandbox_id === sandbox.id) {
      told.push(event);
      if (event.type === "sandbox.closed") {
        break;
      }
    }
  }
  expect(told.map((event) => event.type)).toEqual(["sandbox.created", "sandbox.closed"]);
  expect(told[0]?.timestamp).toBeInstanceOf(Date);
});

test("following events is stopped", async () => {
  const stop = new AbortController();
  const following = all(client.events({ signal: stop.signal }));
  stop.abort(new Error("enough"));
  await expect(following).rejects.toThrow("enough");
});

test("webhooks and keys", async () => {
  await expect(client.webhooks.create("http://127.0.0.1/")).rejects.toThrow(errors.InvalidField);
  expect(await client.webhooks.list()).toEqual([]);
  await expect(client.keys.list()).rejects.toThrow(errors.Forbidden);
});

test("the address of a server", () => {
  expect(new Client({ host: "example.com:8787/" }).host).toBe("http://example.com:8787");
  expect(new Client({ region: "eu" }).host).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/r\/eu$/);
  expect(() => new Client({ host: "ftp://example.com" })).toThrow(TypeError);
});
