import { defineConfig } from "vitest/config";

export default defineConfig({
  cacheDir: "cache",
  test: {
    include: ["*.test.ts"],
    setupFiles: ["guard.ts"],
    testTimeout: 150_000,
    hookTimeout: 150_000,
    maxWorkers: 2,
    reporters: [
      "default",
      ["junit", { outputFile: `${process.env.PODFLARE_REPORTS}/typescript-sdk.xml` }],
    ],
    server: { deps: { external: [/\/package\/dist\//] } },
  },
});
