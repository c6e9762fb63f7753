// A whole loop with the official TypeScript SDK; says what it found as one line of JSON.
// Arguments: stdio LAUNCHER, or http URL.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const [door, address] = process.argv.slice(2);
const transport =
  door === "stdio"
    ? new StdioClientTransport({ command: address, args: ["mcp"], env: process.env })
    : new StreamableHTTPClientTransport(new URL(address), {
        requestInit: { headers: { Authorization: `Bearer ${process.env.PODFLARE_API_KEY}` } },
      });
const client = new Client({ name: "test", version: "1" });
await client.connect(transport);
const call = (name, args, options) =>
  client.callTool({ name, arguments: args }, undefined, { timeout: 120_000, ...options });

const { tools } = await client.listTools(); // the SDK checks structured answers from here on
const progress = [];
const ran = await call(
  "run_code",
  { code: "for i in range(3): print(i, flush=True)\ni" },
  { onprogress: (said) => progress.push(said.message) },
);
const figure = await call("run_code", {
  code: "class F:\n  def _repr_png_(self): return b'\\x89PNG'\nF()",
});
const read = await client.readResource({ uri: figure.structuredContent.figures[0] });
const missing = await call("read_file", { path: "/no/such" });

const aborted = new AbortController();
let cancelled = "no";
await call(
  "run_code",
  { code: "import time\nprint('begun', flush=True)\ntime.sleep(3600)" },
  { signal: aborted.signal, onprogress: () => aborted.abort("enough") },
).catch(() => (cancelled = "yes"));
const after = await call("run_code", { code: "print('free')" });
const { templates } = { templates: (await client.listResourceTemplates()).resourceTemplates };
if (door === "http") await transport.terminateSession();
await client.close();
console.log(
  JSON.stringify({
    tools: tools.length,
    stdout: ran.structuredContent.stdout,
    result: ran.structuredContent.result,
    progress: progress.join("\n"),
    image: figure.content.find((one) => one.type === "image")?.data,
    figure: read.contents[0].blob,
    error: missing._meta["dev.podflare/error"].code,
    cancelled,
    after: after.structuredContent.stdout,
    templates: templates.map((one) => one.name),
    sandbox: ran.structuredContent.sandbox,
  }),
);
process.exit(0);
