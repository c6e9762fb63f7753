package dev.podflare.guest;

/** What can be sent to a running execution; a stopped process is continued as well. */
public enum GuestSignal {
  /** Interrupt: KeyboardInterrupt in Python, SIGINT to bash's process group. */
  INT,
  TERM,
  /** Ends bash's process group, or the interpreter, which is then restarted without its state. */
  KILL
}
