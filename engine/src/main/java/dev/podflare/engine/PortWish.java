package dev.podflare.engine;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/**
 * A wait for a port.
 *
 * @param port 1 to 65535
 * @param process id or name of one that is to open it: its end is the end of the wait
 */
public record PortWish(int port, Duration patience, Optional<String> process) {
  public PortWish {
    if (port < 1 || port > 65535) {
      throw new PodflareException(
          ErrorCode.INVALID_FIELD, "a port is 1 to 65535, not " + port, Map.of("field", "port"));
    }
  }
}
