package dev.podflare.engine;

import dev.podflare.network.SecretRule;
import java.util.List;

/**
 * A secret as a caller gives it.
 *
 * @param name of the variable that has its placeholder in the guest
 * @param hosts as {@code api.example.com}, {@code *.example.com}, with optional {@code :port}
 * @param place where in a request it goes
 */
public record SecretRequest(
    String name, List<String> hosts, SecretRule.Place place, SecretValue value) {
  public SecretRequest {
    hosts = List.copyOf(hosts);
  }
}
