/** The files of a sandbox, streamed both ways. */

import { type Bytes, joined, textOf } from "./bytes.js";
import { FileNotFound, NotADirectory, OffsetMismatch, RangeNotSatisfiable } from "./errors.js";
import { BadAnswer, ConnectionBroken, NoAnswerInTime, Unreachable } from "./failures.js";
import { Objects } from "./folds.js";
import { JoinPatience, sleep } from "./patience.js";
import { isObject, wire } from "./records.js";
import { get, type Params, post, query, type Request, remove } from "./requests.js";
import { Source, type Uploadable } from "./sources.js";
import type { Transport } from "./transport.js";
import {
  type FileEntry,
  fileEntry,
  type Unpacked,
  unpacked,
  type WatchedChange,
  type WrittenFile,
  watchedChange,
  writtenFile,
} from "./types.js";

const RESUMABLE = 4 << 20;
const FOREVER = 7 * 24 * 3600 * 1000;

export interface RangeOptions {
  /** First byte. */
  offset?: number | undefined;
  /** So many bytes, fewer at its end. */
  length?: number | undefined;
}

export interface WriteOptions {
  /** Permission bits, `0o755` or `"0755"`. */
  mode?: string | number | undefined;
  /** `PreconditionFailed` if there is a file already. */
  onlyNew?: boolean | undefined;
  /** Put in place only when it is on the guest's disk. */
  sync?: boolean | undefined;
}

/** Paths are absolute, or begin at `/root`. */
export class Files {
  readonly #path: string;

  constructor(
    private readonly transport: Transport,
    path: string,
  ) {
    this.#path = `${path}/files`;
  }

  /** The bytes of a file, or a part of them. */
  async read(path: string, options: RangeOptions = {}): Promise<Bytes> {
    const pieces: Bytes[] = [];
    for await (const piece of this.stream(path, options)) {
      pieces.push(piece);
    }
    return joined(pieces);
  }

  async readText(path: string): Promise<string> {
    return textOf(await this.read(path));
  }

  /**
   * The bytes as they come; `ReadableStream.from(…)` makes a stream of them. A connection that breaks
   * is made again and goes on where it was, unless the file is another one by then: `BadAnswer`.
   */
  async *stream(
    path: string,
    { offset: first = 0, length }: RangeOptions = {},
  ): AsyncGenerator<Bytes, void, undefined> {
    if (length === 0) {
      return;
    }
    const part = { offset: first, end: length === undefined ? undefined : first + length };
    const patience = new JoinPatience(this.transport.config.timeout);
    let etag: string | undefined;
    while (true) {
      try {
        const body = await this.transport.open(this.#range(path, part, etag));
        try {
          const found = body.headers.get("ETag") ?? "";
          if (etag !== undefined && found !== etag) {
            throw new BadAnswer(`${path} was changed while it was read`);
          }
          if (part.offset > 0 && body.status !== 206) {
            throw new BadAnswer(`${path} was not answered from byte ${part.offset} on`);
          }
          etag = found;
          for (let piece = await body.chunk(); piece !== undefined; piece = await body.chunk()) {
            patience.heard(true);
            part.offset += piece.length;
            yield piece;
          }
          return;
        } finally {
          await body.close();
        }
      } catch (cut) {
        if (cut instanceof RangeNotSatisfiable) {
          return; // at its end
        }
        const broken = cut instanceof Unreachable || cut instanceof NoAnswerInTime;
        const pause = broken && etag !== undefined ? patience.pause(cut) : undefined;
        if (pause === undefined) {
          throw cut;
        }
        await sleep(pause);
      }
    }
  }

  #range(
    path: string,
    { offset, end }: { offset: number; end: number | undefined },
    etag: string | undefined,
  ): Request {
    const headers: Record<string, string> = {};
    if (offset > 0 || end !== undefined) {
      headers.Range = `bytes=${offset}-${end === undefined ? "" : end - 1}`;
    }
    if (etag) {
      headers["If-Range"] = etag;
    }
    return { ...get(this.#path, { path }), headers };
  }

  /**
   * Writes a file, with the folders above it. Nobody sees half of it, and what was there stays if it
   * breaks off. Large data that can be read again goes on where a connection broke.
   */
  async write(path: string, data: Uploadable, options: WriteOptions = {}): Promise<WrittenFile> {
    const source = new Source(data);
    const params: Params = { path, mode: octal(options.mode), sync: options.sync || undefined };
    const headers: Record<string, string> = { "Content-Type": "application/octet-stream" };
    if (options.onlyNew) {
      headers["If-None-Match"] = "*";
    }
    if (source.size === undefined || source.size < RESUMABLE || options.onlyNew) {
      const repeatable = source.size !== undefined && !options.onlyNew;
      return await this.#put(params, headers, source, 0, repeatable);
    }
    return await this.#putResumable(path, params, headers, source);
  }

  async #put(
    params: Params,
    headers: Readonly<Record<string, string>>,
    source: Source,
    offset: number,
    repeatable: boolean,
  ): Promise<WrittenFile> {
    const answer = await this.transport.call({
      method: "PUT",
      path: this.#path + query(params),
      headers,
      content: () => source.from(offset),
      timeout: FOREVER,
      repeatable,
      once: source.size === undefined,
    });
    return writtenFile.read(answer);
  }

  async #putResumable(
    path: string,
    params: Params,
    headers: Readonly<Record<string, string>>,
    source: Source,
  ): Promise<WrittenFile> {
    const uploadId = crypto.randomUUID().replaceAll("-", "");
    const upload = { ...params, upload_id: uploadId };
    const patience = new JoinPatience(this.transport.config.timeout);
    let offset = 0;
    while (true) {
      try {
        return await this.#put({ ...upload, offset }, headers, source, offset, false);
      } catch (cut) {
        const pause = pauseOfUpload(cut, offset, patience);
        if (pause === undefined) {
          throw cut;
        }
        await sleep(pause);
        const kept = await this.#kept(path, uploadId);
        if (kept > offset) {
          patience.heard(true);
        }
        offset = kept;
      }
    }
  }

  async #kept(path: string, uploadId: string): Promise<number> {
    const request = get(`${this.#path}/stat`, { path, upload_id: uploadId });
    try {
      return fileEntry.read(await this.transport.call(request)).size;
    } catch (error) {
      if (error instanceof FileNotFound) {
        return 0;
      }
      throw error;
    }
  }

  /** All entries of a folder, folders before what is in them; at most 100 levels. */
  async list(
    path = "/root",
    { depth = 1 }: { depth?: number | undefined } = {},
  ): Promise<FileEntry[]> {
    const entries: FileEntry[] = [];
    for await (const entry of this.walk(path, { depth })) {
      entries.push(entry);
    }
    return entries;
  }

  /** As `list`, page by page, and all levels. */
  async *walk(
    path = "/root",
    { depth = 100 }: { depth?: number | undefined } = {},
  ): AsyncGenerator<FileEntry, void, undefined> {
    let cursor: string | undefined;
    do {
      const params = { path, depth, limit: 10_000, cursor };
      const page = await this.transport.call(get(`${this.#path}/list`, params));
      yield* fileEntry.readAll(page, "entries");
      cursor =
        isObject(page) && typeof page.next_cursor === "string" ? page.next_cursor : undefined;
    } while (cursor !== undefined);
  }

  /** Of a link: the link itself. */
  async stat(path: string): Promise<FileEntry> {
    return fileEntry.read(await this.transport.call(get(`${this.#path}/stat`, { path })));
  }

  async exists(path: string): Promise<boolean> {
    try {
      await this.stat(path);
      return true;
    } catch (error) {
      if (error instanceof FileNotFound || error instanceof NotADirectory) {
        return false;
      }
      throw error;
    }
  }

  /** With `parents`, as by default, also what is missing above, and one that is there is no error. */
  async makeFolder(
    path: string,
    options: { mode?: string | number | undefined; parents?: boolean | undefined } = {},
  ): Promise<FileEntry> {
    const parents = options.parents ?? true;
    const body = wire({ path, mode: octal(options.mode), parents });
    return fileEntry.read(await this.transport.call(post(`${this.#path}/mkdir`, body, parents)));
  }

  /** `target` is the new path itself, not a folder to move into. */
  async move(
    path: string,
    target: string,
    { overwrite = false }: { overwrite?: boolean | undefined } = {},
  ): Promise<FileEntry> {
    const body = { from: path, to: target, overwrite };
    return fileEntry.read(await this.transport.call(post(`${this.#path}/move`, body)));
  }

  /** Deletes a file, a link or a folder; one that is not empty needs `recursive`. */
  async remove(
    path: string,
    { recursive = false }: { recursive?: boolean | undefined } = {},
  ): Promise<void> {
    await this.transport.call({ ...remove(this.#path, { path, recursive }), repeatable: false });
  }

  /** What is in a folder as a tar stream, not compressed. */
  async *archive(path: string): AsyncGenerator<Bytes, void, undefined> {
    const body = await this.transport.open(get(`${this.#path}/archive`, { path }));
    try {
      for (let piece = await body.chunk(); piece !== undefined; piece = await body.chunk()) {
        yield piece;
      }
    } finally {
      await body.close();
    }
  }

  /**
   * Unpacks a tar stream into a folder, which is made. `keepLinks`: also make symbolic links that
   * lead out of the folder, which are `BadArchive` otherwise.
   */
  async unpack(
    path: string,
    tar: Uploadable,
    { keepLinks = false }: { keepLinks?: boolean | undefined } = {},
  ): Promise<Unpacked> {
    const source = new Source(tar);
    const params = { path, links: keepLinks ? "keep" : undefined };
    const answer = await this.transport.call({
      method: "PUT",
      path: `${this.#path}/archive${query(params)}`,
      headers: { "Content-Type": "application/x-tar" },
      content: () => source.from(0),
      timeout: FOREVER,
      repeatable: source.size !== undefined,
      once: source.size === undefined,
    });
    return unpacked.read(answer);
  }

  /**
   * Changes as they happen, until what is watched is `gone`; the first, `watching`, says that nothing
   * is missed from here on. A connection that breaks is `ConnectionBroken`: list anew and watch again.
   */
  async *watch(
    path: string,
    options: { recursive?: boolean | undefined; signal?: AbortSignal | undefined } = {},
  ): AsyncGenerator<WatchedChange, void, undefined> {
    const params = { path, recursive: options.recursive ?? false };
    const request = { ...get(`${this.#path}/watch`, params), signal: options.signal };
    const body = await this.transport.open(request);
    const objects = new Objects();
    try {
      for (let data = await body.chunk(); data !== undefined; data = await body.chunk()) {
        for (const line of objects.feed(data)) {
          const change = watchedChange.read(line);
          yield change;
          if (change.type === "gone") {
            return;
          }
        }
      }
      throw new ConnectionBroken("the watch ended");
    } finally {
      await body.close();
    }
  }
}

function pauseOfUpload(cut: unknown, offset: number, patience: JoinPatience): number | undefined {
  if (cut instanceof OffsetMismatch) {
    const kept = cut.details.offset ?? cut.details.size;
    return typeof kept === "number" && kept !== offset ? 0 : undefined;
  }
  return patience.pause(cut);
}

function octal(mode: string | number | undefined): string | undefined {
  return typeof mode === "number" ? mode.toString(8).padStart(4, "0") : mode;
}
