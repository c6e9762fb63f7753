/** Options of calls. What is left out is the server's default, see `client.info()`. */

import type { ExecEvent } from "./results.js";

/** `allow` and `deny`: domains, `*.domain`, addresses and blocks, each with an optional `:port`. */
export interface NetworkPolicy {
  default?: "allow" | "deny" | undefined;
  allow?: readonly string[] | undefined;
  deny?: readonly string[] | undefined;
  dns?: "on" | "off" | undefined;
}

export interface MountOptions {
  /** Id of a volume, or this key's name for it. */
  volume: string;
  /** Whole path in the guest; made if it is missing. */
  path: string;
  readOnly?: boolean | undefined;
  /** Make the volume if there is none of this name. */
  create?: boolean | undefined;
}

/** Where the value of a secret goes: either into a `header` or into the `query`. */
export interface SecretPlace {
  /** `api.example.com`, `*.example.com`, each with `:port` if it is not 443. */
  hosts: readonly string[];
  /** Field of the request's head. */
  header?: string | undefined;
  /** Parameter of the query; hosts like to repeat those. */
  query?: string | undefined;
}

/** A value that a sandbox uses in its requests and never has. */
export interface SecretOptions extends SecretPlace {
  /** Of the variable that has the placeholder in the sandbox. */
  name: string;
  value: string;
}

export interface GitCloneOptions {
  /** Absolute folder that is empty or not there; else `/root/` and the repository's name. */
  path?: string | undefined;
  /** Branch, tag or commit of 40 hex digits; else the repository's own branch. */
  ref?: string | undefined;
  /** Commits of history. */
  depth?: number | undefined;
  /** Stays outside of the sandbox. */
  credential?: { username: string; password: string } | { token: string } | undefined;
  /** Default is 600. */
  timeoutSeconds?: number | undefined;
}

interface LifeOptions {
  /** Lifetime. */
  timeoutSeconds?: number | undefined;
  /** Ends the sandbox, or freezes a persistent one, when it was not used for so long. */
  idleTimeoutSeconds?: number | undefined;
  /** Frozen into a Space where another sandbox would be ended. */
  persistent?: boolean | undefined;
  /** Calls wake it where it is paused or frozen; as `persistent` if left out. */
  autoResume?: boolean | undefined;
  /** Keep what it was before each of its last so many calls. */
  undo?: number | undefined;
  /** False is short for a network of nothing. */
  egress?: boolean | undefined;
  network?: NetworkPolicy | undefined;
  metadata?: Readonly<Record<string, string>> | undefined;
}

export interface CreateOptions extends LifeOptions {
  template?: string | undefined;
  vcpus?: number | undefined;
  ramMib?: number | undefined;
  rootfsGb?: number | undefined;
  /** Volumes that it has, at most 8. */
  mounts?: readonly MountOptions[] | undefined;
  secrets?: readonly SecretOptions[] | undefined;
  /** Variables of every execution. */
  env?: Readonly<Record<string, string>> | undefined;
  /** Go on where this was taken, by id or name. */
  snapshot?: string | undefined;
}

/** What is left out is as it was when the sandbox was frozen. */
export interface ResumeOptions extends LifeOptions {
  /** Leave the Space, to be resumed again. */
  keep?: boolean | undefined;
}

export interface UpdateOptions {
  /** New lifetime, counted from now. */
  timeoutSeconds?: number | undefined;
  idleTimeoutSeconds?: number | undefined;
  persistent?: boolean | undefined;
  autoResume?: boolean | undefined;
  /** Replaces all metadata. */
  metadata?: Readonly<Record<string, string>> | undefined;
}

/** `python` in the interpreter that remembers, `bash` in a new process. */
export type Language = "python" | "bash";

interface CallOptions {
  /** `python` if left out. */
  language?: Language | undefined;
  /** After it the code is interrupted, 5 s later killed; exit code 124. */
  timeoutSeconds?: number | undefined;
  /** Folder, for this call only. */
  cwd?: string | undefined;
  /** Variables, for this call only. */
  env?: Readonly<Record<string, string>> | undefined;
}

export interface ExecOptions extends CallOptions {
  /** Of bash. */
  stdin?: string | undefined;
  /** Id of an interpreter of `contexts`; its language counts. */
  context?: string | undefined;
}

export interface RunOptions extends ExecOptions {
  /** Hears of every event when it comes, in the `chunks` framing. */
  onEvent?: ((event: ExecEvent) => void) | undefined;
  /** Stops waiting, and interrupts the code in the sandbox. */
  signal?: AbortSignal | undefined;
}

export interface StreamOptions extends ExecOptions {
  /**
   * `lines`: stdout and stderr line by line, and the exit. `chunks`: exactly what is written, with
   * `started`, `result` and `exception`.
   */
  framing?: "lines" | "chunks" | undefined;
  /** Stops reading; the code goes on. */
  signal?: AbortSignal | undefined;
}

export interface StartOptions extends ExecOptions {
  /** Keep the standard input of bash open for `writeStdin`. */
  stdinOpen?: boolean | undefined;
}

export interface JoinOptions {
  /** What was before this number is not repeated. */
  fromSeq?: number | undefined;
  onEvent?: ((event: ExecEvent) => void) | undefined;
  signal?: AbortSignal | undefined;
}

export interface ForkOptions {
  metadata?: Readonly<Record<string, string>> | undefined;
  /** Lifetime of the children; else what is left of this one's. */
  timeoutSeconds?: number | undefined;
  /** Also reseed the random generators of Python and NumPy. */
  reseed?: boolean | undefined;
}

export interface FanOutOptions extends CallOptions {
  /** Children, where all run the same code. */
  n?: number | undefined;
  /**
   * The winner is merged into the sandbox and the others are closed; a call must end with exit code 0
   * to win. `first_success` waits for no other call; `min` and `max` compare the number on the last
   * line of stdout.
   */
  pick?: "first_success" | "min" | "max" | undefined;
  reseed?: boolean | undefined;
  /** Hears of every event, with the number of its child. */
  onEvent?: ((index: number, event: ExecEvent) => void) | undefined;
}
