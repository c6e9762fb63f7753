package dev.podflare.engine;

import java.util.List;

/**
 * Processes of sandboxes: programs that run beside all else, whether or not anybody looks. Where
 * one is asked for, its id or its name does; a name means the newest that has it. Errors as with
 * {@link Engine}; {@code GUEST_TOO_OLD} where the guest was made by an earlier version.
 */
public interface SandboxProcesses {
  /** It runs when this returns. {@code INVALID_FIELD} if it cannot; {@code TOO_MANY_PROCESSES}. */
  SandboxProcess startProcess(Caller caller, String sandboxId, ProcessRequest request);

  /** Those that were started, newest first; of those that have ended the last are kept. */
  List<ProcessView> processes(Caller caller, String sandboxId);

  /** All that run in the guest, but its agent. */
  GuestListing guestProcesses(Caller caller, String sandboxId);

  /** {@code PROCESS_NOT_FOUND}. */
  SandboxProcess process(Caller caller, String sandboxId, String process);

  /**
   * Waits until something listens on a TCP port of the guest. {@code TIMED_OUT}; {@code
   * PROCESS_ENDED} if the process that the wish names has ended.
   */
  PortFound awaitPort(Caller caller, String sandboxId, PortWish wish) throws InterruptedException;
}
