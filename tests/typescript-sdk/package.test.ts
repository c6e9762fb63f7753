/** The package itself: what is in it, that it is what the contract says, and how it is installed. */

import { execFile } from "node:child_process";
import { mkdtemp, readFile, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { errors } from "podflare";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { ROOT, variable } from "./support.js";

// Not a part of what the package offers, so by its place.
const PACKAGE = new URL("../package/", import.meta.url);
const types = await import(new URL("dist/types.js", PACKAGE).href);

const SDK = join(ROOT, "sdk", "typescript");
const MODULES = join(SDK, "node_modules");
const OPENAPI = await readFile(join(ROOT, "openapi.yaml"), "utf8");
const { schemas } = parse(OPENAPI).components;
const run = promisify(execFile);

// Record to schema, and what a record has besides.
const RECORDS: [record: string, schema: string, more: string[]][] = [
  ["sandboxInfo", "Sandbox", []],
  ["undo", "Undo", []],
  ["mount", "Mount", []],
  ["policy", "Policy", []],
  ["networkInfo", "Network", []],
  ["networkRefusal", "Refusal", []],
  ["spaceInfo", "Space", []],
  ["snapshotInfo", "Snapshot", []],
  ["volumeInfo", "Volume", []],
  ["secretInfo", "Secret", []],
  ["terminalInfo", "Terminal", []],
  ["contextInfo", "Context", []],
  ["executionInfo", "Execution", []],
  ["processInfo", "Process", []],
  ["guestProcess", "GuestProcess", []],
  ["fileEntry", "FileEntry", []],
  ["writtenFile", "WrittenFile", []],
  ["watchedChange", "WatchedChange", []],
  ["fileChange", "FileChange", []],
  ["capacity", "Capacity", []],
  ["serverInfo", "Info", []],
  ["keyInfo", "Key", []],
  ["webhookInfo", "Webhook", ["secret"]],
  ["lifecycleEvent", "LifecycleEvent", ["id"]],
];

interface Schema {
  readonly properties?: object;
  readonly allOf?: ({ readonly $ref?: string } & Schema)[];
}

/** All that a schema may have, its parts included. */
function properties(schema: Schema): string[] {
  const parts = (schema.allOf ?? []).flatMap((part) =>
    properties(part.$ref === undefined ? part : schemas[part.$ref.split("/").at(-1) ?? ""]),
  );
  return [...Object.keys(schema.properties ?? {}), ...parts];
}

test.each(RECORDS)("the record %s is the %s of the contract", (record, schema, more) => {
  const kind = types[record];
  const own = Object.keys(kind.shape).map((key) => kind.jsonName(key));
  expect(own.sort()).toEqual([...properties(schemas[schema]), ...more].sort());
});

test("all records are looked at", () => {
  const known = new Set(RECORDS.map(([record]) => record));
  const without = [
    "clonedRepository",
    "familyMember",
    "winner",
    "listeningPort",
    "logLine",
    "unpacked",
    "portLink",
  ];
  const others = Object.keys(types).filter((name) => !known.has(name));
  expect(others.sort()).toEqual([...without, "terminalRead"].sort()); // no schema of their own
});

test("each code has a class", () => {
  const { BY_CODE } = errors;
  expect(Object.keys(BY_CODE).sort()).toEqual([...schemas.ErrorCode.enum].sort());
  const statuses = new Map(
    [...OPENAPI.matchAll(/^ +- ([a-z_]+) # (\d{3})$/gm)].map(([, code, status]) => [code, status]),
  );
  for (const [code, kind] of Object.entries(BY_CODE)) {
    const { name, httpStatus } = kind as unknown as { name: string; httpStatus: number };
    expect(String(httpStatus), code).toBe(statuses.get(code));
    expect(errors[name as keyof typeof errors]).toBe(kind);
  }
});

test("what is generated is as it would be generated", async () => {
  await run(process.execPath, [join(SDK, "scripts", "generate.js"), "--check"]);
});

test.each([SDK, join(ROOT, "tests", "typescript-sdk")])("lint and format of %s", async (folder) => {
  const biome = join(MODULES, "@biomejs", "biome", "bin", "biome");
  await run(process.execPath, [biome, "ci", "--error-on-warnings", "."], { cwd: folder });
});

test("the tests are typed", async () => {
  // With the package as it is published, so its declarations are looked at as well.
  await run(process.execPath, [join(MODULES, "typescript", "bin", "tsc"), "-p", "."]);
});

test("a package has no dependency, and the lock names no registry", async () => {
  const manifest = JSON.parse(await readFile(new URL("package.json", PACKAGE), "utf8"));
  expect(manifest.dependencies).toBeUndefined();
  expect(await readFile(join(SDK, "package-lock.json"), "utf8")).not.toContain('"resolved"');
});

test("the tarball in an empty folder", async () => {
  const folder = await installed();
  await writeFile(join(folder, "program.ts"), PROGRAM);
  const tsc = [join(MODULES, "typescript", "bin", "tsc"), ...STRICT, "program.ts"];
  await run(process.execPath, tsc, { cwd: folder });
  const { stdout } = await run(process.execPath, ["program.js"], { cwd: folder });
  expect(stdout).toBe("84\n");
  await writeFile(join(folder, "import.js"), IMPORT);
  const times: number[] = [];
  for (let round = 0; round < 5; round++) {
    times.push(Number((await run(process.execPath, ["import.js"], { cwd: folder })).stdout));
  }
  times.sort((a, b) => a - b);
  console.log(
    `import of podflare: median ${times[2]?.toFixed(1)} ms, least ${times[0]?.toFixed(1)} ms`,
  );
});

test("terminals need a WebSocket, and say so", async () => {
  const folder = await installed();
  await writeFile(join(folder, "terminal.js"), TERMINAL);
  const say = async () => (await run(process.execPath, ["terminal.js"], { cwd: folder })).stdout;
  if (typeof globalThis.WebSocket !== "function") {
    await expect(say()).rejects.toThrow("npm install ws");
    await symlink(join(MODULES, "ws"), join(folder, "node_modules", "ws"));
  }
  expect(await say()).toContain("hello");
});

test("each framework's door says what it lacks, and the others need none", async () => {
  const folder = await installed();
  const load = (door: string) =>
    run(process.execPath, ["--input-type=module", "-e", `await import("podflare/${door}")`], {
      cwd: folder,
    });
  for (const door of ["anthropic", "gemini", "tools", "errors"]) {
    await load(door);
  }
  await expect(load("openai-agents")).rejects.toThrow("@openai/agents");
  await expect(load("mcp")).rejects.toThrow("@modelcontextprotocol/sdk");
  await expect(load("langchain")).rejects.toThrow("@langchain/core");
  await expect(load("ai-sdk")).rejects.toThrow("'ai'");
});

/** An empty folder but for the package, as npm installs it. */
async function installed(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "empty-"));
  await writeFile(join(folder, "package.json"), '{"private":true,"type":"module"}');
  const install = ["install", "--offline", "--ignore-scripts", "--no-audit", "--no-fund"];
  await run("npm", [...install, variable("SDK_TEST_TARBALL")], { cwd: folder });
  return folder;
}

const STRICT = [
  ...["--module", "NodeNext", "--target", "ES2022", "--lib", "ES2023,DOM,ESNext.Disposable"],
  ...["--strict", "--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess", "--types", ""],
];

const PROGRAM = `import { Sandbox } from "podflare";
await using sandbox = await Sandbox.create();
await sandbox.runCode("x = 42");
const { stdout } = await sandbox.runCode("print(x * 2)");
(globalThis as any).console.log(stdout);
`;

const IMPORT = `const began = performance.now();
await import("podflare");
console.log(performance.now() - began);
`;

const TERMINAL = `import { Sandbox } from "podflare";
await using(await Sandbox.create());
async function using(sandbox) {
  try {
    const terminal = await sandbox.pty.open({ cmd: "echo hello" });
    for await (const data of await terminal.connect()) {
      process.stdout.write(data);
    }
  } finally {
    await sandbox.close();
  }
}
`;
