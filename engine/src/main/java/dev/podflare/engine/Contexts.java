package dev.podflare.engine;

import java.util.List;

/**
 * The interpreters of one sandbox beside its first one, each with a queue of its own. They are part
 * of the guest: a fork has copies, and pause, freeze and a new daemon keep them. Calls may throw
 * {@code CONTEXT_NOT_FOUND} and {@code GUEST_TOO_OLD}. Thread-safe.
 */
public interface Contexts {
  /**
   * May throw {@code LANGUAGE_NOT_AVAILABLE}, {@code TOO_MANY_CONTEXTS} and {@code INVALID_FIELD}.
   */
  ContextView open(ContextRequest request);

  List<ContextView> list();

  /** Ends it with its calls. One that is not there is no error. */
  void close(String id);

  /** Another interpreter takes its place; its calls end. */
  ContextView restart(String id);

  /** Interrupts the call that runs in it. */
  ContextView interrupt(String id);
}
