package dev.podflare.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.client.ClientConfig;
import dev.podflare.client.Podflare;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.URI;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A demo that is answered wrongly must say so; that it ends well is tested on real guests. */
class DemoScriptTest {
  private final CannedServer server =
      new CannedServer()
          .on("POST /v1/sandboxes", 200, "{\"id\":\"sbx_1\",\"state\":\"ready\"}")
          .on("DELETE /v1/sandboxes/sbx_1", 204, "");
  private final Podflare podflare =
      new Podflare(
          ClientConfig.of(URI.create(server.url()), Optional.of("k"))
              .withBusyTimeout(Duration.ZERO));
  private final DemoSteps steps = new DemoSteps(new PrintWriter(new StringWriter()));

  @AfterEach
  void stop() {
    podflare.close();
    server.close();
  }

  @Test
  void aWrongOutputEndsTheDemo() {
    server.on(
        "POST /v1/sandboxes/sbx_1/exec",
        200,
        "{\"type\":\"stdout\",\"data\":\"41\\n\"}\n{\"type\":\"exit\",\"data\":0}\n");
    assertThatThrownBy(() -> new DemoScript(podflare, steps).run())
        .isInstanceOf(DemoSteps.Wrong.class)
        .hasMessageContaining("'42'");
    assertThat(steps.allRight()).isFalse();
    assertThat(steps.done()).extracting(DemoSteps.Done::right).containsExactly(true, false);
  }

  @Test
  void aRefusalEndsTheDemo() {
    server.on("POST /v1/sandboxes", 503, "{\"error\":\"full\",\"code\":\"host_full\"}");
    assertThatThrownBy(() -> new DemoScript(podflare, steps).run())
        .isInstanceOf(DemoSteps.Wrong.class)
        .hasMessageContaining("host_full");
    assertThat(steps.allRight()).isFalse();
  }

  @Test
  void nothingDoneIsNotRight() {
    assertThat(steps.allRight()).isFalse();
  }
}
