// One call whose stream is cut on its way; says what came of it as one line of JSON.
// Argument: the URL of a proxy that adds the key.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const transport = new StreamableHTTPClientTransport(new URL(process.argv[2]));
const client = new Client({ name: "test", version: "1" });
await client.connect(transport);
const progress = [];
const code = "import time\nfor i in range(5):\n    print(i, flush=True)\n    time.sleep(0.3)";
const ran = await client.callTool({ name: "run_code", arguments: { code } }, undefined, {
  timeout: 120_000,
  onprogress: (said) => progress.push(said.message),
});
await transport.terminateSession();
await client.close();
console.log(JSON.stringify({ stdout: ran.structuredContent.stdout, progress }));
process.exit(0);
