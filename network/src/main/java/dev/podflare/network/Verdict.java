package dev.podflare.network;

/** What address and port alone say of a packet. */
public enum Verdict {
  ALLOW,
  REFUSE,
  /** Only the name can tell: TCP goes to the gate, everything else is refused. */
  BY_NAME
}
