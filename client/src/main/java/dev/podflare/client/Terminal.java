package dev.podflare.client;

import java.time.Duration;
import java.util.Base64;
import java.util.Map;

/**
 * A handle on one terminal of a sandbox, which runs on without it. Every method may throw {@link
 * ApiException}. Thread-safe.
 */
public final class Terminal {
  private static final int MOST_BYTES = 1 << 20;
  private static final Duration LONGEST_READ = Duration.ofSeconds(20);

  private final HttpCaller http;
  private final String path;
  private final String id;

  Terminal(HttpCaller http, String sandboxPath, String id) {
    this.http = http;
    this.path = sandboxPath + "/pty/" + Wire.encode(id);
    this.id = id;
  }

  public String id() {
    return id;
  }

  /** Looks at it: the listener hears what is kept of its output, then what comes. */
  public TerminalConnection connect(TerminalListener listener) {
    return TerminalConnection.over(http.webSocket(path + "/ws"), listener);
  }

  /** Types; at most 1 MiB. Code {@code pty_closed} if it has ended. */
  public void input(byte[] bytes) {
    String text = Base64.getEncoder().encodeToString(bytes);
    http.postForNothing(path + "/input", Map.of("data_b64", text));
  }

  public void resize(int cols, int rows) {
    http.postForNothing(path + "/resize", Map.of("cols", cols, "rows", rows));
  }

  /** Kills all that runs in it. */
  public void kill() {
    http.postForNothing(path + "/kill", Map.of());
  }

  /**
   * Output from a byte on, without a connection that stays.
   *
   * @param wait for more, if there is nothing yet; at most 30 s
   */
  public TerminalRead read(long since, int maxBytes, Duration wait) {
    Map<String, Object> body =
        Map.of("since_seq", since, "max_bytes", maxBytes, "timeout_ms", wait.toMillis());
    return http.postAgain(path + "/read", body, TerminalRead.class);
  }

  /**
   * Tells all of its output that is kept, and what comes until its program ends. A connection that
   * breaks is made again and goes on where it was.
   *
   * @param listener hears output, what was skipped, and the exit
   * @return the program's exit code
   */
  public int follow(TerminalListener listener) {
    Patience patience = Patience.ofStream(http.config().rejoinTimeout());
    Duration wait = http.config().callTimeout().dividedBy(2);
    Duration slice = wait.compareTo(LONGEST_READ) < 0 ? wait : LONGEST_READ;
    long position = 0;
    while (true) {
      TerminalRead read;
      try {
        read = read(position, MOST_BYTES, slice);
      } catch (ApiException cut) {
        http.sleep(patience.pause(cut, true).orElseThrow(() -> cut));
        continue;
      }
      patience.heard(true);
      position = heard(read, position, listener);
      if (read.exitCode().isPresent()) {
        listener.exited(read.exitCode().get());
        return read.exitCode().get();
      }
    }
  }

  private static long heard(TerminalRead read, long position, TerminalListener listener) {
    byte[] bytes = read.bytes();
    long skipped = read.nextSeq() - bytes.length - position;
    if (skipped > 0) {
      listener.skipped(skipped);
    }
    if (bytes.length > 0) {
      listener.output(bytes);
    }
    return read.nextSeq();
  }
}
