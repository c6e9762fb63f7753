/**
 * The server's records. Times are `Date`, sizes are bytes unless a name says otherwise, and what may
 * be missing is null.
 */

import {
  base64,
  flag,
  json,
  list,
  number,
  or,
  orNull,
  RecordKind,
  type RecordOf,
  strings,
  text,
  texts,
  time,
} from "./records.js";

export const policy = new RecordKind("Policy", {
  /** `allow` or `deny`. */
  default: text,
  allow: or(texts, []),
  deny: or(texts, []),
  /** `on` or `off`. */
  dns: or(text, "on"),
});
/** What a guest may reach. */
export type Policy = RecordOf<typeof policy>;

export const undo = new RecordKind("Undo", {
  /** Most calls that can be undone. */
  keep: number,
  /** Calls that can be undone now. */
  available: number,
});
export type Undo = RecordOf<typeof undo>;

export const mount = new RecordKind("Mount", {
  /** The volume's name. */
  volume: text,
  volumeId: text,
  path: text,
  readOnly: flag,
});
/** A volume in a sandbox. */
export type Mount = RecordOf<typeof mount>;

export const sandboxInfo = new RecordKind("Sandbox", {
  id: text,
  /** `ready`, `paused`, `frozen` (or `creating`, `closed`). */
  state: text,
  template: text,
  vcpus: number,
  ramMib: number,
  rootfsGb: number,
  persistent: flag,
  autoResume: flag,
  egress: flag,
  networked: flag,
  network: policy,
  createdAt: time,
  expiresAt: time,
  lastActiveAt: time,
  timeoutSeconds: number,
  idleTimeoutSeconds: number,
  ownMemoryBytes: number,
  diskBytes: number,
  undo: orNull(undo),
  mounts: or(list(mount), []),
  metadata: or(strings, {}),
  parent: orNull(text),
});
/** The whole record of a sandbox. */
export type SandboxInfo = RecordOf<typeof sandboxInfo>;

export const familyMember = new RecordKind("FamilyMember", {
  id: text,
  parent: orNull(text),
  state: text,
  createdAt: time,
  closedAt: orNull(time),
  closeReason: orNull(text),
  ownMemoryBytes: or(number, 0),
});
/** A sandbox in the tree of forks. */
export type FamilyMember = RecordOf<typeof familyMember>;

export const fileChange = new RecordKind("FileChange", {
  path: text,
  type: text,
  size: number,
  mode: text,
  sha256: orNull(text),
  /** Unified; of text files, with `content`. */
  patch: orNull(text),
});
/** A file that differs between two sandboxes. */
export type FileChange = RecordOf<typeof fileChange>;

export const winner = new RecordKind("Winner", {
  index: number,
  /** The id that it had. */
  sandboxId: text,
  /** What it printed last, if a number decided. */
  value: orNull(number),
});
/** The child of a fan-out whose state the sandbox has now. */
export type Winner = RecordOf<typeof winner>;

export const executionInfo = new RecordKind("Execution", {
  id: text,
  language: text,
  framing: text,
  /** `queued`, `running`, `ended`. */
  state: text,
  createdAt: time,
  startedAt: orNull(time),
  endedAt: orNull(time),
  exitCode: orNull(number),
  reason: orNull(text),
});
/** An execution, running or not. */
export type ExecutionInfo = RecordOf<typeof executionInfo>;

export const contextInfo = new RecordKind("Context", {
  contextId: text,
  language: text,
  cwd: text,
  busy: flag,
  createdAt: time,
});
/** An interpreter beside the first one. */
export type ContextInfo = RecordOf<typeof contextInfo>;

export const processInfo = new RecordKind("Process", {
  processId: text,
  name: orNull(text),
  /** In the guest. */
  pid: number,
  /** For people, cut to 1,000 characters. */
  command: text,
  /** `running` or `ended`. */
  state: text,
  startedAt: time,
  endedAt: orNull(time),
  exitCode: orNull(number),
  /** `exited`, `cancelled`, `timeout` and others, once it has ended. */
  reason: orNull(text),
  stdinOpen: flag,
  keepsAwake: flag,
  /** Number of the oldest event of its log that is kept. */
  firstSeq: number,
  /** Number of the event that comes next. */
  nextSeq: number,
});
/** A program that runs on beside all else. */
export type ProcessInfo = RecordOf<typeof processInfo>;

export const guestProcess = new RecordKind("GuestProcess", {
  pid: number,
  ppid: number,
  uid: number,
  /** The kernel's letter. */
  state: text,
  cpuMs: number,
  residentBytes: number,
  command: text,
  /** Of the started process whose first one it is. */
  processId: orNull(text),
});
/** Any process of the guest, by its kernel's word. */
export type GuestProcess = RecordOf<typeof guestProcess>;

export const listeningPort = new RecordKind("ListeningPort", {
  port: number,
  /** Of the guest; `0.0.0.0` and `::` are all of them. */
  addresses: texts,
  /** Whether `portUrl` leads there: not if it listens on loopback only. */
  reachable: flag,
});
export type ListeningPort = RecordOf<typeof listeningPort>;

export const logLine = new RecordKind("LogLine", {
  /** Number of the event in which it is, or in which it ends. */
  seq: number,
  /** `stdout` or `stderr`. */
  stream: text,
  line: text,
  /** What the groups of the pattern have matched. */
  groups: texts,
});
/** A line that a process said. */
export type LogLine = RecordOf<typeof logLine>;

export const fileEntry = new RecordKind("FileEntry", {
  name: text,
  path: text,
  /** `file`, `directory`, `link`, `other`. */
  type: text,
  size: number,
  mode: text,
  uid: number,
  gid: number,
  owner: text,
  etag: text,
  mtime: time,
  target: orNull(text),
  nameB64: orNull(text),
  pathB64: orNull(text),
  targetB64: orNull(text),
});
/** A file, folder or link, by the guest's word. */
export type FileEntry = RecordOf<typeof fileEntry>;

export const writtenFile = new RecordKind("WrittenFile", {
  path: text,
  size: number,
  complete: or(flag, true),
  sha256: orNull(text),
  pathB64: orNull(text),
});
export type WrittenFile = RecordOf<typeof writtenFile>;

export const unpacked = new RecordKind("Unpacked", {
  path: text,
  entries: number,
  size: number,
  pathB64: orNull(text),
});
/** An archive that was unpacked. */
export type Unpacked = RecordOf<typeof unpacked>;

export const watchedChange = new RecordKind("WatchedChange", {
  /**
   * `watching` (the first), `created`, `modified`, `written`, `attributes`, `deleted`, `moved_from`,
   * `moved_to`, `overflow` (changes were lost) or `gone`.
   */
  type: text,
  path: text,
  directory: or(flag, false),
  cookie: orNull(number),
  pathB64: orNull(text),
});
export type WatchedChange = RecordOf<typeof watchedChange>;

export const terminalInfo = new RecordKind("Terminal", {
  ptyId: text,
  cmdLabel: text,
  createdAtMs: number,
  /** Null while it runs. */
  exitCode: orNull(number),
  cols: or(number, 80),
  rows: or(number, 24),
});
export type TerminalInfo = RecordOf<typeof terminalInfo>;

export const terminalRead = new RecordKind(
  "TerminalRead",
  {
    data: base64,
    nextSeq: number,
    /** Once the program has ended and all was read. */
    exitCode: orNull(number),
    /** Whether bytes before `data` are not kept any more. */
    truncated: flag,
  },
  { data: "data_b64" },
);
/** Output of a terminal from a byte on. */
export type TerminalRead = RecordOf<typeof terminalRead>;

export const networkRefusal = new RecordKind("Refusal", {
  protocol: text,
  name: orNull(text),
  address: orNull(text),
  port: orNull(number),
  rule: text,
  time,
});
/** A connection or name that was refused to a guest. */
export type NetworkRefusal = RecordOf<typeof networkRefusal>;

export const networkInfo = new RecordKind("Network", {
  default: text,
  allow: texts,
  deny: texts,
  dns: text,
  networked: or(flag, true),
  bytesSent: or(number, 0),
  bytesReceived: or(number, 0),
  packetsSent: or(number, 0),
  packetsReceived: or(number, 0),
  /** Packets by reason. */
  refused: or(json, {}),
  /** The last 100, newest first. */
  lastRefused: or(list(networkRefusal), []),
});
/** The policy in force, what was moved and what was refused. */
export type NetworkInfo = RecordOf<typeof networkInfo>;

export const portLink = new RecordKind("PortLink", { url: text, token: text, expiresAt: time });
/** A link to a port that needs no key. */
export type PortLink = RecordOf<typeof portLink>;

const saved = {
  id: text,
  sandboxId: text,
  template: text,
  vcpus: number,
  ramMib: number,
  rootfsGb: number,
  ownBytes: number,
  storedBytes: number,
  createdAt: time,
  expiresAt: orNull(time),
  metadata: or(strings, {}),
  /** Whether every node that shares the store can go on with it. */
  anyNode: or(flag, false),
};

export const spaceInfo = new RecordKind("Space", saved);
/** A frozen sandbox. */
export type SpaceInfo = RecordOf<typeof spaceInfo>;

export const snapshotInfo = new RecordKind("Snapshot", { ...saved, name: orNull(text) });
/** A copy of a sandbox, to go on from. */
export type SnapshotInfo = RecordOf<typeof snapshotInfo>;

export const volumeInfo = new RecordKind("Volume", {
  id: text,
  name: text,
  /** That has what is in it. */
  node: text,
  /** Sum of its files' sizes; null where another node was asked. */
  bytes: orNull(number),
  /** Files, folders and links. */
  files: orNull(number),
  maxBytes: number,
  createdAt: time,
  /** Sandboxes that have it, frozen ones too. */
  mountedIn: texts,
});
export type VolumeInfo = RecordOf<typeof volumeInfo>;

export const secretInfo = new RecordKind("Secret", {
  name: text,
  hosts: texts,
  /** What programs of the sandbox have in its place. */
  placeholder: text,
  /** Field that it goes into; or it has `query`. */
  header: orNull(text),
  query: orNull(text),
  createdAt: time,
  changedAt: time,
  /** Requests that got it, since the sandbox has its present machine. */
  uses: number,
  /** Requests to its hosts that were not passed on. */
  refused: number,
  lastUsedAt: orNull(time),
});
/** A value that a sandbox uses and never has. */
export type SecretInfo = RecordOf<typeof secretInfo>;

export const clonedRepository = new RecordKind("cloneRepository", {
  path: text,
  commit: text,
  /** Null at a tag or commit. */
  branch: orNull(text),
});
export type ClonedRepository = RecordOf<typeof clonedRepository>;

export const lifecycleEvent = new RecordKind("LifecycleEvent", {
  /** To go on after it. */
  id: or(number, 0),
  /** For example `sandbox.created`. */
  type: text,
  timestamp: time,
  data: json,
});
/** What happened to a sandbox or a snapshot. */
export type LifecycleEvent = RecordOf<typeof lifecycleEvent>;

export const webhookInfo = new RecordKind("Webhook", {
  id: text,
  url: text,
  types: texts,
  pending: number,
  createdAt: time,
  lastSuccessAt: orNull(time),
  failingSince: orNull(time),
  lastError: orNull(text),
  disabledAt: orNull(time),
  disabledReason: orNull(text),
  /** In the answer to its making only. */
  secret: orNull(text),
});
export type WebhookInfo = RecordOf<typeof webhookInfo>;

export const keyInfo = new RecordKind("Key", {
  id: text,
  name: text,
  admin: flag,
  scopes: texts,
  limits: json,
  createdAt: time,
  /** In the answer to its making only. */
  key: orNull(text),
});
export type KeyInfo = RecordOf<typeof keyInfo>;

export const capacity = new RecordKind("Capacity", {
  sandboxes: number,
  maxSandboxes: number,
  memoryUsedBytes: number,
  memoryFreeBytes: number,
  diskUsedBytes: number,
  diskFreeBytes: number,
  accepting: flag,
  templates: json,
});
export type Capacity = RecordOf<typeof capacity>;

export const serverInfo = new RecordKind("Info", {
  version: text,
  accelerator: text,
  acceleratorReason: text,
  qemuVersion: text,
  defaults: json,
  limits: json,
  region: orNull(text),
  endpoint: orNull(text),
});
export type ServerInfo = RecordOf<typeof serverInfo>;
