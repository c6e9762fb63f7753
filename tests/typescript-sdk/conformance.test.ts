/** The conformance scripts, by the SDK. */

import { ApiError, type ExecEvent, ExecResult, Sandbox } from "podflare";
import { SandboxNotFound } from "podflare/errors";
import { expect, test } from "vitest";
import * as conformance from "./conformance.js";
import { all, client } from "./support.js";

// biome-ignore lint/suspicious/noExplicitAny: the scripts have no types, and the server checks them
type Given = any;

const CALLS: Record<string, (given: Given) => unknown> = {
  create: (a) => client.create(camel(a)),
  connect: (a) => Sandbox.connect(a.id),
  resume_space: ({ space, ...a }) => client.resume(space, camel(a)),
  list: (a) => all(client.sandboxes(a)),
  spaces: () => client.spaces.list(),
  snapshots: () => client.snapshots.list(),
  get_space: (a) => client.spaces.get(a.space),
  delete_space: (a) => client.spaces.delete(a.space),
  delete_snapshot: (a) => client.snapshots.delete(a.snapshot),
  create_volume: ({ name, ...a }) => client.volumes.create(name, camel(a)),
  get_volume: (a) => client.volumes.get(a.volume),
  delete_volume: ({ volume, ...a }) => client.volumes.delete(volume, a),
  volumes: () => client.volumes.list(),
  info: () => client.info(),
  capacity: () => client.capacity(),
  healthz: () => client.healthz(),
};

const BOX_CALLS: Record<string, (box: Sandbox, given: Given) => unknown> = {
  run_code: (box, { code, ...a }) => box.runCode(code, camel(a)),
  run_code_stream: (box, { code, ...a }) => all(box.runCodeStream(code, camel(a))),
  start_code: async (box, { code, ...a }) => ({ exec_id: await box.startCode(code, camel(a)) }),
  join: (box, { exec_id, ...a }) => box.join(exec_id, camel(a)),
  executions: (box) => box.executions(),
  execution: (box, a) => box.execution(a.exec_id),
  cancel: (box, a) => box.cancel(a.exec_id),
  write_stdin: (box, { exec_id, data, ...a }) => box.writeStdin(exec_id, data, a),
  replay: (box) => box.replay(),
  fork: (box, { n, ...a }) => box.fork(n, camel(a)),
  merge_into: (box, { winner, ...a }) => box.mergeInto(winner, camel(a)),
  fanout: (box, { code, codes, ...a }) => box.fanout(codes ?? code, camel(a)),
  diff: (box, { other, ...a }) => box.diff(other, a),
  diff_changes: async (box, { other, ...a }) => (await box.diff(other, a)).changes,
  tree: (box) => box.tree(),
  record: (box) => box.info(),
  update: (box, a) => box.update(camel(a)),
  network: (box) => box.network(),
  set_network: (box, a) => box.setNetwork(a.policy),
  pause: (box) => box.pause(),
  wake: (box) => box.resume(),
  freeze: (box) => box.freeze(),
  snapshot: (box, a) => box.snapshot(camel(a)),
  rollback: (box, a) => box.rollback(a.snapshot),
  undo: (box, a) => box.undo(a.n),
  upload: (box, a) => box.upload(a.data, a.path),
  download: (box, a) => box.download(a.path),
  read_file: (box, { path, ...a }) => box.files.read(path, a),
  write_file: (box, { path, data, ...a }) => box.files.write(path, data, camel(a)),
  list_files: (box, { path, ...a }) => box.files.list(path, a),
  stat_file: (box, a) => box.files.stat(a.path),
  make_folder: (box, { path, ...a }) => box.files.makeFolder(path, a),
  move_file: (box, { path, target, ...a }) => box.files.move(path, target, a),
  remove_file: (box, { path, ...a }) => box.files.remove(path, a),
  create_context: (box, a) => box.contexts.create(a),
  list_contexts: (box) => box.contexts.list(),
  restart_context: (box, a) => box.contexts.restart(a.context),
  remove_context: (box, a) => box.contexts.remove(a.context),
  start_process: async (box, { cmd, ...a }) => ({
    process_id: (await box.processes.start(cmd, camel(a))).id,
  }),
  processes: (box) => box.processes.list(),
  process: (box, a) => box.processes.get(a.process).info(),
  guest_processes: async (box) => (await box.processes.guest()).processes,
  signal_process: (box, { process, signal, ...a }) => box.processes.get(process).signal(signal, a),
  end_process: (box, a) => box.processes.get(a.process).end(),
  wait_process: (box, { process, ...a }) => box.processes.get(process).wait(camel(a)),
  write_process: (box, { process, data, eof }) =>
    box.processes.get(process).write(data ?? "", { close: eof }),
  process_logs: (box, { process, ...a }) => all(box.processes.get(process).logs(camel(a))),
  wait_for_port: (box, { port, process, ...a }) =>
    process === undefined
      ? box.waitForPort(port, camel(a))
      : box.processes.get(process).waitForPort(port, camel(a)),
  wait_for_log: (box, { process, pattern, text, ...a }) =>
    box.processes
      .get(process)
      .waitForLog(pattern === undefined ? text : new RegExp(pattern), camel(a)),
  open_terminal: async (box, a) => ({ pty_id: (await box.pty.open(a)).id }),
  type_terminal: (box, a) => box.pty.get(a.pty).input(a.data),
  resize_terminal: (box, a) => box.pty.get(a.pty).resize(a.cols, a.rows),
  kill_terminal: (box, a) => box.pty.get(a.pty).kill(),
  wait_terminal: async (box, a) => ({
    output: await box.pty.get(a.pty).outputText(),
    exit_code: await box.pty.get(a.pty).wait(),
  }),
  terminals: (box) => box.pty.list(),
  port_link: (box, { port, ...a }) => box.portLink(port, camel(a)),
  close: (box) => box.close(),
  delete: (box) => box.delete(),
};

/** Names of options; what is in them stays. */
function camel(given: Record<string, unknown>): Record<string, unknown> {
  const name = (text: string) => text.replaceAll(/_([a-z])/g, (_, letter) => letter.toUpperCase());
  return Object.fromEntries(Object.entries(given).map(([key, value]) => [name(key), value]));
}

/** A result in the names of openapi.yaml. */
function neutral(value: unknown): unknown {
  if (value instanceof ExecResult) {
    const { stdout, stderr, reason, truncated, exception, results } = value;
    const ids = { exit_code: value.exitCode, exec_id: value.execId };
    return {
      stdout,
      stderr,
      reason,
      truncated,
      ...ids,
      exception,
      results: results.map((r) => r.data),
    };
  }
  if (Array.isArray(value)) {
    return value.map(neutral);
  }
  const plain = typeof value === "object" && value !== null && value.constructor === Object;
  if (!plain || isEvent(value)) {
    return value;
  }
  const snake = (text: string) => text.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [snake(key), neutral(one)]));
}

function isEvent(value: object): value is ExecEvent {
  return "seq" in value && "type" in value;
}

const runner: conformance.Runner = {
  async call(name, on, given) {
    const act = on === undefined ? CALLS[name] : BOX_CALLS[name]?.bind(null, on as Sandbox);
    if (act === undefined) {
      throw new conformance.Mismatch(`there is no call ${name}`);
    }
    try {
      return neutral(await act(given));
    } catch (error) {
      if (error instanceof ApiError) {
        const { code, status, details, message } = error;
        throw new conformance.Refused({ code, status, details, error: message });
      }
      throw error;
    }
  },
  isHandle: (value): value is Sandbox => value instanceof Sandbox,
  async close(handle) {
    try {
      await (handle as Sandbox).delete();
    } catch (error) {
      if (!(error instanceof SandboxNotFound)) {
        throw error;
      }
    }
  },
};

test.each(conformance.scripts())("script %s", async (script) => {
  await conformance.run(script, runner);
});

test("a script that is not kept to fails, and says where", () => {
  const wrongs: [unknown, unknown][] = [
    [{ a: [1, { b: "x" }] }, { a: [1, { b: "y" }] }],
    [[1, 2], [1]],
    [true, 1],
    ["text", { matches: "^ext" }],
    [[{ id: 1 }], { contains: { id: 2 } }],
    [[], { size: 1 }],
    [1, { at_least: 2 }],
    [2, { at_most: 1 }],
    [null, { any: true }],
    ["x", { not: "x" }],
    [{}, { missing: 1 }],
    [new Uint8Array([1]), new Uint8Array([2])],
  ];
  for (const [value, wanted] of wrongs) {
    expect(() => conformance.match(value, wanted)).toThrow(conformance.Mismatch);
  }
  conformance.match({ a: 1, b: ["x", "y"] }, { b: { contains: "y" } });
});
