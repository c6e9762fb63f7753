/** A sandbox. */

import type { Bytes } from "./bytes.js";
import { Client, type CreatedRecord } from "./client.js";
import type { ClientOptions } from "./config.js";
import { Contexts } from "./contexts.js";
import { Executions } from "./executions.js";
import { BadAnswer } from "./failures.js";
import { type FanOut, fanOut } from "./fanout.js";
import { Files } from "./files.js";
import type * as options from "./options.js";
import { Processes, type WaitOptions, waitForPort } from "./processes.js";
import { excerpt, isObject, wire } from "./records.js";
import { create, get, patch, post, put, query, remove, segment } from "./requests.js";
import type { ExecEvent, ExecResult } from "./results.js";
import { Secrets } from "./secrets.js";
import type { Uploadable } from "./sources.js";
import { Terminals } from "./terminals.js";
import type { Transport } from "./transport.js";
import {
  type ClonedRepository,
  clonedRepository,
  type ExecutionInfo,
  type FamilyMember,
  type FileChange,
  familyMember,
  fileChange,
  type ListeningPort,
  type NetworkInfo,
  networkInfo,
  type PortLink,
  portLink,
  type SandboxInfo,
  type SnapshotInfo,
  type SpaceInfo,
  sandboxInfo,
  snapshotInfo,
  spaceInfo,
} from "./types.js";

/** Where a sandbox is made or looked for: a client, or an address. */
export interface Where extends Pick<ClientOptions, "host" | "region" | "apiKey" | "traceparent"> {
  client?: Client | undefined;
}

/** What another sandbox's files have that this one's have not: paths of files. */
export interface Diff {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly modified: readonly string[];
  /** All changes, of folders and links too. */
  readonly changes: Readonly<Record<"added" | "removed" | "modified", readonly FileChange[]>>;
}

/**
 * A Linux microVM of its own: a Python interpreter that remembers, and bash beside it.
 *
 * Closing it, which `await using` does, deletes it, unless it was merged into its parent or frozen.
 * Any number of calls may be on their way: Python calls run one after the other in the guest, bash
 * calls side by side.
 */
export class Sandbox implements AsyncDisposable {
  readonly contexts: Contexts;
  readonly pty: Terminals;
  readonly processes: Processes;
  readonly secrets: Secrets;
  readonly files: Files;
  readonly #path: string;
  readonly #transport: Transport;
  readonly #executions: Executions;
  #keep = false;

  /** Use `Sandbox.create`, or `client.sandbox(id)` for one that exists. */
  constructor(
    readonly client: Client,
    readonly id: string,
    /** The server's answer to the create; undefined of a handle that was made of an id. */
    readonly record?: CreatedRecord,
  ) {
    this.#transport = client.transport;
    this.#path = `/v1/sandboxes/${segment(id)}`;
    this.#executions = new Executions(this.#transport, this.#path);
    this.contexts = new Contexts(this.#transport, this.#path);
    this.pty = new Terminals(this.#transport, this.#path);
    this.processes = new Processes(this.#transport, this.#path);
    this.secrets = new Secrets(this.#transport, this.#path);
    this.files = new Files(this.#transport, this.#path);
  }

  /** A new sandbox, ready to run code. */
  static async create(all: options.CreateOptions & Where = {}): Promise<Sandbox> {
    const [where, rest] = parted(all);
    return await clientOf(where).create(rest);
  }

  /** A handle on a sandbox that exists; asks nothing of the server. Closing it deletes it. */
  static connect(sandboxId: string, where: Where = {}): Sandbox {
    return clientOf(where).sandbox(sandboxId);
  }

  /** Goes on with a Space as a new sandbox; the Space is used up, unless `keep`. */
  static async resume(spaceId: string, all: options.ResumeOptions & Where = {}): Promise<Sandbox> {
    const [where, rest] = parted(all);
    return await clientOf(where).resume(spaceId, rest);
  }

  // Running code

  /**
   * Runs code to its end. An exit code that is not 0 is a result, no error. A connection that breaks
   * meanwhile is joined again. `signal` interrupts the code, too.
   */
  async runCode(code: string, all: options.RunOptions = {}): Promise<ExecResult> {
    const { onEvent, signal, ...rest } = all;
    return await this.#executions.run(exec(code, "chunks", rest), { onEvent, signal });
  }

  /**
   * Events as they come, each once; the last is `exit`. A connection that breaks is joined again. The
   * code goes on when the reader leaves.
   */
  runCodeStream(
    code: string,
    all: options.StreamOptions = {},
  ): AsyncGenerator<ExecEvent, void, undefined> {
    const { framing = "lines", signal, ...rest } = all;
    return this.#executions.stream(exec(code, framing, rest), signal);
  }

  /** Starts code and returns the id of its execution at once. */
  async startCode(code: string, all: options.StartOptions = {}): Promise<string> {
    return await this.#executions.start(exec(code, "chunks", all));
  }

  /** Joins an execution and stays to its end. */
  async join(execId: string, all: options.JoinOptions = {}): Promise<ExecResult> {
    return await this.#executions.join(execId, all);
  }

  /** Events of an execution, from a number on. */
  joinStream(
    execId: string,
    all: Omit<options.JoinOptions, "onEvent"> = {},
  ): AsyncGenerator<ExecEvent, void, undefined> {
    return this.#executions.joinStream(execId, all);
  }

  /** Those that run or wait, and the last 1,000 that ended, newest first. */
  async executions(): Promise<ExecutionInfo[]> {
    return await this.#executions.all();
  }

  async execution(execId: string): Promise<ExecutionInfo> {
    return await this.#executions.info(execId);
  }

  /** Interrupts an execution; after 5 s the server kills it. Returns at once. */
  async cancel(execId: string): Promise<void> {
    await this.#executions.cancel(execId);
  }

  /** Writes to the standard input of bash that was started with `stdinOpen`. */
  async writeStdin(
    execId: string,
    data: string | Bytes,
    { eof = false }: { eof?: boolean | undefined } = {},
  ): Promise<void> {
    await this.#executions.writeStdin(execId, data, eof);
  }

  /** The last 1,000 events of all executions, oldest first. */
  async replay(): Promise<ExecEvent[]> {
    return await this.#executions.replay();
  }

  // Files, in short; `files` can do more

  async upload(data: Uploadable, path: string): Promise<void> {
    await this.files.write(path, data);
  }

  async download(path: string): Promise<Bytes> {
    return await this.files.read(path);
  }

  // Forks

  /**
   * Copies the running sandbox `n` times at one instant: memory, disk, processes. It runs on. All
   * children or none.
   */
  async fork(n = 1, all: options.ForkOptions = {}): Promise<Sandbox[]> {
    const answer = await this.#transport.call(post(`${this.#path}/fork`, wire({ n, ...all })));
    if (!isObject(answer) || !Array.isArray(answer.children)) {
      throw new BadAnswer(`no children in the answer: ${excerpt(answer)}`);
    }
    return answer.children.map((child) => this.client.sandbox(String(child)));
  }

  /**
   * Takes the winner's state: this id goes on as the winner's machine, and the winner's id is gone.
   * The winner must be a fork of this sandbox, or of its forks. `closeSiblings`: also end this
   * sandbox's other children.
   */
  async mergeInto(
    winner: Sandbox,
    { closeSiblings = false }: { closeSiblings?: boolean | undefined } = {},
  ): Promise<void> {
    const params = query({ siblings: closeSiblings ? "close" : undefined });
    const path = `${this.#path}/merge_into/${segment(winner.id)}${params}`;
    await this.#transport.call(post(path, {}));
    winner.#keep = true;
  }

  /**
   * Forks this sandbox and runs code in every child, side by side: one for every one of `n` children,
   * or a list with one for each. Without `pick` all children live on. A stream that is cut cannot be
   * joined again, since the server ends the children then: `ConnectionBroken`.
   */
  async fanout(code: string | readonly string[], all: options.FanOutOptions = {}): Promise<FanOut> {
    return await fanOut(this.#transport, this.#path, code, all, (id) => this.client.sandbox(id));
  }

  /** `paths`: absolute; else `/root` and `/tmp`. `content`: with patches of text files. */
  async diff(
    other: Sandbox,
    { paths, content = false }: { paths?: readonly string[]; content?: boolean } = {},
  ): Promise<Diff> {
    const path = `${this.#path}/diff/${segment(other.id)}`;
    const answer = await this.#transport.call(get(path, { path: paths, content }));
    const changes = {
      added: fileChange.readAll(answer, "added"),
      removed: fileChange.readAll(answer, "removed"),
      modified: fileChange.readAll(answer, "modified"),
    };
    const { added, removed, modified } = changes;
    return { added: files(added), removed: files(removed), modified: files(modified), changes };
  }

  /** Ancestors, oldest first, then this sandbox, then all that were forked from it. */
  async tree(): Promise<FamilyMember[]> {
    return familyMember.readAll(await this.#transport.call(get(`${this.#path}/tree`)), "sandboxes");
  }

  // The sandbox itself

  /** The whole record. */
  async info(): Promise<SandboxInfo> {
    return sandboxInfo.read(await this.#transport.call(get(this.#path)));
  }

  /** Changes deadlines or metadata; what is left out stays. */
  async update(all: options.UpdateOptions): Promise<SandboxInfo> {
    return sandboxInfo.read(await this.#transport.call(patch(this.#path, wire(all))));
  }

  /** The policy in force, what was moved, and what was refused. */
  async network(): Promise<NetworkInfo> {
    return networkInfo.read(await this.#transport.call(get(`${this.#path}/network`)));
  }

  /** Replaces the policy; in force when this returns, also for open connections. */
  async setNetwork(policy: options.NetworkPolicy): Promise<NetworkInfo> {
    return networkInfo.read(await this.#transport.call(put(`${this.#path}/network`, policy)));
  }

  /**
   * Clones a repository into the sandbox with its own git. `GitAccessRefused`,
   * `GitRepositoryNotFound`, `GitRefNotFound`, `GitFailed`.
   */
  async gitClone(url: string, all: options.GitCloneOptions = {}): Promise<ClonedRepository> {
    const request = post(`${this.#path}/git/clone`, wire({ url, ...all }));
    const timeout = ((all.timeoutSeconds ?? 600) + 60) * 1000;
    return clonedRepository.read(await this.#transport.call({ ...request, timeout }));
  }

  /** Waits until something listens on a TCP port of the guest; `TimedOut` after 30 s. */
  async waitForPort(port: number, all: WaitOptions = {}): Promise<ListeningPort> {
    return await waitForPort(this.#transport, this.#path, port, all);
  }

  /**
   * Where a port of the guest is reached over HTTP and WebSocket, with the API key in
   * `Authorization`. Ends with a slash.
   */
  portUrl(port: number): string {
    return `${this.client.host}${this.#path}/ports/${port}/`;
  }

  /** A link to a port for those without a key, for an hour, or 7 days at most. */
  async portLink(
    port: number,
    { expiresInSeconds = 3600 }: { expiresInSeconds?: number | undefined } = {},
  ): Promise<PortLink> {
    const body = { expires_in_seconds: expiresInSeconds };
    const request = post(`${this.#path}/ports/${port}/link`, body, true);
    return portLink.read(await this.#transport.call(request));
  }

  /** Lets the sandbox stand still in the host's memory, its lifetime too. */
  async pause(): Promise<SandboxInfo> {
    return sandboxInfo.read(await this.#transport.call(post(`${this.#path}/pause`, {}, true)));
  }

  /** Lets a paused or frozen sandbox go on under its id; closing it deletes it again. */
  async resume(): Promise<SandboxInfo> {
    const answer = await this.#transport.call(post(`${this.#path}/resume`, {}, true));
    this.#keep = false;
    return sandboxInfo.read(answer);
  }

  /**
   * Freezes the sandbox into a Space and ends its machine; the id stays, and closing this handle
   * leaves it.
   */
  async freeze(): Promise<SpaceInfo> {
    const answer = await this.#transport.call(post(`${this.#path}/freeze`, {}, true));
    this.#keep = true;
    return spaceInfo.read(answer);
  }

  /** Takes a snapshot; the sandbox goes on. `SnapshotExists` if the name is taken. */
  async snapshot(
    all: { name?: string | undefined; expiresInSeconds?: number | undefined } = {},
  ): Promise<SnapshotInfo> {
    const request = create(`${this.#path}/snapshots`, wire(all));
    return snapshotInfo.read(await this.#transport.call(request));
  }

  /**
   * Takes the sandbox back to a snapshot, by id or name: memory, disk and processes are those of
   * then. It keeps id, deadlines, metadata and network policy; its running calls end.
   */
  async rollback(snapshot: string | SnapshotInfo): Promise<SandboxInfo> {
    const name = typeof snapshot === "string" ? snapshot : snapshot.id;
    const request = post(`${this.#path}/rollback`, { snapshot: name });
    return sandboxInfo.read(await this.#transport.call(request));
  }

  /**
   * Takes a sandbox that was made with `undo` back to before its last `n` calls. `NothingToUndo`,
   * with `details.available`, if it cannot go back so far.
   */
  async undo(n = 1): Promise<SandboxInfo> {
    return sandboxInfo.read(await this.#transport.call(create(`${this.#path}/undo`, { n })));
  }

  /** Ends the sandbox, with its Space if it is frozen; repeating it is no error. */
  async delete(): Promise<void> {
    await this.#transport.call(remove(this.#path));
  }

  /** Deletes the sandbox, unless it was merged or frozen. Repeating it is no error. */
  async close(): Promise<void> {
    if (!this.#keep) {
      await this.delete();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function exec(code: string, framing: string, all: options.StartOptions): Record<string, unknown> {
  const language = all.context === undefined ? (all.language ?? "python") : undefined;
  return wire({ ...all, code, framing, language });
}

function files(changes: readonly FileChange[]): string[] {
  return changes.filter((one) => one.type === "file").map((one) => one.path);
}

function parted<T extends Where>(all: T): [Where, Omit<T, keyof Where>] {
  const { client, host, region, apiKey, traceparent, ...rest } = all;
  return [{ client, host, region, apiKey, traceparent }, rest];
}

function clientOf({ client, ...where }: Where): Client {
  return client ?? new Client(where);
}
