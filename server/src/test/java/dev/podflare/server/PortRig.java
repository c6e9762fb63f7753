package dev.podflare.server;

import dev.podflare.server.testing.Answer;
import dev.podflare.server.testing.GuestServer;
import dev.podflare.server.testing.RawHttp;
import dev.podflare.server.testing.TestServer;
import java.io.IOException;
import java.net.http.HttpClient;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/** A server with one sandbox whose port 8000 is a server of the test's. One thread. */
final class PortRig implements AutoCloseable {
  static final int PORT = 8000;

  final TestServer test;
  final String id;
  final String key;
  final HttpClient http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

  PortRig(Path folder) {
    this(folder, PortsConfig.defaults());
  }

  PortRig(Path folder, PortsConfig ports) {
    test = TestServer.start(folder, TestServer.quick(), config -> config.withPorts(ports));
    key = test.server.newAdminKey().orElseThrow();
    id = test.admin.create();
  }

  /** Short waits, but for a ping: a busy machine answers late, too. */
  static PortsConfig quick() {
    return new PortsConfig(Optional.empty(), 8, 4, Duration.ofMillis(800), Duration.ofSeconds(2));
  }

  void guest(GuestServer server) {
    test.engine.listen(PORT, server.address());
  }

  String prefix() {
    return "/v1/sandboxes/" + id + "/ports/" + PORT;
  }

  /** One request with any lines; the key goes along. */
  Answer ask(String method, String path, String... lines) throws IOException {
    return raw(method + " " + prefix() + path + " HTTP/1.1", withKey(lines));
  }

  private String[] withKey(String[] lines) {
    String[] all = new String[lines.length + 1];
    all[0] = "Authorization: Bearer " + key;
    System.arraycopy(lines, 0, all, 1, lines.length);
    return all;
  }

  /** One request without a key. */
  Answer raw(String requestLine, String... lines) throws IOException {
    try (RawHttp raw = open()) {
      raw.send(head(requestLine, lines));
      return raw.answer(requestLine.startsWith("HEAD ")).orElseThrow();
    }
  }

  RawHttp open() throws IOException {
    return new RawHttp(test.uri(), Duration.ofSeconds(20));
  }

  String keyLine() {
    return "Authorization: Bearer " + key;
  }

  static String head(String requestLine, String... lines) {
    StringBuilder head = new StringBuilder(requestLine).append("\r\n");
    boolean host = false;
    for (String line : lines) {
      host |= line.startsWith("Host:");
      head.append(line).append("\r\n");
    }
    return (host ? head : head.append("Host: api.example:8787\r\n")).append("\r\n").toString();
  }

  @Override
  public void close() {
    http.close();
    test.close();
  }
}
