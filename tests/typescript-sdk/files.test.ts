/** Files, both ways. */

import { createHash, randomBytes } from "node:crypto";
import { openAsBlob } from "node:fs";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { errors, type Uploadable } from "podflare";
import { expect, test } from "vitest";
import { all, sharedBox } from "./support.js";

const shared = sharedBox();

function same(found: Uint8Array, expected: Uint8Array): boolean {
  return Buffer.compare(found, expected) === 0;
}

test("there and back", async () => {
  const { files } = shared.box;
  const path = "/root/in/deep/data.bin";
  const data = new Uint8Array(randomBytes(6 << 20));
  const written = await files.write(path, data, { mode: 0o600 });
  expect(written.size).toBe(data.length);
  expect(written.sha256).toBe(createHash("sha256").update(data).digest("hex"));
  expect((await files.stat(path)).mode).toBe("0600");
  expect(same(await files.read(path), data)).toBe(true);
  expect(same(await files.read(path, { offset: 5, length: 10 }), data.subarray(5, 15))).toBe(true);
  expect(same(await files.read(path, { offset: data.length - 3 }), data.subarray(-3))).toBe(true);
  expect((await files.read(path, { offset: data.length + 1 })).length).toBe(0);
  expect((await files.read(path, { length: 0 })).length).toBe(0);
});

test("whatever has bytes can be written", async () => {
  const { files } = shared.box;
  const bytes = new TextEncoder().encode("größe");
  const local = join(await mkdtemp(join(tmpdir(), "files-")), "local");
  await writeFile(local, "of a file");
  async function* pieces() {
    yield new TextEncoder().encode("a");
    yield new Uint8Array(0);
    yield new TextEncoder().encode("b");
  }
  const sources: [Uploadable, string][] = [
    ["größe", "größe"],
    [bytes, "größe"],
    [bytes.subarray(2), "öße"],
    [bytes.slice().buffer, "größe"],
    [new Blob(["in", " parts"]), "in parts"],
    [await openAsBlob(local), "of a file"],
    [pieces(), "ab"],
    [[new TextEncoder().encode("one")], "one"],
    [new Blob(["streamed"]).stream(), "streamed"],
    ["", ""],
    [new Blob([]), ""],
  ];
  for (const [data, expected] of sources) {
    await files.write("/tmp/written", data);
    expect(await files.readText("/tmp/written")).toBe(expected);
  }
});

test("large streams, both ways", async () => {
  const { files } = shared.box;
  const piece = new Uint8Array(randomBytes(1 << 20));
  async function* pieces() {
    for (let count = 0; count < 9; count++) {
      yield piece;
    }
  }
  expect((await files.write("/root/streamed", pieces())).size).toBe(9 << 20);
  const hash = createHash("sha256");
  for await (const part of files.stream("/root/streamed")) {
    hash.update(part);
  }
  const expected = createHash("sha256");
  for await (const part of pieces()) {
    expected.update(part);
  }
  expect(hash.digest("hex")).toBe(expected.digest("hex"));
});

test("upload and download", async () => {
  await shared.box.upload("a,b\r\n", "/tmp/remote.csv");
  expect(Buffer.from(await shared.box.download("/tmp/remote.csv")).toString()).toBe("a,b\r\n");
});

test("folders", async () => {
  const { files } = shared.box;
  expect((await files.makeFolder("/root/tree/sub", { mode: "0750" })).mode).toBe("0750");
  for (const name of ["b", "a", "größe 🎉", "sub/c"]) {
    await files.write(`/root/tree/${name}`, name);
  }
  const names = (await files.list("/root/tree")).map((entry) => entry.name);
  expect(names).toEqual(["a", "b", "größe 🎉", "sub"]);
  expect((await all(files.walk("/root/tree"))).length).toBe(5);
  await files.move("/root/tree/a", "/root/tree/z");
  expect(await files.exists("/root/tree/a")).toBe(false);
  expect(await files.exists("/root/tree/z")).toBe(true);
  await expect(files.remove("/root/tree")).rejects.toThrow(errors.DirectoryNotEmpty);
  await files.remove("/root/tree", { recursive: true });
  expect(await files.exists("/root/tree")).toBe(false);
});

test("archives", async () => {
  const { files } = shared.box;
  await files.write("/root/packed/inner/file", "data");
  const tar = Buffer.concat(await all(files.archive("/root/packed")));
  expect((await files.unpack("/root/unpacked", tar)).size).toBe(4);
  expect(await files.readText("/root/unpacked/inner/file")).toBe("data");
  await files.unpack("/root/copied", files.archive("/root/packed")); // as a stream
  expect(await files.readText("/root/copied/inner/file")).toBe("data");
  await expect(files.unpack("/root/bad", "no tar")).rejects.toThrow(errors.BadArchive);
});

test("errors", async () => {
  const { files } = shared.box;
  await expect(files.read("/no/such/file")).rejects.toThrow(errors.FileNotFound);
  await expect(files.read("/root")).rejects.toThrow(errors.IsADirectory);
  await expect(files.write("/etc/hostname", "x", { onlyNew: true })).rejects.toThrow(
    errors.PreconditionFailed,
  );
  await expect(files.move("/etc/hostname", "/etc/passwd")).rejects.toThrow(errors.FileExists);
});

test("watch", async () => {
  const { files } = shared.box;
  await files.makeFolder("/root/watched");
  const types: string[] = [];
  let removed = false;
  for await (const change of files.watch("/root/watched")) {
    types.push(change.type);
    if (change.type === "watching") {
      await files.write("/root/watched/new", "x");
    } else if (change.path === "/root/watched/new" && !removed) {
      removed = true;
      await files.remove("/root/watched", { recursive: true });
    }
  }
  expect(types[0]).toBe("watching");
  expect(types.at(-1)).toBe("gone");
  expect(types.length).toBeGreaterThan(2);
});

test("a watch is stopped", async () => {
  const stop = new AbortController();
  const watch = all(shared.box.files.watch("/root", { signal: stop.signal }));
  stop.abort(new Error("seen enough"));
  await expect(watch).rejects.toThrow("seen enough");
});
