package dev.podflare.network;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;

/**
 * What one slot may take of the host's network, so that a flooding guest does not slow its
 * neighbours. More is dropped; more connections are refused at once.
 *
 * @param uploadBytesPerSecond from the guest
 * @param downloadBytesPerSecond to the guest
 * @param packetsPerSecond from the guest, of any kind
 * @param connections open at a time, names asked for among them
 * @param newConnectionsPerSecond opened by the guest; bursts of twice as many pass
 */
public record SlotLimits(
    long uploadBytesPerSecond,
    long downloadBytesPerSecond,
    int packetsPerSecond,
    int connections,
    int newConnectionsPerSecond) {

  /** 25 MB/s up, 50 MB/s down, 20,000 packets, 512 connections, 100 new ones a second. */
  public static final SlotLimits DEFAULT = new SlotLimits(25_000_000, 50_000_000, 20_000, 512, 100);

  /** Less than a few frames a second is no network. */
  private static final int LEAST_BYTES = 16_384;

  public SlotLimits {
    require("upload bytes per second", uploadBytesPerSecond, LEAST_BYTES, 100_000_000_000L);
    require("download bytes per second", downloadBytesPerSecond, LEAST_BYTES, 100_000_000_000L);
    require("packets per second", packetsPerSecond, 10, 10_000_000);
    require("connections", connections, 1, 65_536);
    require("new connections per second", newConnectionsPerSecond, 1, 1_000_000);
  }

  private static void require(String what, long value, long least, long most) {
    if (value < least || value > most) {
      throw new PodflareException(
          ErrorCode.INVALID_CONFIG,
          what + " of a slot must be " + least + " to " + most + ", not " + value);
    }
  }
}
