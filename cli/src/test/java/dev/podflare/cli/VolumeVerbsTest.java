package dev.podflare.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.client.SandboxOptions.Mount;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The verbs for volumes. */
class VolumeVerbsTest {
  private static final String VOLUME =
      """
      {"id":"vol_1","name":"data","node":"a","bytes":2048,"files":3,"max_bytes":1073741824,
      "created_at":"2026-01-01T00:00:00Z","mounted_in":["sbx_1"]}\
      """;
  private static final String ELSEWHERE =
      """
      {"id":"vol_2","name":"far","node":"b","bytes":null,"files":null,"max_bytes":1073741824,
      "created_at":"2026-01-01T00:00:00Z","mounted_in":[]}\
      """;

  private final CannedServer server = new CannedServer();
  private final List<String> seen = new CopyOnWriteArrayList<>();

  @AfterEach
  void stop() {
    server.close();
  }

  private void on(String call, int status, String answer) {
    server.on(
        call,
        exchange -> {
          String body =
              new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
          seen.add(exchange.getRequestURI() + " " + body);
          byte[] bytes = answer.getBytes(StandardCharsets.UTF_8);
          exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
          exchange.getResponseBody().write(bytes);
        });
  }

  @Test
  void makesListsAndDeletes() {
    on("POST /v1/volumes", 200, VOLUME);
    on("GET /v1/volumes", 200, "{\"volumes\":[" + VOLUME + "," + ELSEWHERE + "]}");
    on("GET /v1/volumes/data", 200, VOLUME);
    on("DELETE /v1/volumes/data", 204, "");
    assertThat(Outcome.at(server, "volume", "create", "data", "--max-mib", "7").out().strip())
        .isEqualTo("vol_1");
    assertThat(seen).last().isEqualTo("/v1/volumes {\"name\":\"data\",\"max_mib\":7}");
    assertThat(Outcome.at(server, "volume", "ls").out()).contains("data", "on b");
    assertThat(Outcome.at(server, "volume", "ls", "--json").out()).contains("\"vol_2\"");
    assertThat(Outcome.at(server, "volume", "rm", "data").exitCode()).isZero();
    assertThat(seen).last().isEqualTo("/v1/volumes/data ");
    assertThat(Outcome.at(server, "volume", "rm", "-f", "data").exitCode()).isZero();
    assertThat(seen).last().isEqualTo("/v1/volumes/data?force=true ");
    assertThat(Outcome.at(server, "volume").exitCode()).isEqualTo(2);
  }

  @Test
  void mountsAreRead() {
    assertThat(MountText.parse("data:/mnt/a")).isEqualTo(new Mount("data", "/mnt/a", false, true));
    assertThat(MountText.parse("data:/mnt/a:ro"))
        .isEqualTo(new Mount("data", "/mnt/a", true, false));
    assertThat(MountText.parse("vol_1:/mnt/a").create()).isFalse();
  }

  @ParameterizedTest
  @ValueSource(strings = {"data", ":/mnt", "data:mnt", "data:/mnt:rx", "data:/mnt:ro:x", ""})
  void whatIsNoMountIsRefused(String text) {
    assertThatThrownBy(() -> MountText.parse(text)).hasMessageContaining("VOLUME:PATH");
  }
}
