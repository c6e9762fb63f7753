package dev.podflare.client;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A secret for a sandbox. Its value never enters the sandbox: the server puts it into requests over
 * TLS to the hosts.
 *
 * @param name of the variable that has a placeholder for it in the sandbox
 * @param hosts as {@code api.example.com} or {@code *.example.com}, with optional {@code :port}
 * @param place {@code header} or {@code query}
 * @param key name of that header, or of that parameter
 * @param value what goes there
 */
public record SecretOptions(
    String name, List<String> hosts, String place, String key, String value) {
  public SecretOptions {
    hosts = List.copyOf(hosts);
  }

  /** One that goes into a header, for example {@code Authorization}. */
  public static SecretOptions header(String name, List<String> hosts, String header, String value) {
    return new SecretOptions(name, hosts, "header", header, value);
  }

  /** One that goes into the query. */
  public static SecretOptions query(
      String name, List<String> hosts, String parameter, String value) {
    return new SecretOptions(name, hosts, "query", parameter, value);
  }

  Map<String, Object> body() {
    Map<String, Object> body = new LinkedHashMap<>();
    body.put("name", name);
    body.put("hosts", hosts);
    body.put(place, key);
    body.put("value", value);
    return body;
  }

  /** Without the value. */
  @Override
  public String toString() {
    return "SecretOptions[" + name + " for " + hosts + " in " + place + " " + key + "]";
  }
}
