package dev.podflare.tests;

/** What a guest writes before it is copied, and how a copy tells what it has of it. Stateless. */
final class WrittenState {
  static final String DIGEST =
      """
      d = hashlib.sha256(big)
      for path in ('/root/flushed', '/root/cached'):
          with open(path, 'rb') as f:
              d.update(f.read())
      print(name, d.hexdigest())
      """;

  static final String FROM_THE_DISK =
      "sync; echo 3 > /proc/sys/vm/drop_caches; cat /root/flushed /root/cached | sha256sum";

  private WrittenState() {}

  /** Random data in memory, a file on disk, one that only the page cache has, a thread. */
  static String prepare(int bytes) {
    return """
    import hashlib, os, random, threading, time
    name, big, ticks = 'parent', bytearray(os.urandom(%d)), 0
    def tick():
        global ticks
        while True:
            ticks += 1
            time.sleep(0.01)
    threading.Thread(target=tick, daemon=True).start()
    with open('/root/flushed', 'wb') as f:
        f.write(big[:1_000_000])
        f.flush()
        os.fsync(f.fileno())
    with open('/root/cached', 'wb') as f:
        f.write(big[1_000_000:3_000_000])
    """
        .formatted(bytes);
  }
}
