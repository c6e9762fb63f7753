// What the TypeScript SDK costs, against a bare socket in the same program and in turns. Prints
// JSON. `bench.mjs hot ROUNDS SANDBOX`, `bench.mjs import ROUNDS`; the server is named by
// PODFLARE_API_URL and PODFLARE_API_KEY, the SDK by PODFLARE_SDK, a file.

import { execFileSync } from "node:child_process";
import { connect } from "node:net";
import { pathToFileURL } from "node:url";

const WARM_UP = 30;
const CODE = "print(1)";
const MILLIS = 120_000;
const sdk = pathToFileURL(process.env.PODFLARE_SDK).href;

/** A connection that is kept. One call at a time. */
class Raw {
  #socket;
  #data = Buffer.alloc(0);
  #done = () => {};
  #failed = () => {};

  static async open(url) {
    const raw = new Raw();
    raw.#socket = connect({ host: url.hostname, port: Number(url.port || 80), noDelay: true });
    raw.#socket.on("data", (piece) => raw.#take(piece));
    raw.#socket.on("error", (error) => raw.#failed(error));
    await new Promise((done, failed) => {
      raw.#socket.once("connect", done);
      raw.#failed = failed;
    });
    return raw;
  }

  #take(piece) {
    this.#data = Buffer.concat([this.#data, piece]);
    const text = this.#data.toString("latin1");
    if (whole(text)) {
      this.#data = Buffer.alloc(0);
      if (text.includes('"data":"1\\n"')) {
        this.#done();
      } else {
        this.#failed(new Error(`not the output of ${CODE}: ${text}`));
      }
    }
  }

  run(message) {
    return new Promise((done, failed) => {
      this.#done = done;
      this.#failed = failed;
      this.#socket.write(message);
    });
  }

  close() {
    this.#socket.destroy();
  }
}

/** A short answer has a length, a longer one comes in chunks. */
function whole(text) {
  const end = text.indexOf("\r\n\r\n") + 4;
  const length = /\r\nContent-Length: (\d+)/.exec(text.slice(0, end))?.[1];
  return length === undefined
    ? text.endsWith("\r\n0\r\n\r\n")
    : end > 3 && text.length >= end + Number(length);
}

function request(url, sandbox) {
  const body = JSON.stringify({ code: CODE, language: "python", framing: "chunks" });
  const head = [
    `POST /v1/sandboxes/${sandbox}/exec HTTP/1.1`,
    `Host: ${url.host}`,
    `Authorization: Bearer ${process.env.PODFLARE_API_KEY ?? ""}`,
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  return `${head.join("\r\n")}\r\n\r\n${body}`;
}

async function timed(step) {
  const began = performance.now();
  await step();
  return performance.now() - began;
}

function median(values) {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)];
}

async function hot(rounds, id) {
  const { Client } = await import(sdk);
  const url = new URL(process.env.PODFLARE_API_URL);
  const sandbox = new Client().sandbox(id);
  const raw = await Raw.open(url);
  const message = request(url, id);
  const own = [];
  const bare = [];
  for (let turn = -WARM_UP; turn < rounds; turn++) {
    const first = await timed(() => raw.run(message));
    const second = await timed(() => sandbox.runCode(CODE));
    if (turn >= 0) {
      bare.push(first);
      own.push(second);
    }
  }
  raw.close();
  const more = own.map((one, index) => one - bare[index]);
  return { sdk: median(own), bare: median(bare), more: median(more) };
}

/** In new processes, the first of which reads everything from the disk. */
function imports(rounds) {
  const code = `const t = performance.now(); await import(${JSON.stringify(sdk)}); console.log(performance.now() - t)`;
  const times = [];
  for (let turn = -1; turn < rounds; turn++) {
    const told = execFileSync(process.execPath, ["--input-type=module", "-e", code], {
      timeout: MILLIS,
    });
    if (turn >= 0) {
      times.push(Number(told));
    }
  }
  return { import: median(times) };
}

const [what, number, id] = process.argv.slice(2);
if (what !== "hot" && what !== "import") {
  throw new Error(`no such measurement: ${what}`);
}
console.log(
  JSON.stringify(what === "hot" ? await hot(Number(number), id) : imports(Number(number))),
);
process.exit(0);
