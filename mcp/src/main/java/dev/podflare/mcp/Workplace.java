package dev.podflare.mcp;

import dev.podflare.client.ApiException;
import dev.podflare.client.Podflare;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxOptions;
import dev.podflare.common.ErrorCode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The sandboxes of one session. Calls that name none are for the session's own, which is made by
 * the first of them and deleted when the session ends, unless it is to be kept, was frozen, or was
 * there before. What attempts have left is deleted too. Thread-safe.
 */
final class Workplace implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Workplace.class);

  /** In its metadata, so that a person finds out whose it is. */
  private static final Map<String, String> MADE_BY = Map.of("made_by", "mcp");

  private static final Duration LIFETIME = Duration.ofHours(12);
  private static final Duration IDLE = Duration.ofMinutes(30);

  /** Attempts that are remembered; older ones end by their own deadlines. */
  private static final int MOST_ATTEMPTS = 256;

  private final Podflare podflare;
  private final SessionOptions options;

  /** Each with those that it was made with. */
  private final Map<String, List<Sandbox>> attempts = new LinkedHashMap<>(); // guarded by this

  private @Nullable Sandbox own; // guarded by this
  private boolean deleteOwn; // guarded by this
  private boolean closed; // guarded by this

  Workplace(Podflare podflare, SessionOptions options) {
    this.podflare = podflare;
    this.options = options;
    this.own = options.sandbox().map(podflare::sandbox).orElse(null);
  }

  Podflare podflare() {
    return podflare;
  }

  /** That of the argument {@code sandbox}, else the session's own, which is made if need be. */
  Sandbox sandbox(Arguments arguments) {
    return arguments.find("sandbox").map(podflare::sandbox).orElseGet(this::own);
  }

  /** The session's own if it has one already. */
  synchronized Optional<Sandbox> find() {
    return Optional.ofNullable(own);
  }

  private synchronized Sandbox own() {
    if (own == null) {
      if (closed) {
        throw new ToolFailure("gone", "the session is over", Map.of());
      }
      own = create();
      deleteOwn = !options.keep();
    }
    return own;
  }

  /** With long deadlines, since people pause and the session ends it; else with the server's. */
  private Sandbox create() {
    try {
      return podflare.create(wish().timeout(LIFETIME).idleTimeout(IDLE).build());
    } catch (ApiException refused) {
      if (refused.code().equals(ErrorCode.INVALID_FIELD.wireName())) { // above its limits
        return podflare.create(wish().build());
      }
      throw refused;
    }
  }

  private SandboxOptions.Builder wish() {
    SandboxOptions.Builder wish = SandboxOptions.builder().metadata(MADE_BY);
    options.template().ifPresent(wish::template);
    return wish;
  }

  /** From now on calls that name no sandbox are for this one, which outlives the session. */
  void use(Sandbox sandbox) {
    Optional<Sandbox> before;
    synchronized (this) {
      before = deleteOwn ? Optional.ofNullable(own) : Optional.empty();
      own = sandbox;
      deleteOwn = false;
    }
    before.ifPresent(Workplace::delete);
  }

  /** It is frozen or in other hands, so it outlives the session. */
  synchronized void keep(Sandbox sandbox) {
    if (own != null && own.id().equals(sandbox.id())) {
      deleteOwn = false;
    }
    attempts.remove(sandbox.id());
  }

  /**
   * There is no such sandbox any more; if it was the session's own, the next call makes another.
   */
  synchronized void forget(String id) {
    if (own != null && own.id().equals(id)) {
      own = null;
      deleteOwn = false;
    }
    attempts.remove(id);
  }

  /** Are deleted with the session, or when one of them is merged. */
  void attempts(List<Sandbox> children) {
    synchronized (this) {
      if (!closed) {
        children.forEach(child -> attempts.put(child.id(), children));
        while (attempts.size() > MOST_ATTEMPTS) {
          attempts.remove(attempts.keySet().iterator().next());
        }
        return;
      }
    }
    children.forEach(Workplace::delete);
  }

  /** One of some attempts goes on, so the others are not needed any more. */
  void merged(String winner) {
    List<Sandbox> others = new ArrayList<>();
    synchronized (this) {
      for (Sandbox each : attempts.getOrDefault(winner, List.of())) {
        boolean known = attempts.remove(each.id()) != null;
        if (known && !each.id().equals(winner)) {
          others.add(each);
        }
      }
    }
    forget(winner);
    others.forEach(Workplace::delete);
  }

  @Override
  public void close() {
    Set<String> due;
    synchronized (this) {
      closed = true;
      due = new LinkedHashSet<>(attempts.keySet());
      attempts.clear();
      if (own != null && deleteOwn) {
        due.add(own.id());
      }
      own = null;
    }
    due.forEach(id -> delete(podflare.sandbox(id)));
  }

  private static void delete(Sandbox sandbox) {
    try {
      sandbox.delete();
    } catch (ApiException failed) {
      // Its own deadlines end it.
      LOG.info("sandbox {} of a session was not deleted: {}", sandbox.id(), failed.sentence());
    }
  }
}
