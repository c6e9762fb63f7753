package dev.podflare.client;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a sandbox's guest may reach. Entries are domains ({@code example.com}, {@code *.example.com}
 * for all names below it), addresses or CIDR blocks, each with an optional {@code :port}; at most
 * 256 a list. The list that agrees with the default wins over the other one.
 *
 * @param fallback {@code allow} or {@code deny}: what happens to what no list mentions
 * @param dns {@code on} or {@code off}; empty leaves it to the server
 */
public record NetworkPolicy(
    @JsonProperty("default") String fallback,
    List<String> allow,
    List<String> deny,
    Optional<String> dns) {
  public NetworkPolicy {
    allow = List.copyOf(allow);
    deny = List.copyOf(deny);
  }

  Map<String, Object> body() {
    Map<String, Object> body = new LinkedHashMap<>();
    body.put("default", fallback);
    body.put("allow", allow);
    body.put("deny", deny);
    dns.ifPresent(it -> body.put("dns", it));
    return body;
  }

  /** Everything but what is always denied. */
  public static NetworkPolicy open() {
    return new NetworkPolicy("allow", List.of(), List.of(), Optional.empty());
  }

  /** Everything but these. */
  public static NetworkPolicy openBut(List<String> deny) {
    return new NetworkPolicy("allow", List.of(), deny, Optional.empty());
  }

  /** Nothing at all, no names either. */
  public static NetworkPolicy shut() {
    return only(List.of());
  }

  /** Nothing but these. */
  public static NetworkPolicy only(List<String> allow) {
    return new NetworkPolicy("deny", allow, List.of(), Optional.empty());
  }
}
