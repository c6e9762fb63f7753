package dev.podflare.guest;

import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Closes channels whose guest stopped reading: a blocking write has no deadline of its own.
 * Thread-safe; one thread for all channels.
 */
final class StuckWrites {
  static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final Set<AgentChannel> CHANNELS = ConcurrentHashMap.newKeySet();

  static {
    Thread.ofPlatform().daemon().name("agent-channel-watch").start(StuckWrites::watch);
  }

  private StuckWrites() {}

  static void add(AgentChannel channel) {
    CHANNELS.add(channel);
  }

  static void remove(AgentChannel channel) {
    CHANNELS.remove(channel);
  }

  private static void watch() {
    try {
      while (true) {
        Thread.sleep(1000);
        CHANNELS.forEach(AgentChannel::closeIfStuck);
      }
    } catch (InterruptedException ended) {
      Thread.currentThread().interrupt();
    }
  }
}
