package dev.podflare.network;

import java.util.List;
import java.util.Optional;

/**
 * A secret of a guest, as the gate uses it: requests over TLS to one of the hosts get the value in
 * one place, where the guest put the placeholder, or where it put nothing. Immutable.
 *
 * @param name by which its owner knows it, and of the variable that has the placeholder
 * @param placeholder text of letters, digits and underscores that stands for the value in the guest
 * @param hosts each with a port
 * @param place where the value goes
 * @param only requests that get it; empty: all of them
 * @param whenAbsent whether a request that has nothing in the place gets the value too
 * @param sealed the value, as only {@link SecretValues} can read it
 */
public record SecretRule(
    String name,
    String placeholder,
    List<Destination.Domain> hosts,
    Place place,
    List<Request> only,
    boolean whenAbsent,
    String sealed) {

  /** Where in a request a value goes. */
  public sealed interface Place {
    /** A field of the head, by its name as it is sent. */
    record Header(String name) implements Place {}

    /** A parameter of the query. */
    record Query(String name) implements Place {}
  }

  /**
   * A request line without its version.
   *
   * @param target as it is sent, with its query; compared as it is
   */
  public record Request(String method, String target) {}

  public SecretRule {
    hosts = List.copyOf(hosts);
    only = List.copyOf(only);
    if (hosts.stream().anyMatch(it -> it.port().isEmpty())) {
      throw new IllegalArgumentException("a host of a secret needs a port");
    }
  }

  /** Whether it is for such a request to one of its hosts. */
  boolean isFor(HttpHead request) {
    return only.isEmpty() || only.contains(new Request(request.method(), request.target()));
  }

  boolean covers(String host, int port) {
    return hosts.stream().anyMatch(it -> it.matches(Optional.of(host), port));
  }

  /** Without the value, sealed or not. */
  @Override
  public String toString() {
    return "SecretRule[" + name + " for " + hosts + "]";
  }
}
