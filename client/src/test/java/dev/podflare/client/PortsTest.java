package dev.podflare.client;

import static dev.podflare.client.ScriptedServer.json;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.Socket;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What the SDK says of ports; tunnels that work are tested with a server. */
class PortsTest {
  private final ScriptedServer server = new ScriptedServer();
  private final Podflare podflare = server.client();

  @AfterEach
  void stop() {
    podflare.close();
    server.close();
  }

  @Test
  void linksAndAddresses() {
    server.on(
        "POST /v1/sandboxes/sbx_1/ports/80/link",
        json(
            200,
            """
            {"url":"http://x/?pf_token=t","token":"t","expires_at":"2026-01-02T03:04:05Z"}\
            """));
    Sandbox sandbox = podflare.sandbox("sbx_1");
    assertThat(sandbox.portUrl(80).toString()).endsWith("/v1/sandboxes/sbx_1/ports/80/");
    PortLink link = sandbox.portLink(80, Duration.ofMinutes(1));
    assertThat(link.url()).hasToString("http://x/?pf_token=t");
    assertThat(link.expiresAt()).isEqualTo(Instant.parse("2026-01-02T03:04:05Z"));
  }

  @Test
  void aConnectionThatCannotBeCarriedIsClosedAndToldOf() throws IOException {
    server.on("GET /v1/sandboxes/sbx_1/tunnel/80", json(502, "{\"code\":\"port_not_listening\"}"));
    List<ApiException> told = new CopyOnWriteArrayList<>();
    try (PortForward forward = podflare.sandbox("sbx_1").forward(80, 0, told::add)) {
      try (Socket socket =
          new Socket(forward.address().getAddress(), forward.address().getPort())) {
        socket.setSoTimeout(10_000);
        assertThat(socket.getInputStream().read()).isNegative();
      }
      assertThat(told).singleElement().satisfies(it -> assertThat(it.status()).isEqualTo(502));
      assertThatThrownBy(
              () -> podflare.sandbox("sbx_1").forward(80, forward.address().getPort(), told::add))
          .isInstanceOfSatisfying(
              ApiException.class,
              e -> assertThat(e.code()).isEqualTo(ApiException.LOCAL_PORT_TAKEN));
    }
  }
}
