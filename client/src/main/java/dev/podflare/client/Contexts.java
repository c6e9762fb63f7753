package dev.podflare.client;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The interpreters of a sandbox beside its first one, each with variables, a folder and a queue of
 * its own. Code runs in one by {@link RunRequest#in}. Thread-safe.
 */
public final class Contexts {
  private final HttpCaller http;
  private final String path;

  Contexts(HttpCaller http, String path) {
    this.http = http;
    this.path = path;
  }

  /**
   * Makes one.
   *
   * @param language for example {@code python}, {@code typescript}, {@code java}
   */
  public ContextInfo open(String language) {
    return open(language, Optional.empty(), Map.of());
  }

  /** {@code env}: besides the sandbox's. */
  public ContextInfo open(String language, Optional<String> cwd, Map<String, String> env) {
    Map<String, Object> body = new LinkedHashMap<>();
    body.put("language", language);
    cwd.ifPresent(it -> body.put("cwd", it));
    if (!env.isEmpty()) {
      body.put("env", env);
    }
    return http.post(path, body, ContextInfo.class);
  }

  private record All(List<ContextInfo> contexts) {}

  public List<ContextInfo> list() {
    return http.get(path, All.class).contexts();
  }

  /** Ends it with its calls. One that is not there is no error. */
  public void close(String id) {
    http.call("DELETE", path + "/" + id);
  }

  /** Another interpreter takes its place; its calls end. */
  public ContextInfo restart(String id) {
    return http.post(path + "/" + id + "/restart", Map.of(), ContextInfo.class);
  }

  /** Interrupts the call that runs in it. */
  public ContextInfo interrupt(String id) {
    return http.post(path + "/" + id + "/interrupt", Map.of(), ContextInfo.class);
  }
}
