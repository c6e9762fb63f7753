package dev.podflare.guest;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/**
 * The contexts of a guest. The guest alone knows which there are, so they outlive the daemon and
 * are copied with the guest. Calls may throw {@code GUEST_TOO_OLD}, {@code CONTEXT_NOT_FOUND},
 * {@code TIMED_OUT} and {@code MACHINE_FAILED}. Thread-safe.
 */
public final class GuestContexts {
  private static final JsonMapper JSON = JsonMapper.builder().build();
  private static final int MOST = 1000; // that are believed
  private static final Duration WARM_POLL = Duration.ofMillis(100);

  private record ContextJson(
      @Nullable String id,
      @Nullable String language,
      @Nullable String cwd,
      boolean busy,
      long created_ms) {
    GuestContext read() {
      return new GuestContext(
          orEmpty(id), orEmpty(language), orEmpty(cwd), busy, Instant.ofEpochMilli(created_ms));
    }

    private static String orEmpty(@Nullable String text) {
      return Objects.requireNonNullElse(text, "");
    }
  }

  private record AnswerJson(
      @Nullable String error,
      @Nullable String message,
      @Nullable List<String> languages,
      @Nullable Integer most,
      @Nullable Boolean ready,
      @Nullable ContextJson context,
      @Nullable List<ContextJson> contexts) {}

  private final AgentChannel channel;
  private final Duration patience;

  public GuestContexts(AgentChannel channel, Duration patience) {
    this.channel = channel;
    this.patience = patience;
  }

  /**
   * Makes one. {@code LANGUAGE_NOT_AVAILABLE} with those that are, {@code TOO_MANY_CONTEXTS},
   * {@code INVALID_FIELD} for a folder that is none.
   *
   * @param cwd empty: the usual one
   * @param most contexts that there may be, this one included
   */
  public GuestContext open(
      String id, String language, String cwd, Map<String, String> env, int most) {
    Map<String, Object> question = question("open", id);
    question.put("most", most);
    question.put("language", language);
    question.put("cwd", cwd);
    question.put("env", env);
    return one(question);
  }

  /**
   * Has an interpreter of each language made ahead: the next context takes it over. Returns when
   * all are ready; an interpreter that is there already is left as it is.
   */
  public void warm(List<String> warmed, Duration deadline) {
    Map<String, Object> question = question("warm", "");
    question.put("languages", warmed);
    question.put("language", warmed);
    long end = System.nanoTime() + deadline.toNanos();
    while (!Boolean.TRUE.equals(ask(question).ready())) {
      if (System.nanoTime() - end > 0) {
        throw new PodflareException(
            ErrorCode.TIMED_OUT, "interpreters of " + warmed + " are not ready after " + deadline);
      }
      try {
        Thread.sleep(WARM_POLL);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new PodflareException(ErrorCode.TIMED_OUT, "interrupted while interpreters start", e);
      }
    }
  }

  public List<GuestContext> list() {
    List<ContextJson> all = ask(question("list", "")).contexts();
    return all == null
        ? List.of()
        : all.stream().filter(Objects::nonNull).limit(MOST).map(ContextJson::read).toList();
  }

  /** Ends it, with its calls and all that it started. */
  public void close(String id) {
    AnswerJson ignored = ask(question("close", id));
  }

  /** Another interpreter takes its place, with the same language, folder and variables. */
  public GuestContext restart(String id) {
    return one(question("restart", id));
  }

  /** Interrupts the call that runs in it, if one does. */
  public GuestContext interrupt(String id) {
    return one(question("interrupt", id));
  }

  private static Map<String, Object> question(String what, String id) {
    Map<String, Object> question = new LinkedHashMap<>();
    question.put("do", what);
    question.put("id", id);
    return question;
  }

  private GuestContext one(Map<String, Object> question) {
    ContextJson context = ask(question).context();
    if (context == null) {
      throw bad("it names no context");
    }
    return context.read();
  }

  private AnswerJson ask(Map<String, Object> question) {
    AnswerJson answer;
    try {
      byte[] bytes = channel.askContexts(JSON.writeValueAsBytes(question), patience);
      answer = Objects.requireNonNull(JSON.readValue(bytes, AnswerJson.class));
    } catch (JacksonException | NullPointerException e) {
      throw bad(String.valueOf(e.getMessage()));
    }
    if (answer.error() != null) {
      throw refusal(answer.error(), answer, question);
    }
    return answer;
  }

  private static PodflareException refusal(
      String error, AnswerJson answer, Map<String, Object> question) {
    return switch (error) {
      case "language" -> {
        List<String> languages =
            answer.languages() == null
                ? List.of()
                : answer.languages().stream().filter(Objects::nonNull).toList();
        yield new PodflareException(
            ErrorCode.LANGUAGE_NOT_AVAILABLE,
            "this sandbox's template has " + languages + ", not " + question.get("language"),
            Map.of("languages", languages));
      }
      case "limit" ->
          new PodflareException(
              ErrorCode.TOO_MANY_CONTEXTS, "there are " + answer.most() + " contexts; delete one");
      case "cwd" ->
          new PodflareException(
              ErrorCode.INVALID_FIELD, "cwd is no folder of this sandbox", Map.of("field", "cwd"));
      case "unknown" -> unknown(String.valueOf(question.get("id")));
      default ->
          new PodflareException(
              ErrorCode.MACHINE_FAILED, "the context cannot be made: " + answer.message());
    };
  }

  /** There is no such context. */
  public static PodflareException unknown(String id) {
    return new PodflareException(
        ErrorCode.CONTEXT_NOT_FOUND, "no context " + id, Map.of("context", id));
  }

  private static PodflareException bad(String why) {
    return new PodflareException(
        ErrorCode.MACHINE_FAILED, "the guest sent a bad answer about contexts: " + why);
  }
}
