package dev.podflare.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.podflare.server.testing.ApiClient;
import dev.podflare.server.testing.EchoSocket;
import dev.podflare.server.testing.GuestServer;
import dev.podflare.server.testing.RawHttp;
import java.net.http.WebSocketHandshakeException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** WebSockets through the server: two real implementations that do not know of it. */
class PortWebSocketTest {
  @TempDir Path folder;

  @Test
  void messagesPingsProtocolsAndCloseCodesAreTheEndsOwn() throws Exception {
    try (PortRig rig = new PortRig(folder);
        EchoSocket guest = new EchoSocket()) {
      rig.test.engine.listen(PortRig.PORT, guest.address());
      SocketClient client = SocketClient.open(rig, rig.prefix() + "/chat?room=1", "a", "b");
      assertThat(guest.event()).isEqualTo("opened /chat?room=1");
      assertThat(client.socket.getSubprotocol()).isEqualTo("b");
      client.text("h\u00e9llo");
      assertThat(client.next()).isEqualTo("h\u00e9llo");
      byte[] large = new byte[8 << 20];
      new Random(1).nextBytes(large);
      client.binary(large);
      assertThat((byte[]) client.next()).isEqualTo(large);
      client.socket.sendPing(ByteBuffer.wrap(new byte[] {9})).get(10, TimeUnit.SECONDS);
      assertThat(client.next()).isEqualTo("pong 9");
      client.text("ping");
      assertThat(guest.event()).isEqualTo("pong 7");
      client.text("close");
      assertThat(client.next()).isEqualTo("closed 4001 bye");
    }
  }

  @Test
  void aCallersCloseReachesTheGuest() throws Exception {
    try (PortRig rig = new PortRig(folder);
        EchoSocket guest = new EchoSocket()) {
      rig.test.engine.listen(PortRig.PORT, guest.address());
      SocketClient client = SocketClient.open(rig, rig.prefix() + "/");
      assertThat(guest.event()).startsWith("opened");
      client.socket.sendClose(4002, "done").get(10, TimeUnit.SECONDS);
      assertThat(guest.event()).isEqualTo("closed 4002 done");
      SocketClient lost = SocketClient.open(rig, rig.prefix() + "/");
      assertThat(guest.event()).startsWith("opened");
      lost.socket.abort();
      assertThat(guest.event()).startsWith("closed 1001");
    }
  }

  @Test
  void aGuestThatGoesWithoutAWordIsSaidSo() throws Exception {
    try (PortRig rig = new PortRig(folder);
        EchoSocket guest = new EchoSocket()) {
      rig.test.engine.listen(PortRig.PORT, guest.address());
      SocketClient client = SocketClient.open(rig, rig.prefix() + "/");
      client.text("drop");
      assertThat(client.next()).isEqualTo("closed 1011 ");
    }
  }

  @Test
  void aServerThatStopsSaysSo() throws Exception {
    try (EchoSocket guest = new EchoSocket();
        PortRig rig = new PortRig(folder)) {
      rig.test.engine.listen(PortRig.PORT, guest.address());
      SocketClient client = SocketClient.open(rig, rig.prefix() + "/");
      assertThat(guest.event()).startsWith("opened");
      rig.test.server.close();
      assertThat(client.next()).isEqualTo("closed 1001 ");
      assertThat(guest.event()).startsWith("closed 1001");
    }
  }

  @Test
  void silentEndsAreAskedAndLiveOnesStay() throws Exception {
    try (PortRig rig = new PortRig(folder, PortRig.quick());
        EchoSocket guest = new EchoSocket()) {
      rig.test.engine.listen(PortRig.PORT, guest.address());
      SocketClient client = SocketClient.open(rig, rig.prefix() + "/");
      Thread.sleep(2000); // five times the silence after which an end is asked
      client.text("still here");
      assertThat(client.next()).isEqualTo("still here");
    }
  }

  @Test
  void anEndThatDoesNotAnswerIsDead() throws Exception {
    try (PortRig rig = new PortRig(folder, PortRig.quick());
        EchoSocket guest = new EchoSocket();
        RawHttp raw = rig.open()) {
      rig.test.engine.listen(PortRig.PORT, guest.address());
      raw.send(upgrade(rig, "/"));
      assertThat(guest.event()).startsWith("opened");
      StringBuilder all = new StringBuilder();
      for (int c = raw.read(); c >= 0; c = raw.read()) {
        all.append((char) c);
      }
      // It was asked, twice at most, and then cut.
      assertThat(all.toString()).startsWith("HTTP/1.1 101 ").contains("\u0089\u0000");
      assertThat(guest.event()).startsWith("closed");
    }
  }

  private static String upgrade(PortRig rig, String path) {
    return PortRig.head(
        "GET " + rig.prefix() + path + " HTTP/1.1",
        rig.keyLine(),
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==");
  }

  @Test
  void whatIsSentWithTheHeadsIsNotLost() throws Exception {
    CountDownLatch read = new CountDownLatch(1);
    try (PortRig rig = new PortRig(folder);
        GuestServer guest =
            GuestServer.start((_, in, out) -> {
              out.write(
                  "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\u0081\u0001a"
                      .getBytes(StandardCharsets.ISO_8859_1));
              byte[] early = in.readNBytes(7);
              out.write(early);
              PortProxyTest.await(read);
            });
        RawHttp raw = rig.open()) {
      rig.guest(guest);
      raw.send(upgrade(rig, "/") + "\u0081\u0081\u0000\u0000\u0000\u0000b");
      StringBuilder all = new StringBuilder();
      while (all.indexOf("\u0081\u0001a\u0081\u0081\u0000\u0000\u0000\u0000b") < 0) {
        int c = raw.read();
        assertThat(c).as(all.toString()).isNotNegative();
        all.append((char) c);
      }
      read.countDown();
    }
  }

  @Test
  void aRefusedWebSocketIsAnAnswer() throws Exception {
    try (PortRig rig = new PortRig(folder);
        GuestServer guest = GuestServer.answering("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")) {
      assertThat(status(rig)).isEqualTo(502);
      rig.guest(guest);
      assertThat(status(rig)).isEqualTo(403);
    }
  }

  private static int status(PortRig rig) {
    Throwable refused = catchThrowable(() -> SocketClient.open(rig, rig.prefix() + "/"));
    return refused != null && refused.getCause() instanceof WebSocketHandshakeException failed
        ? failed.getResponse().statusCode()
        : 0;
  }

  @Test
  void aLinkOpensItWithItsTokenAndForeignPagesDoNot() throws Exception {
    try (PortRig rig = new PortRig(folder);
        EchoSocket guest = new EchoSocket()) {
      rig.test.engine.listen(PortRig.PORT, guest.address());
      String token =
          ApiClient.json(rig.test.admin.post(rig.prefix() + "/link", "{}"))
              .get("token")
              .stringValue();
      SocketClient client = new SocketClient(rig, rig.prefix() + "/x?pf_token=" + token, List.of());
      assertThat(guest.event()).isEqualTo("opened /x");
      client.text("a");
      assertThat(client.next()).isEqualTo("a");
      String cookie = "pf_port=" + token;
      SocketClient own = new SocketClient(rig, rig.prefix() + "/y", List.of("Cookie", cookie));
      own.text("b");
      assertThat(own.next()).isEqualTo("b");
      assertThatThrownBy(() ->
              new SocketClient(
                  rig,
                  rig.prefix() + "/z",
                  List.of("Cookie", cookie, "Origin", "http://evil.example")))
          .hasCauseInstanceOf(WebSocketHandshakeException.class);
    }
  }

  @Test
  void itEndsWithTheLinkThatHasOpenedIt() throws Exception {
    try (PortRig rig = new PortRig(folder, PortRig.quick());
        EchoSocket guest = new EchoSocket()) {
      rig.test.engine.listen(PortRig.PORT, guest.address());
      SocketClient kept = SocketClient.open(rig, rig.prefix() + "/key");
      assertThat(guest.event()).isEqualTo("opened /key");
      String token =
          ApiClient.json(rig.test.admin.post(rig.prefix() + "/link", "{\"expires_in_seconds\":2}"))
              .get("token")
              .stringValue();
      SocketClient client = new SocketClient(rig, rig.prefix() + "/x?pf_token=" + token, List.of());
      assertThat(guest.event()).isEqualTo("opened /x");
      client.text("a");
      assertThat(client.next()).isEqualTo("a");
      assertThat(client.next()).isEqualTo("closed 1008 ");
      assertThat(guest.event()).startsWith("closed 1001");
      kept.text("still here");
      assertThat(kept.next()).isEqualTo("still here");
    }
  }
}
