package dev.podflare.mcp;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.channels.Channels;
import java.nio.channels.Pipe;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** A conversation over streams, with tools that do nothing; real ones are in {@code tests/mcp}. */
class StdioDoorTest {
  private static final String INITIALIZE =
      "{\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"%s\"}}";

  private final BlockingQueue<JsonNode> answers = new ArrayBlockingQueue<>(1000);
  private OutputStream messages;
  private Thread door;
  private Thread reader;

  @BeforeEach
  void open() throws IOException {
    // Not piped streams of java.io, which want one thread at each end.
    Pipe asked = Pipe.open();
    Pipe answered = Pipe.open();
    messages = Channels.newOutputStream(asked.sink());
    InputStream in = Channels.newInputStream(asked.source());
    OutputStream out = Channels.newOutputStream(answered.sink());
    door =
        Thread.startVirtualThread(() -> {
          try (in;
              out) {
            new StdioDoor(in, out).serve(new Conversation(new FixtureFeatures(), "1.2"));
          } catch (IOException failed) {
            throw new UncheckedIOException(failed);
          }
        });
    InputStream lines = Channels.newInputStream(answered.source());
    reader = Thread.startVirtualThread(() -> read(lines));
  }

  private void read(InputStream answered) {
    try (BufferedReader lines =
        new BufferedReader(new InputStreamReader(answered, StandardCharsets.UTF_8))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        answers.add(Json.MAPPER.readTree(line));
      }
    } catch (IOException gone) {
      // The door was closed.
    }
  }

  @AfterEach
  void close() throws Exception {
    messages.close();
    door.join();
    reader.join();
  }

  @Test
  void itBeginsWithTheVersionThatBothKnow() throws Exception {
    send(INITIALIZE.formatted("2025-06-18"));
    JsonNode begun = next().get("result");
    assertThat(begun.get("protocolVersion").stringValue()).isEqualTo("2025-06-18");
    assertThat(begun.at("/serverInfo/version").stringValue()).isEqualTo("1.2");
    assertThat(begun.get("capabilities").propertyNames())
        .containsExactlyInAnyOrder("tools", "resources");
    send(INITIALIZE.formatted("2099-01-01"));
    assertThat(next().at("/result/protocolVersion").stringValue()).isEqualTo("2025-11-25");
  }

  @Test
  void beforeItHasBegunOnlyPingIsAnswered() throws Exception {
    send("{\"id\":1,\"method\":\"ping\"}");
    assertThat(next().get("result").isEmpty()).isTrue();
    send("{\"id\":2,\"method\":\"tools/list\"}");
    assertThat(next().at("/error/code").intValue()).isEqualTo(McpException.INVALID_REQUEST);
    send("{\"id\":3,\"method\":\"server/discover\"}");
    assertThat(next().at("/error/code").intValue()).isEqualTo(McpException.METHOD_NOT_FOUND);
  }

  @Test
  void aMalformedMessageIsAnsweredAndTheNextIsTaken() throws Exception {
    messages.write("nonsense\n\n".getBytes(StandardCharsets.UTF_8));
    JsonNode refused = next();
    assertThat(refused.at("/error/code").intValue()).isEqualTo(McpException.PARSE_ERROR);
    assertThat(refused.get("id").isNull()).isTrue();
    send("{\"id\":\"x\",\"method\":\"ping\"}");
    assertThat(next().get("id").stringValue()).isEqualTo("x");
  }

  @Test
  void progressComesBeforeTheAnswer() throws Exception {
    begin();
    send(
        "{\"id\":4,\"method\":\"tools/call\",\"params\":{\"name\":\"test_tool_with_progress\","
            + "\"_meta\":{\"progressToken\":7}}}");
    for (int progress = 0; progress <= 100; progress += 50) {
      JsonNode told = next().get("params");
      assertThat(told.get("progressToken").intValue()).isEqualTo(7);
      assertThat(told.get("progress").doubleValue()).isEqualTo(progress);
    }
    assertThat(next().get("id").intValue()).isEqualTo(4);
  }

  @Test
  void aCallThatWaitsHoldsNobodyUpAndIsNotAnsweredOnceItIsCancelled() throws Exception {
    begin();
    waiting(5);
    waiting(5); // the same id again
    assertThat(next().at("/error/code").intValue()).isEqualTo(McpException.INVALID_REQUEST);
    send("{\"id\":6,\"method\":\"ping\"}");
    assertThat(next().get("id").intValue()).isEqualTo(6);
    send("{\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":99}}");
    send("{\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":5}}");
    send("{\"id\":7,\"method\":\"ping\"}");
    assertThat(next().get("id").intValue()).isEqualTo(7);
    messages.close();
    door.join();
    reader.join();
    assertThat(answers).isEmpty();
  }

  @Test
  void onlySoManyAreAtWorkAndAllEndWhenTheClientLeaves() throws Exception {
    begin();
    for (int id = 100; id < 133; id++) {
      waiting(id);
    }
    JsonNode refused = next();
    assertThat(refused.get("id").intValue()).isEqualTo(132);
    assertThat(refused.at("/error/data/code").stringValue()).isEqualTo("too_many_connections");
    messages.close();
    door.join();
    reader.join();
    assertThat(answers).isEmpty();
  }

  @Test
  void whatAToolRefusesIsAResult() throws Exception {
    begin();
    send("{\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"test_error_handling\"}}");
    JsonNode failed = next().get("result");
    assertThat(failed.get("isError").booleanValue()).isTrue();
    assertThat(failed.at("/_meta").get(ToolFailure.META).get("code").stringValue())
        .isEqualTo("test");
    send("{\"id\":2,\"method\":\"tools/call\",\"params\":{\"name\":\"none\"}}");
    assertThat(next().at("/error/code").intValue()).isEqualTo(McpException.INVALID_PARAMS);
    send("{\"id\":3,\"method\":\"tools/call\",\"params\":{\"name\":1}}");
    assertThat(next().at("/error/code").intValue()).isEqualTo(McpException.INVALID_PARAMS);
    send(
        "{\"id\":4,\"method\":\"tools/call\",\"params\":{\"name\":\"test_simple_text\","
            + "\"arguments\":[]}}");
    assertThat(next().at("/error/code").intValue()).isEqualTo(McpException.INVALID_PARAMS);
  }

  private void begin() throws Exception {
    send(INITIALIZE.formatted("2025-11-25"));
    assertThat(next().has("result")).isTrue();
  }

  private void waiting(int id) throws IOException {
    send("{\"id\":" + id + ",\"method\":\"tools/call\",\"params\":{\"name\":\"test_wait\"}}");
  }

  private void send(String fields) throws IOException {
    messages.write(
        ("{\"jsonrpc\":\"2.0\"," + fields.substring(1) + "\n").getBytes(StandardCharsets.UTF_8));
    messages.flush();
  }

  private JsonNode next() throws InterruptedException {
    return requireNonNull(answers.poll(2, TimeUnit.MINUTES), "no answer");
  }
}
