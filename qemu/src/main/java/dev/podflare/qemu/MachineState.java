package dev.podflare.qemu;

/**
 * States of a {@link Machine}.
 *
 * <pre>
 * STARTING → BLANK → PAUSED ⇄ RUNNING
 * any → ENDED
 * </pre>
 *
 * BLANK: QEMU waits, with no guest in it. PAUSED and RUNNING: with a guest.
 */
public enum MachineState {
  STARTING,
  BLANK,
  PAUSED,
  RUNNING,
  ENDED
}
