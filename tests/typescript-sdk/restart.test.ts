/** A daemon that is killed and starts anew while the SDK is at work. */

import { type ChildProcess, spawn } from "node:child_process";
import { openSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, errors } from "podflare";
import { afterEach, beforeEach, expect, test } from "vitest";
import { eventually, lines, ROOT, variable } from "./support.js";

const KEY = "pf_live_restarted_0123456789";
const DATA = variable("SDK_TEST_DATA");
const SERVES = "engine:\n  template: minimal\nnetwork:\n  enabled: false\n";

/** A daemon of this test's own, always at one address. */
class Daemon {
  #process: ChildProcess | undefined;

  private constructor(
    private readonly folder: string,
    private readonly listen: string,
  ) {}

  static async make(): Promise<Daemon> {
    const folder = await mkdtemp(join(tmpdir(), "restart-"));
    await writeFile(join(folder, "serve.yaml"), SERVES);
    return new Daemon(folder, `127.0.0.1:${await freePort()}`);
  }

  get client(): Client {
    return new Client({ host: this.listen, apiKey: KEY });
  }

  async start(): Promise<void> {
    const log = openSync(join(this.folder, "serve.log"), "a");
    const given = ["serve", "--config", join(this.folder, "serve.yaml"), "--listen", this.listen];
    given.push("--data", DATA, "--pool", "1", "--blanks", "0");
    given.push("--templates", variable("SDK_TEST_TEMPLATES"));
    const env = { ...process.env, PODFLARE_API_KEYS: KEY, HOME: variable("SDK_TEST_HOME") };
    const daemon = spawn(join(ROOT, "podflare"), given, { env, stdio: ["ignore", log, log] });
    this.#process = daemon;
    await eventually(async () => {
      if (daemon.exitCode !== null) {
        throw new Error(await readFile(join(this.folder, "serve.log"), "utf8"));
      }
      return await this.client.healthz();
    });
  }

  async end(how: NodeJS.Signals): Promise<void> {
    const daemon = this.#process;
    this.#process = undefined;
    if (daemon !== undefined && daemon.exitCode === null && daemon.signalCode === null) {
      await new Promise((resolve) => {
        daemon.once("exit", resolve);
        daemon.kill(how);
      });
    }
  }
}

let daemon: Daemon;

beforeEach(async () => {
  daemon = await Daemon.make();
  await daemon.start();
});

afterEach(async () => {
  await daemon.end("SIGTERM");
  await rm(DATA, { recursive: true, force: true });
});

test("a call, a log and a wait outlive the daemon", async () => {
  const { client } = daemon;
  await using sandbox = await client.create();
  const code =
    "import os, time\nfor i in range(400):\n    print(i, flush=True)\n    time.sleep(0.05)";
  const process = await sandbox.processes.start(["python3", "-c", code]);
  const ended = process.wait();
  const logged = logOf();
  let begun: () => void = () => {};
  const running = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const call = sandbox.runCode(code, { onEvent: (event) => event.type === "stdout" && begun() });
  await running;
  await daemon.end("SIGKILL");
  await expect(client.info()).rejects.toThrow(errors.NotConnected);
  await daemon.start();
  expect((await sandbox.runCode("echo beside", { language: "bash" })).stdout).toBe("beside");
  const result = await call;
  expect(`${result.stdout}\n`).toBe(lines(0, 399));
  expect(result.truncated).toBe(false);
  expect((await sandbox.runCode("print(i)")).stdout).toBe("399");
  expect((await ended).exitCode).toBe(0);
  expect((await logged).endsWith("\n398\n399\n")).toBe(true);

  async function logOf(): Promise<string> {
    let output = "";
    for await (const event of process.logs({ follow: true })) {
      output += event.type === "stdout" ? event.data : "";
    }
    return output;
  }
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}
