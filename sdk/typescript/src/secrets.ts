/** Values that a sandbox uses in its requests and never has. */

import type { SecretPlace } from "./options.js";
import { wire } from "./records.js";
import { get, put, remove, segment } from "./requests.js";
import type { Transport } from "./transport.js";
import { type SecretInfo, secretInfo } from "./types.js";

/**
 * The server puts them into requests over TLS to the hosts that are named; programs of the sandbox
 * find a placeholder in the variable of the secret's name.
 */
export class Secrets {
  readonly #path: string;

  constructor(
    private readonly transport: Transport,
    path: string,
  ) {
    this.#path = `${path}/secrets`;
  }

  /** By name; without their values. */
  async list(): Promise<SecretInfo[]> {
    return secretInfo.readAll(await this.transport.call(get(this.#path)), "secrets");
  }

  /** Adds one, or changes the one of this name, from the next request on. */
  async set(name: string, value: string, place: SecretPlace): Promise<SecretInfo> {
    const request = put(`${this.#path}/${segment(name)}`, wire({ value, ...place }));
    return secretInfo.read(await this.transport.call(request));
  }

  /** No request gets it any more when this returns. `SecretNotFound`. */
  async delete(name: string): Promise<void> {
    await this.transport.call(remove(`${this.#path}/${segment(name)}`));
  }
}
