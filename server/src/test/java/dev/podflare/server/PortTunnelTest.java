package dev.podflare.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.server.testing.Answer;
import dev.podflare.server.testing.GuestServer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Bare connections to a guest's port. */
class PortTunnelTest {
  @TempDir Path folder;

  private static String path(PortRig rig) {
    return "/v1/sandboxes/" + rig.id + "/tunnel/" + PortRig.PORT;
  }

  @Test
  void bytesGoBothWaysAndEachDirectionEndsForItself() throws Exception {
    try (PortRig rig = new PortRig(folder);
        GuestServer guest =
            GuestServer.start((_, in, out) -> {
              byte[] all = in.readAllBytes(); // to the end of what the caller sends
              out.write(("got " + all.length).getBytes(StandardCharsets.US_ASCII));
            })) {
      rig.guest(guest);
      SocketClient client = SocketClient.open(rig, path(rig));
      client.binary("a head\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
      assertThat(guest.head().line()).isEqualTo("a head");
      for (int i = 0; i < 100; i++) {
        client.binary(new byte[10_000]);
      }
      client.text("");
      assertThat(new String((byte[]) client.next(), StandardCharsets.US_ASCII))
          .isEqualTo("got 1000000");
      assertThat(client.next()).isEqualTo("");
      assertThat(client.next()).isEqualTo("closed 1000 ");
    }
  }

  @Test
  void aTunnelNeedsAKeyAListenerAndAWebSocket() throws Exception {
    try (PortRig rig = new PortRig(folder)) {
      assertThat(rig.raw("GET " + path(rig) + " HTTP/1.1").status()).isEqualTo(401);
      Answer plain = rig.test.admin.get(path(rig));
      assertThat(plain.status()).isEqualTo(400);
      Answer none = rig.test.admin.call("GET", path(rig), "", "Sec-WebSocket-Key", "x", "X", "y");
      assertThat(none.status()).isEqualTo(400);
    }
  }
}
