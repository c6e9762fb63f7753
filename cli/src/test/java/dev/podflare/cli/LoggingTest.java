package dev.podflare.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class LoggingTest {
  private final PrintStream real = System.err;
  private final ByteArrayOutputStream captured = new ByteArrayOutputStream();

  @AfterEach
  void restore() {
    System.setErr(real);
  }

  private String logged(LogFormat format) {
    System.setErr(new PrintStream(captured, true, StandardCharsets.UTF_8));
    Logging.setUp(format, "info");
    LoggerFactory.getLogger("dev.podflare.some.Part").info("made {}", 3);
    LoggerFactory.getLogger("dev.podflare.some.Part").debug("quiet");
    LoggerFactory.getLogger("org.eclipse.jetty.Server").info("quiet");
    return captured.toString(StandardCharsets.UTF_8);
  }

  @Test
  void textIsOneShortLine() {
    assertThat(logged(LogFormat.TEXT))
        .matches("\\d\\d:\\d\\d:\\d\\d\\.\\d{3} INFO  Part: made 3\\R");
  }

  @Test
  void jsonIsOneObjectALine() {
    String line = logged(LogFormat.JSON).strip();
    JsonNode object = new JsonMapper().readTree(line);
    assertThat(object.path("formattedMessage").asString(object.path("message").asString("")))
        .contains("made");
    assertThat(object.path("level").asString("")).isEqualTo("INFO");
    assertThat(line.lines()).hasSize(1);
  }

  @Test
  void unknownLevelsAreRefused() {
    assertThatThrownBy(() -> Logging.setUp(LogFormat.TEXT, "loud")).hasMessageContaining("loud");
  }
}
