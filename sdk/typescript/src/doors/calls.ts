/** What the doors have in common. */

import type { CreateOptions } from "../options.js";
import { isObject } from "../records.js";
import { Sandbox, type Where } from "../sandbox.js";
import { Toolset } from "../toolset.js";

/** A sandbox, or tools of one with options of their own. The caller closes the sandbox. */
export type Target = Sandbox | Toolset;

export type OwnOptions = CreateOptions & Where;

export function toolsetOf(target: Target): Toolset {
  return target instanceof Toolset ? target : new Toolset(target);
}

/** Arguments of a call, which frameworks give as an object or as JSON. */
export function argumentsOf(value: unknown): Record<string, unknown> {
  if (typeof value === "string") {
    try {
      return argumentsOf(JSON.parse(value));
    } catch {
      return {};
    }
  }
  return isObject(value) ? value : {};
}

/** A sandbox that is made when it is first needed, once however many calls ask. */
export class OwnSandbox {
  #made: Promise<Sandbox> | undefined;

  constructor(private readonly options: OwnOptions) {}

  async toolset(): Promise<Toolset> {
    this.#made ??= Sandbox.create(this.options).catch((error: unknown) => {
      this.#made = undefined;
      throw error;
    });
    return new Toolset(await this.#made);
  }

  async close(): Promise<void> {
    const made = this.#made;
    this.#made = undefined;
    await (await made?.catch(() => undefined))?.close();
  }
}

/** Of a tool with a sandbox of its own. */
export interface OwnsSandbox extends AsyncDisposable {
  /** Ends the sandbox; the next call makes a new one. */
  closePodflareSandbox(): Promise<void>;
}

export function owning<T extends object>(tool: T, own: OwnSandbox): T & OwnsSandbox {
  const close = () => own.close();
  return Object.assign(tool, { closePodflareSandbox: close, [Symbol.asyncDispose]: close });
}
