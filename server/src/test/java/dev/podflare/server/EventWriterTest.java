package dev.podflare.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.engine.ExecEvent;
import dev.podflare.engine.ExecRequest.Framing;
import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class EventWriterTest {
  private static final JsonMapper JSON = JsonMapper.builder().build();

  @Test
  void aLineReadsTheSameHoweverLongItIs() throws Exception {
    for (int size : new int[] {10, LineBuffer.SIZE, LineBuffer.SIZE + 1, 3_000_000}) {
      byte[] bytes = new byte[size];
      new Random(size).nextBytes(bytes);
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      write(bytes, out);
      JsonNode event = JSON.readTree(out.toByteArray());
      assertThat(event.get("data").asString()).isEqualTo(new String(bytes, StandardCharsets.UTF_8));
      assertThat(event.get("seq").asInt()).isEqualTo(7);
    }
  }

  @Test
  void aLongLineGoesOutInPieces() throws Exception {
    byte[] bytes = new byte[2_000_000];
    Arrays.fill(bytes, (byte) 1);
    int[] largest = {0};
    write(
        bytes,
        new OutputStream() {
          @Override
          public void write(int octet) {
            largest[0] = Math.max(largest[0], 1);
          }

          @Override
          public void write(byte[] source, int offset, int length) {
            largest[0] = Math.max(largest[0], length);
          }
        });
    assertThat(largest[0]).isBetween(1, LineBuffer.SIZE);
  }

  private static void write(byte[] bytes, OutputStream out) throws Exception {
    try (EventWriter writer = new EventWriter(Framing.LINES, out)) {
      writer.write(new ExecEvent.Output(7, 1, ExecEvent.Stream.STDOUT, bytes));
      writer.passOn();
    }
  }
}
