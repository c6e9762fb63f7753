package dev.podflare.tests;

import static dev.podflare.tests.GuestProbe.python;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.client.ForkOptions;
import dev.podflare.client.PortForward;
import dev.podflare.client.PortLink;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxOptions;
import dev.podflare.client.SandboxPatch;
import java.io.InputStream;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.WebSocket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;

/** From outside into real guests. */
@OnPlatform
@Order(44)
class PortsTest {
  private final HttpClient http =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private final TestPlatform platform;

  PortsTest(TestPlatform platform) {
    this.platform = platform;
  }

  @Test
  void aServerInTheGuestIsReachedAndItsCopyServesOnItsOwn() throws Exception {
    SandboxOptions shut = SandboxOptions.builder().egress(false).build();
    try (Sandbox sandbox = platform.client.create(shut)) {
      HttpResponse<String> none = get(sandbox.portUrl(8000), true);
      assertThat(none.statusCode()).as(none.body()).isEqualTo(502);
      assertThat(none.body()).contains("port_not_listening");
      python(sandbox, server());
      assertThat(get(sandbox.portUrl(8000).resolve("a?b"), true).body())
          .isEqualTo("parent /a?b localhost:8000");
      webSocket(sandbox);
      link(sandbox);
      forward(sandbox);
      Sandbox child = sandbox.fork(ForkOptions.of(1)).children().getFirst();
      try (child) {
        python(child, "NAME = 'child'");
        assertThat(get(child.portUrl(8000), true).body()).startsWith("child / ");
        assertThat(get(sandbox.portUrl(8000), true).body()).startsWith("parent / ");
      }
      assertThat(get(child.portUrl(8000), true).statusCode()).isEqualTo(410);
    }
  }

  private static String server() throws Exception {
    try (InputStream code = PortsTest.class.getResourceAsStream("/guest_server.py")) {
      if (code == null) {
        throw new IllegalStateException("no guest_server.py");
      }
      return new String(code.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private HttpResponse<String> get(URI address, boolean withKey) throws Exception {
    HttpRequest.Builder request = HttpRequest.newBuilder(address).timeout(TestPlatform.PATIENCE);
    if (withKey) {
      request.header("Authorization", "Bearer " + platform.key);
    }
    return http.send(request.build(), HttpResponse.BodyHandlers.ofString());
  }

  private void webSocket(Sandbox sandbox) throws Exception {
    CompletableFuture<String> got = new CompletableFuture<>();
    CompletableFuture<Integer> closed = new CompletableFuture<>();
    WebSocket.Listener listener =
        new WebSocket.Listener() {
          @Override
          public @Nullable CompletionStage<?> onText(WebSocket it, CharSequence text, boolean end) {
            got.complete(text.toString());
            it.request(1);
            return null;
          }

          @Override
          public @Nullable CompletionStage<?> onClose(WebSocket it, int code, String reason) {
            closed.complete(code);
            return null;
          }
        };
    String address = sandbox.portUrl(8000).toString().replace("http:", "ws:");
    WebSocket socket =
        http.newWebSocketBuilder()
            .header("Authorization", "Bearer " + platform.key)
            .buildAsync(URI.create(address), listener)
            .get(60, TimeUnit.SECONDS);
    socket.sendText("hello", true).get(60, TimeUnit.SECONDS);
    assertThat(got.get(60, TimeUnit.SECONDS)).isEqualTo("hello");
    socket.sendClose(4001, "").get(60, TimeUnit.SECONDS);
    assertThat(closed.get(60, TimeUnit.SECONDS)).isEqualTo(4001);
  }

  private void link(Sandbox sandbox) throws Exception {
    PortLink link = sandbox.portLink(8000, Duration.ofMinutes(5));
    HttpResponse<String> visit = get(link.url(), false);
    assertThat(visit.statusCode()).isEqualTo(302);
    HttpRequest request =
        HttpRequest.newBuilder(sandbox.portUrl(8000))
            .header(
                "Cookie", visit.headers().firstValue("Set-Cookie").orElseThrow().split(";", 2)[0])
            .timeout(TestPlatform.PATIENCE)
            .build();
    assertThat(http.send(request, HttpResponse.BodyHandlers.ofString()).body())
        .startsWith("parent /");
    assertThat(get(sandbox.portUrl(8000), false).statusCode()).isEqualTo(401);
  }

  private static void forward(Sandbox sandbox) throws Exception {
    try (PortForward forward =
            sandbox.forward(
                8000,
                0,
                refused -> {
                  throw refused;
                });
        Socket socket = new Socket(forward.address().getAddress(), forward.address().getPort())) {
      socket.setSoTimeout(60_000);
      String request = "GET /raw HTTP/1.0\r\nHost: any\r\n\r\n";
      socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
      socket.shutdownOutput();
      String answer =
          new String(socket.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
      assertThat(answer).startsWith("HTTP/1.1 200").endsWith("parent /raw any");
    }
  }

  @Test
  void anOpenConnectionKeepsTheSandboxFromBeingIdle() throws Exception {
    Sandbox sandbox = platform.client.create();
    python(sandbox, server());
    try (PortForward forward = sandbox.forward(8000, 0, _ -> {});
        Socket socket = new Socket(forward.address().getAddress(), forward.address().getPort())) {
      socket.setSoTimeout(60_000);
      sandbox.patch(SandboxPatch.NOTHING.withIdleTimeout(Duration.ofSeconds(2)));
      Thread.sleep(Duration.ofSeconds(5));
      socket.getOutputStream().write("GET / HTTP/1.0\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
      assertThat(socket.getInputStream().read()).isEqualTo('H');
    }
    assertThat(platform.awaitGone(sandbox)).isEqualTo("idle");
    assertThatThrownBy(() -> sandbox.portLink(8000, Duration.ofSeconds(1)))
        .hasMessageContaining("closed");
  }
}
