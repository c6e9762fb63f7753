package dev.podflare.engine;

import java.util.List;

/** Terminals of sandboxes. Errors as with {@link Engine}. */
public interface SandboxTerminals {
  /**
   * Opens a terminal and starts a program on it. {@code INVALID_FIELD} if it cannot start, {@code
   * TOO_MANY_PTYS}, {@code GUEST_TOO_OLD} where the guest was made by an earlier version.
   */
  Terminal openTerminal(Caller caller, String sandboxId, TerminalRequest request);

  /** Oldest first; the last 16 that have ended are kept. */
  List<TerminalView> terminals(Caller caller, String sandboxId);

  /** {@code PTY_NOT_FOUND}. */
  Terminal terminal(Caller caller, String sandboxId, String terminalId);
}
