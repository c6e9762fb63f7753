/**
 * TypeScript on the pages of the documentation: all of it compiles, strictly, and does what the page
 * says. The blocks of a page are one module, in their order.
 */

import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { promisify } from "node:util";
import { beforeAll, expect, test } from "vitest";
import { Provider, type Turn } from "./provider.js";
import { HOST, KEY, MILLIS, ROOT } from "./support.js";

const PAGES = join(ROOT, "docs", "pages");
const FENCE =
  /^(?:<!-- not executed(?: here)?: (?<reason>[^\n]+) -->\n)?```(?<language>\w*)\n(?<text>.*?)^```$/gms;
const MARK = "-- block ";
const TALK: Turn[] = [{ name: "run_code", arguments: { code: "print(6 * 7)" } }, "It is 42."];
const run = promisify(execFile);

interface Block {
  readonly text: string;
  output?: string;
}

function blocks(page: string): Block[] {
  const found: Block[] = [];
  let last: Block | undefined;
  for (const { groups } of readFileSync(page, "utf8").matchAll(FENCE)) {
    const { reason, language, text = "" } = groups ?? {};
    if (language === "output") {
      if (last !== undefined) {
        last.output = text;
      }
      last = undefined;
    } else if (language === "typescript" && reason === undefined) {
      last = { text };
      found.push(last);
    } else {
      last = undefined;
    }
  }
  return found;
}

const pages = readdirSync(PAGES, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".md") && blocks(join(PAGES, name)).length > 0)
  .sort();

function module(page: string): string {
  return page.replaceAll("/", "-").replace(/\.md$/, "");
}

/** `…` stands for anything within a line. */
function fits(printed: string, wanted: string): boolean {
  const parts = wanted.trim().split("…");
  const pattern = parts.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join(".*");
  return new RegExp(`^${pattern}$`).test(printed.trim());
}

beforeAll(async () => {
  mkdirSync("pages", { recursive: true });
  for (const page of pages) {
    const marked = blocks(join(PAGES, page)).map(
      ({ text }, number) => `console.log("${MARK}${number}");\n${text}`,
    );
    writeFileSync(join("pages", `${module(page)}.ts`), `${marked.join("")}export {};\n`);
  }
  const config = {
    extends: "../tsconfig.json",
    compilerOptions: { noEmit: false, outDir: "built", noUnusedLocals: false },
    include: ["*.ts"],
  };
  writeFileSync(join("pages", "tsconfig.json"), JSON.stringify(config));
  const compiler = join(ROOT, "sdk", "typescript", "node_modules", "typescript", "bin", "tsc");
  try {
    await run(process.execPath, [compiler, "-p", "pages/tsconfig.json"], { timeout: MILLIS });
  } catch (failed) {
    throw new Error((failed as { stdout: string }).stdout);
  }
}, MILLIS);

test.each(pages)("page %s", async (page) => {
  await using model = await Provider.with(...TALK, ...TALK);
  const env = {
    ...process.env,
    PODFLARE_API_URL: HOST,
    PODFLARE_API_KEY: KEY,
    OPENAI_API_KEY: "k",
    OPENAI_BASE_URL: `${model.url}/v1`,
    ANTHROPIC_API_KEY: "k",
    ANTHROPIC_BASE_URL: model.url,
    GEMINI_API_KEY: "k",
    GOOGLE_GEMINI_BASE_URL: model.url,
  };
  const program = [join("pages", "built", `${module(page)}.js`)];
  const done = await run(process.execPath, program, { env, timeout: MILLIS }).catch(
    (failed: { stdout: string; stderr: string }) => {
      throw new Error(`${failed.stdout}\n${failed.stderr}`);
    },
  );
  const printed = done.stdout.split(new RegExp(`^${MARK}\\d+\n`, "m")).slice(1);
  for (const [number, block] of blocks(join(PAGES, page)).entries()) {
    if (block.output !== undefined) {
      const own = printed[number] ?? "";
      expect(fits(own, block.output), `${block.text}\nprinted\n${own}`).toBe(true);
    }
  }
});

test("there are pages, and outputs are compared", () => {
  expect(pages.length).toBeGreaterThan(10);
  expect(pages.map((page) => relative(PAGES, join(PAGES, page)))).toEqual(pages);
  expect(fits("a b\nc\n", "a …\nc")).toBe(true);
  expect(fits("a b\nd\n", "a …\nc")).toBe(false);
  expect(fits("x.y", "x-y")).toBe(false);
});
