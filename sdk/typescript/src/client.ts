/** A server, as its client sees it. */

import { type ClientOptions, configOf, findHost } from "./config.js";
import { type EventOptions, follow, Keys, Webhooks } from "./events.js";
import { BadAnswer, PodflareError } from "./failures.js";
import type { CreateOptions, ResumeOptions } from "./options.js";
import { excerpt, isObject, wire } from "./records.js";
import { create, get, segment } from "./requests.js";
import { Sandbox } from "./sandbox.js";
import { Snapshots, Spaces, Volumes } from "./saved.js";
import { Transport } from "./transport.js";
import {
  type Capacity,
  capacity,
  type LifecycleEvent,
  type SandboxInfo,
  type ServerInfo,
  sandboxInfo,
  serverInfo,
} from "./types.js";

export interface ListOptions {
  state?: string | undefined;
  template?: string | undefined;
  metadata?: Readonly<Record<string, string>> | undefined;
}

/** The server's answer to a create or a resume, as JSON: the record, `source` and `timings_ms`. */
export type CreatedRecord = Readonly<Record<string, unknown>> & { readonly id: string };

/**
 * A server, for any number of sandboxes at once.
 *
 * Repeated is what does no harm twice: reads, deletes, and what makes something under an idempotency
 * key. `429` and `503` that pass are waited for as `Retry-After` says, if that is within the timeout.
 */
export class Client {
  /** @internal */
  readonly transport: Transport;

  constructor(options: ClientOptions | Transport = {}) {
    this.transport = options instanceof Transport ? options : new Transport(configOf(options));
  }

  get host(): string {
    return this.transport.config.host;
  }

  /** A new sandbox, ready to run code. */
  async create(options: CreateOptions = {}): Promise<Sandbox> {
    const body = wire({ ...options, mounts: options.mounts?.map(wire) });
    return this.#born(await this.transport.call(create("/v1/sandboxes", body)));
  }

  /** Goes on with a Space as a new sandbox; the Space is used up, unless `keep`. */
  async resume(spaceId: string, options: ResumeOptions = {}): Promise<Sandbox> {
    const path = `/v1/spaces/${segment(spaceId)}/resume`;
    return this.#born(await this.transport.call(create(path, wire(options))));
  }

  /** A server may name another address of the service for what it made. */
  #born(answer: unknown): Sandbox {
    if (!isObject(answer) || typeof answer.id !== "string") {
      throw new BadAnswer(`no sandbox in the answer: ${excerpt(answer)}`);
    }
    const { id, endpoint } = answer;
    const host = typeof endpoint === "string" ? findHost(endpoint) : this.host;
    const client = host === this.host ? this : new Client(this.transport.at(host));
    return new Sandbox(client, id, { ...answer, id });
  }

  /** A handle on a sandbox that exists already; asks nothing of the server. */
  sandbox(sandboxId: string): Sandbox {
    return new Sandbox(this, sandboxId);
  }

  /** Live sandboxes of this key, in order of creation; of an admin key: all. */
  async *sandboxes(options: ListOptions = {}): AsyncGenerator<SandboxInfo, void, undefined> {
    const params: Record<string, string | number | undefined> = {
      state: options.state,
      template: options.template,
      limit: 1000,
    };
    for (const [name, value] of Object.entries(options.metadata ?? {})) {
      params[`metadata.${name}`] = value;
    }
    do {
      const page = await this.transport.call(get("/v1/sandboxes", params));
      yield* sandboxInfo.readAll(page, "sandboxes");
      const next = isObject(page) ? page.next_cursor : undefined;
      params.cursor = typeof next === "string" ? next : undefined;
    } while (params.cursor !== undefined);
  }

  /** Frozen sandboxes. */
  get spaces(): Spaces {
    return new Spaces(this, this.transport);
  }

  /** Copies of sandboxes, to go on from. */
  get snapshots(): Snapshots {
    return new Snapshots(this.transport);
  }

  /** Folders that sandboxes share and that outlive them. */
  get volumes(): Volumes {
    return new Volumes(this.transport);
  }

  get webhooks(): Webhooks {
    return new Webhooks(this.transport);
  }

  get keys(): Keys {
    return new Keys(this.transport);
  }

  /**
   * What happens to this key's sandboxes and snapshots, each event once; of an admin key: to all. A
   * connection that breaks is made again. `EventsGone`: events were missed that are not kept any more.
   */
  events(options: EventOptions = {}): AsyncGenerator<LifecycleEvent, void, undefined> {
    return follow(this.transport, options);
  }

  /** What the server is, its defaults and its limits. */
  async info(): Promise<ServerInfo> {
    return serverInfo.read(await this.transport.call(get("/v1/info")));
  }

  /** Pools and room. */
  async capacity(): Promise<Capacity> {
    return capacity.read(await this.transport.call(get("/v1/capacity")));
  }

  /** Whether a server answers; needs no key. */
  async healthz(): Promise<boolean> {
    try {
      await this.transport.call({ ...get("/v1/healthz"), repeatable: false, timeout: 10_000 });
      return true;
    } catch (error) {
      if (error instanceof PodflareError) {
        return false;
      }
      throw error;
    }
  }
}
