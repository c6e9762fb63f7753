package dev.podflare.engine;

import java.util.Map;
import java.util.Optional;

/**
 * A context to be made.
 *
 * @param language for example {@code python}, {@code bash}, {@code typescript}, {@code java}; which
 *     there are is the template's matter
 * @param cwd folder that it begins in; empty: the usual one
 * @param env variables besides the sandbox's
 */
public record ContextRequest(String language, Optional<String> cwd, Map<String, String> env) {
  public ContextRequest {
    env = Map.copyOf(env);
  }
}
