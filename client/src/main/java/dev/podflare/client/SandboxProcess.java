package dev.podflare.client;

import java.time.Duration;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/**
 * A handle on one process of a sandbox, which runs on without it. Every method may throw {@link
 * ApiException}, with code {@code process_not_found} for one. Thread-safe.
 */
public final class SandboxProcess {
  private final HttpCaller http;
  private final String sandbox;
  private final String path;
  private final String id;

  SandboxProcess(HttpCaller http, String sandboxPath, String id) {
    this.http = http;
    this.sandbox = sandboxPath;
    this.path = sandboxPath + "/processes/" + Wire.encode(id);
    this.id = id;
  }

  /** Id, or the name by which it was asked for. */
  public String id() {
    return id;
  }

  public ProcessInfo info() {
    return http.get(path, ProcessInfo.class);
  }

  /** Sends a signal, {@code TERM} for one, to all of its process group. */
  public void signal(String name) {
    signal(name, true);
  }

  /** {@code group}: to all of its process group, not to its first process alone. */
  public void signal(String name, boolean group) {
    http.postForNothing(path + "/signal", Map.of("signal", name, "group", group));
  }

  /** Asks it to end; after 5 seconds the server kills it and all of its session. */
  public void end() {
    http.call("DELETE", path);
  }

  /** Waits until it has ended, or the time is over: then it still runs. */
  public ProcessInfo await(Duration patience) {
    return Waits.repeat(
        http,
        patience,
        slice ->
            Optional.of(
                    http.post(
                        path + "/wait", Map.of("timeout_ms", slice.toMillis()), ProcessInfo.class))
                .filter(it -> !it.isRunning()),
        this::info);
  }

  /** Writes to its standard input; at most 1 MiB. Code {@code stdin_closed}. */
  public void input(byte[] bytes) {
    String text = Base64.getEncoder().encodeToString(bytes);
    http.postForNothing(path + "/stdin", Map.of("data_b64", text));
  }

  /** End of file on its standard input. */
  public void closeInput() {
    http.postForNothing(path + "/stdin", Map.of("close", true));
  }

  /**
   * Tells what it has said from an event on, as far as that is kept, and returns the number of the
   * event that comes next.
   */
  public long log(long fromSequence, ProcessListener listener) {
    return read(fromSequence, false, listener);
  }

  /**
   * As {@link #log}, and what it says until it ends. A connection that breaks is made again and
   * goes on after the last event.
   */
  public long follow(long fromSequence, ProcessListener listener) {
    return read(fromSequence, true, listener);
  }

  private long read(long fromSequence, boolean follow, ProcessListener listener) {
    ProcessLogReader reader = new ProcessLogReader(listener);
    String query = path + "/logs?follow=" + follow + "&from_seq=";
    JoinedStream stream = new JoinedStream(http, next -> query + next, fromSequence);
    if (follow) {
      stream.read(reader::take);
    } else {
      stream.readKept(reader::take);
    }
    return stream.next();
  }

  /**
   * Waits for a line that it says, or has said.
   *
   * @param pattern regular expression as RE2 understands it, found anywhere in the line
   * @return code {@code process_ended} if it ends without, {@code timed_out}
   */
  public LogLine awaitLine(String pattern, Duration patience) {
    return awaitLine("pattern", pattern, 0, patience);
  }

  /** Waits for a line that has this text, from an event on. */
  public LogLine awaitText(String text, long fromSequence, Duration patience) {
    return awaitLine("text", text, fromSequence, patience);
  }

  private LogLine awaitLine(String kind, String text, long fromSequence, Duration patience) {
    Map<String, Object> body = new LinkedHashMap<>();
    body.put("process", id);
    body.put(kind, text);
    body.put("from_seq", fromSequence);
    JsonNode line = Waits.untilThere(http, sandbox + "/wait_for_log", body, patience);
    return Json.MAPPER.treeToValue(line, LogLine.class);
  }
}
