/** Interpreters of a sandbox beside its first one. */

import { wire } from "./records.js";
import { get, post, remove, segment } from "./requests.js";
import type { Transport } from "./transport.js";
import { type ContextInfo, contextInfo } from "./types.js";

export interface ContextOptions {
  /**
   * `python` if left out; others, `javascript` for one, where the template has them; else
   * `LanguageNotAvailable`.
   */
  language?: string | undefined;
  cwd?: string | undefined;
  /** Besides the sandbox's. */
  env?: Readonly<Record<string, string>> | undefined;
}

/**
 * Each has variables, a folder and a queue of its own. Code runs in one by
 * `runCode(code, { context: contextId })`.
 */
export class Contexts {
  readonly #path: string;

  constructor(
    private readonly transport: Transport,
    path: string,
  ) {
    this.#path = `${path}/contexts`;
  }

  async create(options: ContextOptions = {}): Promise<ContextInfo> {
    const body = wire({ language: "python", ...options });
    return contextInfo.read(await this.transport.call(post(this.#path, body)));
  }

  async list(): Promise<ContextInfo[]> {
    return contextInfo.readAll(await this.transport.call(get(this.#path)), "contexts");
  }

  /** Ends a context with its calls; one that is not there is no error. */
  async remove(contextId: string): Promise<void> {
    await this.transport.call(remove(`${this.#path}/${segment(contextId)}`));
  }

  /** Begins anew, with the same language, folder and variables; its calls end. */
  async restart(contextId: string): Promise<ContextInfo> {
    return await this.#turn(contextId, "restart");
  }

  /** Interrupts the call that runs in it. */
  async interrupt(contextId: string): Promise<ContextInfo> {
    return await this.#turn(contextId, "interrupt");
  }

  async #turn(contextId: string, verb: string): Promise<ContextInfo> {
    const path = `${this.#path}/${segment(contextId)}/${verb}`;
    return contextInfo.read(await this.transport.call(post(path, {})));
  }
}
