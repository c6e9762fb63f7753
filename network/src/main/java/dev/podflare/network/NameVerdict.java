package dev.podflare.network;

/** What becomes of a query for a name. */
public enum NameVerdict {
  /** Ask the host's resolvers. */
  FORWARD,
  /** NXDOMAIN at once; nothing leaves the host. */
  NO_SUCH_NAME,
  /** REFUSED at once: this policy has no names at all. */
  REFUSED
}
