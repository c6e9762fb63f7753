package dev.podflare.network;

import java.util.concurrent.atomic.LongAdder;

/** What the resolver did since its start. Thread-safe. */
public final class ResolverStats {
  final LongAdder queries = new LongAdder();
  final LongAdder strangers = new LongAdder();
  final LongAdder limited = new LongAdder();
  final LongAdder malformed = new LongAdder();
  final LongAdder forwarded = new LongAdder();

  /** Queries of known slots. */
  public long queries() {
    return queries.sum();
  }

  /** Messages of unknown askers, dropped. */
  public long strangers() {
    return strangers.sum();
  }

  /** Queries over a slot's limits, dropped or answered SERVFAIL. */
  public long limited() {
    return limited.sum();
  }

  /** Messages that are no DNS query. */
  public long malformed() {
    return malformed.sum();
  }

  /** Queries that went to an upstream; all others were answered here. */
  public long forwarded() {
    return forwarded.sum();
  }
}
