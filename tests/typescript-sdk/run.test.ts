/** Code, its output, its values and its exit code. */

import { Client, type ExecEvent, errors } from "podflare";
import { expect, test } from "vitest";
import { all, create, sharedBox } from "./support.js";

const SHOWS = `
class Figure:
    def _repr_png_(self): return b'\\x89PNG\\r\\n\\x1a\\n' + b'pixels'
    def _repr_html_(self): return '<b>figure</b>'
    def __repr__(self): return 'Figure()'
class Bundle:
    def _repr_mimebundle_(self, include=None, exclude=None):
        return {'text/plain': 'Bundle()', 'application/vnd.podflare.chart+json': {'axes': [1]}}
`;

const shared = sharedBox();

test.each([
  ["print('a\\n\\nb')", "a\n\nb"],
  ["print('no newline', end='')", "no newline"],
  ["print()", ""],
  ["print('\\n')", "\n"],
  ["pass", ""],
  ["6 * 7", ""],
  ["print('naïve 日本語 🎉')", "naïve 日本語 🎉"],
  ["print('\\ufeff', end='')", "\ufeff"],
])("output is lines that are joined: %s", async (code, stdout) => {
  const result = await shared.box.runCode(code);
  expect([result.stdout, result.stderr, result.exitCode]).toEqual([stdout, "", 0]);
  const events = await all(shared.box.runCodeStream(code));
  const lines = events.filter((event) => event.type === "stdout").map((event) => event.data);
  expect(lines.join("\n")).toBe(stdout);
});

test("a result tells everything", async () => {
  const code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)";
  const result = await shared.box.runCode(code);
  expect([result.stdout, result.stderr, result.exitCode, result.ok]).toEqual([
    "out",
    "err",
    3,
    false,
  ]);
  expect(result.reason).toBe("exited");
  expect(result.execId).toMatch(/^exe_/);
  expect(Buffer.from(result.stdoutBytes).toString()).toBe("out\n");
  expect(Buffer.from(result.stderrBytes).toString()).toBe("err\n");
  expect(result.truncated).toBe(false);
});

test("bytes that are no text are kept", async () => {
  const code = "import sys; sys.stdout.buffer.write(b'\\xff\\xfe ok\\n') and None";
  const result = await shared.box.runCode(code);
  expect([...result.stdoutBytes]).toEqual([0xff, 0xfe, 0x20, 0x6f, 0x6b, 0x0a]);
  expect(result.stdout).toBe("\ufffd\ufffd ok");
});

test("values show themselves", async () => {
  const { box } = shared;
  await box.runCode(SHOWS);
  const figure = await box.runCode("Figure()");
  expect(figure.figures.map((png) => Buffer.from(png).toString("latin1"))).toEqual([
    "\x89PNG\r\n\x1a\npixels",
  ]);
  expect(figure.value?.html).toBe("<b>figure</b>");
  expect(figure.value?.text).toBe("Figure()");
  expect((await box.runCode("Bundle()")).charts).toEqual([{ axes: [1] }]);
  expect((await box.runCode("None")).value).toBeUndefined();
});

test("an exception has its frames", async () => {
  const result = await shared.box.runCode("def inner():\n    raise LookupError('deep')\n\ninner()");
  expect(result.exitCode).toBe(1);
  expect(result.exception).toMatchObject({ name: "LookupError", value: "deep" });
  expect(result.exception?.frames.map((frame) => frame.function)).toEqual(["<module>", "inner"]);
  expect(result.exception?.frames.at(-1)?.source.trim()).toBe("raise LookupError('deep')");
  expect(result.stderr).toContain("LookupError: deep");
});

test("options of a call", async () => {
  const { box } = shared;
  const options = { language: "bash", cwd: "/tmp", env: { WORD: "w" }, stdin: "in" } as const;
  expect((await box.runCode('pwd; echo "$WORD"; cat', options)).stdout).toBe("/tmp\nw\nin");
  const slow = "import time\nprint('on')\ntime.sleep(60)";
  const late = await box.runCode(slow, { timeoutSeconds: 1 });
  expect([late.stdout, late.exitCode, late.reason]).toEqual(["on", 124, "timeout"]);
});

test("events come while the code runs", async () => {
  const { box } = shared;
  await box.runCode("rm -f /tmp/go", { language: "bash" });
  const code =
    "import os, time\nprint('on')\nwhile not os.path.exists('/tmp/go'): time.sleep(0.01)";
  const events = box.runCodeStream(code);
  expect((await events.next()).value).toMatchObject({ type: "stdout", data: "on" });
  expect((await box.runCode("touch /tmp/go", { language: "bash" })).ok).toBe(true);
  expect(await all(events)).toMatchObject([{ type: "exit", data: 0 }]);
  const chunks = await all(box.runCodeStream("print('a'); 6 * 7", { framing: "chunks" }));
  expect(chunks.map((event) => event.type)).toEqual(["started", "stdout", "result", "exit"]);
  expect(chunks.map((event) => event.seq)).toEqual([0, 1, 2, 3]);
  const seen: ExecEvent[] = [];
  await box.runCode("print('heard')", { onEvent: (event) => seen.push(event) });
  expect(seen.filter((event) => event.type === "stdout").map((event) => event.data)).toEqual([
    "heard\n",
  ]);
});

test("a background execution", async () => {
  const { box } = shared;
  const execId = await box.startCode("cat; exit 5", { language: "bash", stdinOpen: true });
  expect(["queued", "running"]).toContain((await box.execution(execId)).state);
  await box.writeStdin(execId, "one\n");
  await box.writeStdin(execId, new TextEncoder().encode("two\n"), { eof: true });
  const result = await box.join(execId);
  expect([result.stdout, result.exitCode]).toEqual(["one\ntwo", 5]);
  expect((await box.executions()).map((one) => one.id)).toContain(execId);
  expect((await box.execution(execId)).endedAt).toBeInstanceOf(Date);
  expect((await all(box.joinStream(execId, { fromSeq: 1 })))[0]?.type).toBe("stdout");
});

test("cancel", async () => {
  const { box } = shared;
  await box.runCode("kept = 'kept'");
  const execId = await box.startCode("import time\nprint('on')\ntime.sleep(100)");
  for await (const event of box.joinStream(execId)) {
    if (event.type === "stdout") {
      break; // it can be interrupted now
    }
  }
  await box.cancel(execId);
  const result = await box.join(execId);
  expect([result.exitCode, result.reason]).toEqual([130, "cancelled"]);
  expect((await box.runCode("print(kept)")).stdout).toBe("kept");
});

test("output beyond the limit is left out", async () => {
  const small = new Client({ maxOutputBytes: 1000 });
  const result = await small.sandbox(shared.box.id).runCode("print('x' * 5000)");
  expect(result.stdout).toBe("x".repeat(1000));
  expect(result.truncated).toBe(true);
});

test("replay", async () => {
  const sandbox = await create();
  const seen = await all(sandbox.runCodeStream("print('one')"));
  seen.push(...(await all(sandbox.runCodeStream("echo two >&2; exit 2", { language: "bash" }))));
  const replayed = (await sandbox.replay()).map(({ execId, ...event }) => event);
  expect(replayed).toEqual(seen);
});

test("contexts", async () => {
  const { box } = shared;
  const made = await box.contexts.create({ language: "bash", cwd: "/tmp", env: { WORD: "w" } });
  const context = made.contextId;
  await box.runCode("x=1", { context });
  expect((await box.runCode('echo "$x $WORD"; pwd', { context })).stdout).toBe("1 w\n/tmp");
  expect((await box.contexts.list()).map((one) => one.contextId)).toContain(context);
  await box.contexts.restart(context);
  expect((await box.runCode('echo "[$x]"', { context })).stdout).toBe("[]");
  await box.contexts.remove(context);
  await expect(box.runCode("echo", { context })).rejects.toThrow(errors.ContextNotFound);
  await expect(box.contexts.create({ language: "cobol" })).rejects.toThrow(
    errors.LanguageNotAvailable,
  );
});

test("calls run side by side", async () => {
  const numbers = [0, 1, 2, 3, 4, 5];
  const results = await Promise.all(
    numbers.map((number) => shared.box.runCode(`echo ${number}`, { language: "bash" })),
  );
  expect(results.map((result) => Number(result.stdout))).toEqual(numbers);
});
