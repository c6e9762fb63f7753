/** The package in other runtimes than Node. Those that cannot be had here are skipped. */

import { execFile, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { eventually, HOST, KEY, MILLIS, ROOT } from "./support.js";

const HERE = join(ROOT, "tests", "typescript-sdk", "runtimes");
const MODULES = join(HERE, "node_modules");
const run = promisify(execFile);
const SEEN = {
  state: "42",
  events: ["stdout 0", "stdout 1", "stdout 2", "exit 0"],
  merged: "8",
  bytes: [5_000_000, 7],
  refused: [true, "sandbox_not_found"],
};

/** Where a runtime is: in PATH, else among the packages; empty if nowhere. */
async function find(name: string, file: string): Promise<string> {
  for (const program of [name, join(MODULES, file)]) {
    try {
      await run(program, ["--version"], { timeout: MILLIS });
      return program;
    } catch {
      // not there, or not for this processor
    }
  }
  console.warn(`${name} cannot be had here: its test is skipped`);
  return "";
}

const bun = await find("bun", "@oven/bun-linux-x64-baseline/bin/bun");
const deno = await find("deno", "@deno/linux-x64-glibc/deno");
const workerd = await find("workerd", "@cloudflare/workerd-linux-64/bin/workerd");

/** The program beside the package, in a folder of its own. */
function folder(name: string): string {
  const at = resolve("runtimes", name);
  mkdirSync(join(at, "node_modules"), { recursive: true });
  cpSync(resolve("node_modules", "podflare"), join(at, "node_modules", "podflare"), {
    recursive: true,
    dereference: true,
  });
  cpSync(join(HERE, "program.mjs"), join(at, "program.mjs"));
  writeFileSync(
    join(at, "main.mjs"),
    'import { work } from "./program.mjs";\nconsole.log(JSON.stringify(await work()));\n',
  );
  writeFileSync(join(at, "package.json"), '{"type": "module", "dependencies": {"podflare": "*"}}');
  return at;
}

async function seen(program: string, args: string[], cwd: string): Promise<unknown> {
  const done = await run(program, args, { cwd, timeout: MILLIS });
  return JSON.parse(done.stdout);
}

test.skipIf(bun === "")("Bun", async () => {
  const own = await seen(bun, ["run", "main.mjs"], folder("bun"));
  expect(own).toEqual({ ...SEEN, terminal: [true, 3] });
});

test.skipIf(deno === "")("Deno", async () => {
  const rights = ["--allow-net=127.0.0.1", "--allow-env", "--allow-read"];
  const args = ["run", "--no-remote", "--node-modules-dir=manual", ...rights, "main.mjs"];
  const own = await seen(deno, args, folder("deno"));
  expect(own).toEqual({ ...SEEN, terminal: [true, 3] });
});

/** The runtime of Cloudflare's Workers: no Node, no environment, an isolate for each request. */
test.skipIf(workerd === "")("workerd, an edge runtime", async () => {
  const at = folder("workerd");
  const dist = join("node_modules", "podflare", "dist");
  const modules = (readdirSync(join(at, dist), { encoding: "utf8" }) as string[])
    .filter((name) => name.endsWith(".js"))
    .map((name) => `(name = "dist/${name}", esModule = embed "${dist}/${name}")`);
  const program = 'import { work } from "./program.mjs";';
  const where = JSON.stringify({ host: HOST, apiKey: KEY, sockets: false });
  const answer = `export default { async fetch() { return Response.json(await work(${where})); } };`;
  writeFileSync(join(at, "worker.mjs"), `${program}\n${answer}\n`);
  const port = await freePort();
  const config = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .worker),
    (name = "loopback", network = (allow = ["local", "private", "public"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  modules = [
    (name = "worker.mjs", esModule = embed "worker.mjs"),
    (name = "program.mjs", esModule = embed "program.mjs"),
    (name = "podflare", esModule = "export * from 'dist/index.js';"),
    ${modules.join(",\n    ")},
  ],
  compatibilityDate = "2026-01-01",
  globalOutbound = "loopback",
);
`;
  writeFileSync(join(at, "config.capnp"), config);
  const server = spawn(workerd, ["serve", "config.capnp"], { cwd: at, stdio: "pipe" });
  let said = "";
  server.stderr.on("data", (data) => {
    said += data;
  });
  try {
    const response = await eventually(async () => {
      if (server.exitCode !== null) {
        throw new Error(said);
      }
      return fetch(`http://127.0.0.1:${port}/`).catch(() => undefined);
    });
    expect(response.status, said).toBe(200);
    expect(await response.json()).toEqual(SEEN);
  } finally {
    server.kill("SIGKILL");
  }
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  return typeof address === "object" && address !== null ? address.port : 0;
}

test("all of the package is there for those that have no files", () => {
  expect(existsSync(resolve("node_modules", "podflare", "dist", "index.js"))).toBe(true);
});
