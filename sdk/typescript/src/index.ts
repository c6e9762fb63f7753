/**
 * Disposable Linux microVMs for AI agents.
 *
 *     import { Sandbox } from "podflare";
 *
 *     await using sandbox = await Sandbox.create();
 *     await sandbox.runCode("x = 42");
 *     console.log((await sandbox.runCode("print(x * 2)")).stdout);
 */

export type { Bytes } from "./bytes.js";
export { Client, type CreatedRecord, type ListOptions } from "./client.js";
export type { ClientOptions, SocketClass, SocketLike } from "./config.js";
export type { ContextOptions, Contexts } from "./contexts.js";
export * as errors from "./errors.js";
export type { EventOptions, KeyOptions, Keys, Webhooks } from "./events.js";
export {
  ApiError,
  BadAnswer,
  ConnectionBroken,
  NoAnswerInTime,
  NotConnected,
  PodflareError,
  StreamFailed,
  Unreachable,
} from "./failures.js";
export type { FanOut } from "./fanout.js";
export type { Files, RangeOptions, WriteOptions } from "./files.js";
export type * from "./options.js";
export type {
  LogOptions,
  Process,
  Processes,
  ProcessOptions,
  WaitOptions,
  Wanted,
} from "./processes.js";
export {
  CHART,
  type CodeException,
  type ExceptionEvent,
  type ExecEvent,
  ExecResult,
  type ExitEvent,
  type ExitReason,
  type Frame,
  type MimeBundle,
  type OutputEvent,
  type ProcessEvent,
  Result,
  type ResultEvent,
  type ResultKind,
  type SkippedEvent,
  type StartedEvent,
} from "./results.js";
export { type Diff, Sandbox, type Where } from "./sandbox.js";
export type { Snapshots, Spaces, Volumes } from "./saved.js";
export type { Secrets } from "./secrets.js";
export type { Uploadable } from "./sources.js";
export type {
  ReadOptions,
  Terminal,
  TerminalConnection,
  TerminalOptions,
  Terminals,
} from "./terminals.js";
export type {
  Capacity,
  ClonedRepository,
  ContextInfo,
  ExecutionInfo,
  FamilyMember,
  FileChange,
  FileEntry,
  GuestProcess,
  KeyInfo,
  LifecycleEvent,
  ListeningPort,
  LogLine,
  Mount,
  NetworkInfo,
  NetworkRefusal,
  Policy,
  PortLink,
  ProcessInfo,
  SandboxInfo,
  SecretInfo,
  ServerInfo,
  SnapshotInfo,
  SpaceInfo,
  TerminalInfo,
  TerminalRead,
  Undo,
  Unpacked,
  VolumeInfo,
  WatchedChange,
  WebhookInfo,
  Winner,
  WrittenFile,
} from "./types.js";
