package dev.podflare.volume;

import dev.podflare.common.DataSize;
import java.time.Duration;

/**
 * How volumes are served.
 *
 * @param files most files, folders and links of a volume
 * @param reserve space of the host's disk that must stay free
 * @param transfer most bytes of one read or write
 * @param connectionsPerGuest at once
 * @param connections of all guests at once
 * @param stuck a guest that does not go on with a call, or does not take its answer, for so long is
 *     cut
 * @param idle a connection without a call for so long is cut; the guest makes another
 */
public record VolumeConfig(
    long files,
    DataSize reserve,
    int transfer,
    int connectionsPerGuest,
    int connections,
    Duration stuck,
    Duration idle) {
  /** Where guests look for it. */
  public static final int PORT = 2049;

  /** The usual, with another reserve. */
  public static VolumeConfig withReserve(DataSize reserve) {
    return new VolumeConfig(
        1_000_000, reserve, 128 << 10, 4, 1024, Duration.ofSeconds(60), Duration.ofMinutes(15));
  }

  /** Room for a call beside what it writes. */
  int largestCall() {
    return transfer + (8 << 10);
  }
}
