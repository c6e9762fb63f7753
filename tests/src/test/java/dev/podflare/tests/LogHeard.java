package dev.podflare.tests;

import dev.podflare.client.ProcessListener;
import dev.podflare.client.SandboxProcess;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** What the log of a process says, with its numbers checked. One thread. */
final class LogHeard implements ProcessListener {
  private final ByteArrayOutputStream stdout = new ByteArrayOutputStream();
  private final ByteArrayOutputStream stderr = new ByteArrayOutputStream();
  private @Nullable Integer code;
  private String reason = "";
  private long skipped;
  private long next;
  private boolean started;

  /** What is kept from there on. */
  static LogHeard kept(SandboxProcess process, long from) {
    LogHeard heard = new LogHeard();
    heard.next = process.log(from, heard);
    return heard;
  }

  /** All from there on to its end. */
  static LogHeard toTheEnd(SandboxProcess process, long from) {
    LogHeard heard = new LogHeard();
    heard.next = process.follow(from, heard);
    return heard;
  }

  String stdout() {
    return stdout.toString(StandardCharsets.UTF_8);
  }

  String stderr() {
    return stderr.toString(StandardCharsets.UTF_8);
  }

  int code() {
    if (code == null) {
      throw new AssertionError("it has not ended; so far: " + stdout() + stderr());
    }
    return code;
  }

  String reason() {
    return reason;
  }

  /** Events that were not kept any more. */
  long skipped() {
    return skipped;
  }

  /** Number of the event that comes next. */
  long next() {
    return next;
  }

  private void at(long seq, long count) {
    if (started && seq != next) {
      throw new AssertionError("event " + seq + " where " + next + " was to come");
    }
    started = true;
    next = seq + count;
  }

  @Override
  public void stdout(long seq, byte[] bytes) {
    at(seq, 1);
    stdout.writeBytes(bytes);
  }

  @Override
  public void stderr(long seq, byte[] bytes) {
    at(seq, 1);
    stderr.writeBytes(bytes);
  }

  @Override
  public void skipped(long seq, long count) {
    at(seq, count);
    skipped += count;
  }

  @Override
  public void exited(long seq, int exitCode, String why) {
    at(seq, 1);
    code = exitCode;
    reason = why;
  }
}
