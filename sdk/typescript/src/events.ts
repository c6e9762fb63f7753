/** What happens to sandboxes, and where it is told: the stream of events and webhooks; keys. */

import { ConnectionBroken } from "./failures.js";
import { ServerSentEvents } from "./folds.js";
import { JoinPatience, sleep } from "./patience.js";
import { wire } from "./records.js";
import { create, get, remove, segment } from "./requests.js";
import type { Body, Transport } from "./transport.js";
import {
  type KeyInfo,
  keyInfo,
  type LifecycleEvent,
  type WebhookInfo,
  webhookInfo,
} from "./types.js";

export interface EventOptions {
  /** Goes on after the event with this id; 0 begins with the oldest that is kept, undefined now. */
  after?: number | undefined;
  /** False ends when all that there is was given. */
  follow?: boolean | undefined;
  signal?: AbortSignal | undefined;
}

/** Each event once, in order, over as many connections as it takes. */
export async function* follow(
  transport: Transport,
  { after, follow: following = true, signal }: EventOptions,
): AsyncGenerator<LifecycleEvent, void, undefined> {
  const patience = new JoinPatience(transport.config.timeout);
  let last = after;
  while (true) {
    let body: Body | undefined;
    try {
      const request = get("/v1/events", { after: last, follow: following });
      body = await transport.open({ ...request, signal });
      const frames = new ServerSentEvents();
      for (let data = await body.chunk(); data !== undefined; data = await body.chunk()) {
        patience.heard(true);
        for (const [id, event] of frames.feed(data)) {
          last = id;
          if (event !== undefined) {
            yield event;
          }
        }
      }
      if (!following) {
        return;
      }
      throw new ConnectionBroken("the stream of events ended");
    } catch (cut) {
      const pause = following && !signal?.aborted ? patience.pause(cut) : undefined;
      if (pause === undefined) {
        throw cut;
      }
      await sleep(pause, signal);
    } finally {
      await body?.close();
    }
  }
}

/** Addresses that events are sent to, signed. */
export class Webhooks {
  constructor(private readonly transport: Transport) {}

  /** `secret` of the answer is told this once. */
  async create(
    url: string,
    options: { types?: readonly string[] | undefined; secret?: string | undefined } = {},
  ): Promise<WebhookInfo> {
    const request = create("/v1/webhooks", wire({ url, ...options }));
    return webhookInfo.read(await this.transport.call(request));
  }

  async list(): Promise<WebhookInfo[]> {
    return webhookInfo.readAll(await this.transport.call(get("/v1/webhooks")), "webhooks");
  }

  async get(webhookId: string): Promise<WebhookInfo> {
    return webhookInfo.read(await this.transport.call(get(`/v1/webhooks/${segment(webhookId)}`)));
  }

  async delete(webhookId: string): Promise<void> {
    await this.transport.call(remove(`/v1/webhooks/${segment(webhookId)}`));
  }
}

export interface KeyOptions {
  admin?: boolean | undefined;
  /** Of `read`, `write`, `exec`. */
  scopes?: readonly string[] | undefined;
  limits?: Readonly<Record<string, number | null>> | undefined;
}

/** API keys; for admin keys only. */
export class Keys {
  constructor(private readonly transport: Transport) {}

  /** `key` of the answer is told this once. */
  async create(name: string, options: KeyOptions = {}): Promise<KeyInfo> {
    const request = create("/v1/keys", wire({ name, ...options }));
    return keyInfo.read(await this.transport.call(request));
  }

  async list(): Promise<KeyInfo[]> {
    return keyInfo.readAll(await this.transport.call(get("/v1/keys")), "keys");
  }

  async delete(keyId: string): Promise<void> {
    await this.transport.call(remove(`/v1/keys/${segment(keyId)}`));
  }
}
