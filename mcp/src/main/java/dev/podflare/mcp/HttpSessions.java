package dev.podflare.mcp;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.security.SecureRandom;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The sessions of a server. They live in this process only: after a restart a client is told that
 * its session is not there, and begins another. Thread-safe.
 */
public final class HttpSessions {
  private static final int MOST_KEPT = 4096;

  private record Kept(HttpSession session, MessageStream stream) {}

  private final SessionLimits limits;
  private final InstantSource clock;
  private final String version;
  private final SecureRandom random = new SecureRandom();
  private final Map<String, HttpSession> sessions = new LinkedHashMap<>(); // guarded by this
  private final Deque<Kept> kept = new ArrayDeque<>(); // guarded by this, oldest first
  private long keptBytes; // guarded by this

  /** {@code version}: of this program. */
  public HttpSessions(SessionLimits limits, InstantSource clock, String version) {
    this.limits = limits;
    this.clock = clock;
    this.version = version;
  }

  /** Begins a session; code {@code TOO_MANY_CONNECTIONS}. {@code owner}: id of the key. */
  public HttpSession open(String owner, Features features) {
    sweep();
    byte[] number = new byte[16];
    random.nextBytes(number);
    HttpSession session =
        new HttpSession(
            HexFormat.of().formatHex(number),
            owner,
            new Conversation(features, version),
            clock,
            this::keep);
    synchronized (this) {
      long own = sessions.values().stream().filter(it -> it.owner().equals(owner)).count();
      if (own >= limits.ofOneKey() || sessions.size() >= limits.sessions()) {
        boolean mine = own >= limits.ofOneKey();
        int limit = mine ? limits.ofOneKey() : limits.sessions();
        throw new PodflareException(
            ErrorCode.TOO_MANY_CONNECTIONS,
            (mine ? "this key has " : "there are ")
                + limit
                + " MCP sessions already, which is the limit; end one with DELETE /mcp",
            Map.of("limit", limit));
      }
      sessions.put(session.id(), session);
    }
    return session;
  }

  /** A session of that key; code {@code MCP_SESSION_NOT_FOUND}, also if it is another key's. */
  public synchronized HttpSession get(String id, String owner) {
    HttpSession session = sessions.get(id);
    if (session == null || !session.owner().equals(owner)) {
      throw new PodflareException(
          ErrorCode.MCP_SESSION_NOT_FOUND,
          "there is no such MCP session, or not any more; begin another with initialize");
    }
    session.heard();
    return session;
  }

  /** Begins a tool's call; code {@code TOO_MANY_CONNECTIONS}. */
  public MessageStream begin(HttpSession session, Incoming.Request request) {
    synchronized (this) {
      int all = 0;
      int own = 0;
      for (HttpSession each : sessions.values()) {
        all += each.atWork();
        own += each.owner().equals(session.owner()) ? each.atWork() : 0;
      }
      if (own >= limits.callsOfOneKey() || all >= limits.calls()) {
        int limit = own >= limits.callsOfOneKey() ? limits.callsOfOneKey() : limits.calls();
        throw new PodflareException(
            ErrorCode.TOO_MANY_CONNECTIONS,
            limit + " calls of MCP tools are at work, which is the limit",
            Map.of("limit", limit));
      }
      session.reserve();
    }
    return session.begin(request);
  }

  /** Ends a session and what it has. */
  public void close(HttpSession session) {
    synchronized (this) {
      sessions.remove(session.id());
      letGo(session);
    }
    session.close();
  }

  /** Ends sessions that were idle for too long. To be called now and then. */
  public void sweep() {
    Instant oldest = clock.instant().minus(limits.idle());
    List<HttpSession> due;
    synchronized (this) {
      due = sessions.values().stream().filter(it -> it.lastActive().isBefore(oldest)).toList();
    }
    due.forEach(this::close);
  }

  synchronized int size() {
    return sessions.size();
  }

  /** Keeps what was answered as long as there is room. */
  private synchronized void keep(HttpSession session, MessageStream stream) {
    if (sessions.get(session.id()) != session) {
      return; // it was closed meanwhile
    }
    kept.addLast(new Kept(session, stream));
    keptBytes += stream.bytes();
    while (keptBytes > limits.keptBytes() || kept.size() > MOST_KEPT) {
      Kept oldest = kept.removeFirst();
      keptBytes -= oldest.stream().bytes();
      oldest.session().forget(oldest.stream());
    }
  }

  private void letGo(HttpSession session) {
    kept.removeIf(it -> {
      boolean its = it.session() == session;
      keptBytes -= its ? it.stream().bytes() : 0;
      return its;
    });
  }
}
