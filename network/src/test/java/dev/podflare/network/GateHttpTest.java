package dev.podflare.network;

import static dev.podflare.network.GateRig.rest;
import static dev.podflare.network.GateRig.send;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.ServerSocket;
import java.net.Socket;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Plain HTTP through the gate, with attacks that succeed where the guard is off. */
@Timeout(30)
class GateHttpTest {
  private static final String GOOD = "GET / HTTP/1.1\r\nHost: good.example\r\n\r\n";
  private static final String EVIL = "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n";
  private static final String ANSWER = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\ngood.example";

  private final TestServers.Http http = new TestServers.Http();
  private ServerSocket server;
  private GateRig rig;

  @BeforeEach
  void start() throws IOException {
    server = GateRig.listen();
    TestServers.serve(server, http::with);
    rig = GateRig.open(server);
    rig.allowOnly("good.example", "also.example");
  }

  @AfterEach
  void stop() throws IOException {
    rig.close();
    server.close();
  }

  private String talk(String request) throws IOException {
    try (Socket socket = rig.connect()) {
      send(socket, request);
      socket.shutdownOutput();
      return rest(socket);
    }
  }

  @Test
  void anAllowedHostIsReached() throws IOException {
    assertThat(talk("GET / HTTP/1.1\r\nHost: GOOD.Example.:80\r\n\r\n"))
        .endsWith("GOOD.Example.:80");
    assertThat(talk(GOOD)).isEqualTo(ANSWER);
    assertThat(rig.slots.refusals).isEmpty();
  }

  @Test
  void frontingByHostIsRefused() throws IOException {
    assertThat(talk(EVIL)).contains("<Connection reset>");
    assertThat(talk("GET http://evil.example/ HTTP/1.1\r\nHost: good.example\r\n\r\n"))
        .contains("<Connection reset>");
    assertThat(talk("GET / HTTP/1.1\r\nHost: good.example\r\nHost: evil.example\r\n\r\n"))
        .contains("<Connection reset>");
    assertThat(http.hosts).isEmpty();
    assertThat(rig.slots.rules())
        .containsExactly("default deny", "cannot be checked", "cannot be checked");
    // The same where the policy has no names to check.
    rig.allowAllBut("other.example");
    assertThat(talk(EVIL)).endsWith("evil.example");
  }

  @Test
  void aSecondRequestOnTheConnectionIsCheckedToo() throws IOException {
    try (Socket socket = rig.connect()) {
      send(socket, GOOD);
      assertThat(GateRig.read(socket, ANSWER.length())).isEqualTo(ANSWER);
      send(socket, "GET / HTTP/1.1\r\nHost: also.example\r\n\r\n");
      assertThat(GateRig.read(socket, ANSWER.length())).endsWith("also.example");
      send(socket, EVIL);
      assertThat(rest(socket)).isEqualTo("<Connection reset>");
    }
    assertThat(http.hosts).containsExactly("good.example", "also.example");
    assertThat(rig.slots.rules()).containsExactly("default deny");
  }

  @Test
  void aPipelinedRequestIsCheckedToo() throws IOException {
    talk(GOOD + EVIL);
    talk("POST / HTTP/1.1\r\nHost: good.example\r\nContent-Length: 3\r\n\r\nabc" + EVIL);
    talk(
        "POST / HTTP/1.1\r\nHost: good.example\r\nTransfer-Encoding: chunked\r\n\r\n"
            + "3\r\nabc\r\n0\r\n\r\n"
            + EVIL);
    assertThat(http.hosts).doesNotContain("evil.example");
    rig.allowAllBut("other.example");
    talk(GOOD + EVIL);
    assertThat(http.hosts).endsWith("good.example", "evil.example");
  }

  @Test
  void bodiesPassAsTheyAre() throws IOException {
    String body = EVIL.repeat(3000);
    assertThat(
            talk(
                "POST / HTTP/1.1\r\nHost: good.example\r\nContent-Length: "
                    + body.length()
                    + "\r\n\r\n"
                    + body
                    + GOOD))
        .isEqualTo(ANSWER + ANSWER);
    assertThat(
            talk(
                "POST / HTTP/1.1\r\nHost: good.example\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + Integer.toHexString(body.length())
                    + "\r\n"
                    + body
                    + "\r\n1\r\nx\r\n0\r\nTrailer: 1\r\n\r\n"
                    + GOOD))
        .isEqualTo(ANSWER + ANSWER);
    assertThat(http.bodies).containsExactly(body, "", body + "x", "");
    assertThat(http.hosts).hasSize(4).containsOnly("good.example");
  }

  @Test
  void smugglingIsRefused() throws IOException {
    String post = "POST / HTTP/1.1\r\nHost: good.example\r\n";
    talk(post + "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + EVIL);
    talk(post + "Transfer-Encoding: chunked\r\n\r\n0 \r\n\r\n" + EVIL);
    talk(post + "Transfer-Encoding: chunked\r\n\r\n1\r\nxx\r\n0\r\n\r\n" + EVIL);
    talk(post + "Transfer-Encoding: chunked\r\n\r\n0\r\nA: b\n\r\n\r\n" + EVIL);
    talk("GET / HTTP/1.1\nHost: evil.example\n\n");
    talk("\r\n" + EVIL);
    assertThat(http.hosts).doesNotContain("evil.example");
    assertThat(rig.slots.rules()).hasSize(6).containsOnly("cannot be checked");
  }

  @Test
  void webSocketsPassButOnlyIfTheServerAgreed() throws IOException {
    String upgrade =
        " HTTP/1.1\r\nHost: good.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    try (Socket socket = rig.connect()) {
      send(socket, "GET /socket" + upgrade);
      assertThat(GateRig.read(socket, 26)).startsWith("HTTP/1.1 101");
      send(socket, "\u0081\u0005hello");
      assertThat(GateRig.read(socket, 7)).isEqualTo("\u0081\u0005hello");
    }
    try (Socket socket = rig.connect()) {
      send(socket, "GET /plain" + upgrade + EVIL);
      assertThat(rest(socket)).doesNotContain("evil");
    }
    assertThat(http.hosts).containsExactly("good.example", "good.example");
  }

  @Test
  void oldAndNewVersionsAreRefusedUnlessTheySayAName() throws IOException {
    assertThat(talk("GET / HTTP/1.0\r\nHost: good.example\r\n\r\n")).isEqualTo(ANSWER);
    assertThat(talk("GET / HTTP/1.0\r\n\r\n")).contains("reset");
    assertThat(talk("GET /\r\n")).contains("reset");
    assertThat(talk("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")).contains("reset");
    assertThat(talk("GET / HTTP/1.1\r\nHost: 127.0.8.80\r\n\r\n")).contains("reset");
    assertThat(talk("SSH-2.0-x\r\n")).contains("reset");
    assertThat(rig.slots.rules()).hasSize(5).containsOnly("cannot be checked");
  }

  @Test
  void underDefaultAllowOnlyDeniedNamesAreRefused() throws IOException {
    rig.allowAllBut("*.evil.example", "evil.example");
    assertThat(talk(GOOD)).isEqualTo(ANSWER);
    assertThat(talk("GET / HTTP/1.0\r\n\r\n")).endsWith("\r\n\r\n");
    assertThat(talk(EVIL)).contains("reset");
    assertThat(talk("GET / HTTP/1.1\nHost: evil.example\n\n")).contains("reset");
    assertThat(talk("GET / HTTP/1.1\r\nHost: a.b.EVIL.example\r\n\r\n")).contains("reset");
    assertThat(rig.slots.rules())
        .containsExactly("deny evil.example", "cannot be checked", "deny *.evil.example");
  }
}
