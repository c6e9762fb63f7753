package dev.podflare.server;

import static dev.podflare.server.testing.ApiClient.json;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.podflare.engine.TerminalEnd;
import dev.podflare.server.testing.FakeTerminal;
import dev.podflare.server.testing.RawHttp;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Terminals over WebSocket: typing, sizes, ends, and what is none of these. */
class TerminalSocketTest {
  private static final long SEED = 20_260_303;

  @TempDir Path folder;
  private PortRig rig;
  private String path;
  private FakeTerminal terminal;
  private final List<SocketClient> clients = new ArrayList<>();

  @BeforeEach
  void start() {
    rig = new PortRig(folder, PortRig.quick());
    String all = "/v1/sandboxes/" + rig.id + "/pty";
    JsonNode record = json(rig.test.admin.post(all, "{\"attach\":false}"));
    path = all + "/" + record.get("pty_id").stringValue() + "/ws";
    terminal = rig.test.engine.onlyTerminal();
  }

  @AfterEach
  void stop() {
    clients.forEach(client -> client.socket.abort()); // closing their maker waits for them
    rig.close();
  }

  private SocketClient open() throws Exception {
    SocketClient client = SocketClient.open(rig, path);
    clients.add(client);
    return client;
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static String text(Object message) {
    return message instanceof byte[] bytes
        ? new String(bytes, StandardCharsets.UTF_8)
        : "not bytes: " + message;
  }

  private static JsonNode object(Object message) {
    return JsonMapper.shared().readTree((String) message);
  }

  @Test
  void typingIsEchoedToAllAndTheEndIsTold() throws Exception {
    terminal.print("before ");
    SocketClient one = open();
    SocketClient two = open();
    assertThat(text(one.next())).isEqualTo("before ");
    assertThat(text(two.next())).isEqualTo("before ");
    one.binary(bytes("typed"));
    assertThat(text(one.next())).isEqualTo("typed");
    assertThat(text(two.next())).isEqualTo("typed");
    two.text("{\"resize\":{\"cols\":132,\"rows\":43}}");
    assertThat(text(one.next())).isEqualTo("132x43");
    assertThat(text(two.next())).isEqualTo("132x43");
    terminal.end(new TerminalEnd.Exited(7));
    assertThat(object(one.next()).get("exit_code").intValue()).isEqualTo(7);
    assertThat(one.next()).isEqualTo("closed 1000 the program has ended");
    assertThat(object(two.next()).get("exit_code").intValue()).isEqualTo(7);
    await().until(() -> terminal.viewers() == 0);
  }

  @Test
  void aTerminalThatIsGoneClosesWithTheReason() throws Exception {
    SocketClient client = open();
    await().until(() -> terminal.viewers() == 1);
    terminal.end(new TerminalEnd.Lost("x".repeat(300)));
    assertThat((String) client.next()).matches("closed 4410 x{100}");
  }

  @Test
  void whatIsNoSizeIsRefusedByACodeAndTheSocketStays() throws Exception {
    SocketClient client = open();
    for (String wrong :
        List.of(
            "",
            "nonsense",
            "[]",
            "{}",
            "{\"resize\":1}",
            "{\"resize\":{\"cols\":80}}",
            "{\"resize\":{\"cols\":-1,\"rows\":1}}",
            "{\"resize\":{\"cols\":1e99,\"rows\":1}}")) {
      client.text(wrong);
      assertThat(object(client.next()).get("code").stringValue())
          .as(wrong)
          .isIn("invalid_json", "invalid_field");
    }
    client.binary(bytes("still here"));
    assertThat(text(client.next())).isEqualTo("still here");
    terminal.kill();
    assertThat(object(client.next()).get("exit_code").intValue()).isEqualTo(137);
  }

  @Test
  void messagesThatAreTooLargeCloseIt() throws Exception {
    SocketClient client = open();
    client.binary(new byte[TerminalSocket.LARGEST_INPUT]);
    int got = 0;
    while (got < TerminalSocket.LARGEST_INPUT) {
      got += ((byte[]) client.next()).length;
    }
    client.binary(new byte[TerminalSocket.LARGEST_INPUT + 1]);
    assertThat((String) client.next()).startsWith("closed 1009");
    SocketClient other = open();
    Object replay = other.next();
    assertThat(replay).isInstanceOf(byte[].class);
    other.text("\"" + "x".repeat(10_000) + "\"");
    Object last = other.next();
    while (last instanceof byte[]) {
      last = other.next();
    }
    assertThat((String) last).startsWith("closed 1009");
    await().until(() -> terminal.viewers() == 0);
  }

  @Test
  void itNeedsAKeyAWebSocketAndATerminal() throws Exception {
    assertThat(rig.raw("GET " + path + " HTTP/1.1").status()).isEqualTo(401);
    assertThat(rig.test.admin.get(path).status()).isEqualTo(400);
    assertThat(rig.test.admin.get(path.replace("pty_", "pty_f")).status()).isEqualTo(404);
    String[] upgrade = {
      "Upgrade: websocket",
      "Connection: Upgrade",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      "Sec-WebSocket-Protocol: podflare.terminal, podflare.bearer.pf_live_wrong"
    };
    assertThat(rig.raw("GET " + path + " HTTP/1.1", upgrade).status()).isEqualTo(401);
  }

  @Test
  void aBrowserShowsItsKeyAsAProtocol() throws Exception {
    SocketClient client =
        new SocketClient(rig, path, List.of(), "podflare.terminal", "podflare.bearer." + rig.key);
    clients.add(client);
    assertThat(client.socket.getSubprotocol()).isEqualTo("podflare.terminal");
    client.binary(bytes("hi"));
    assertThat(text(client.next())).isEqualTo("hi");
  }

  /**
   * Node 22's client loses the last messages, if they are compressed and the end follows at once.
   */
  @Test
  void itIsNotCompressed() throws Exception {
    try (RawHttp raw = rig.open()) {
      raw.send(
          PortRig.head(
              "GET " + path + " HTTP/1.1",
              rig.keyLine(),
              "Upgrade: websocket",
              "Connection: Upgrade",
              "Sec-WebSocket-Version: 13",
              "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="));
      assertThat(raw.line()).contains(" 101 ");
      for (String line = raw.line(); !line.isEmpty(); line = raw.line()) {
        assertThat(line).doesNotContainIgnoringCase("extensions");
      }
    }
  }

  @Test
  void aDeadViewerIsFoundWhileOthersGoOn() throws Exception {
    try (RawHttp dead = rig.open()) {
      dead.send(
          PortRig.head(
              "GET " + path + " HTTP/1.1",
              rig.keyLine(),
              "Upgrade: websocket",
              "Connection: Upgrade",
              "Sec-WebSocket-Version: 13",
              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="));
      await().until(() -> terminal.viewers() == 1); // and from now on it reads and answers nothing
      SocketClient fast = open();
      await().until(() -> terminal.viewers() == 2);
      byte[] piece = new byte[100_000];
      int got = 0;
      for (int i = 1; i <= 100; i++) {
        terminal.write(piece);
        while (got < i * piece.length) { // or it would fall behind, too, on a busy machine
          got += ((byte[]) fast.next()).length;
        }
      }
      await().atMost(Duration.ofSeconds(20)).until(() -> terminal.viewers() == 1);
      fast.binary(bytes("x"));
      assertThat(text(fast.next())).isEqualTo("x");
    }
  }

  @Test
  void fuzzedFramesBreakNothing() throws Exception {
    Random random = new Random(SEED);
    for (int i = 0; i < 200; i++) {
      try (RawHttp raw = rig.open()) {
        raw.send(
            PortRig.head(
                "GET " + path + " HTTP/1.1",
                rig.keyLine(),
                "Upgrade: websocket",
                "Connection: Upgrade",
                "Sec-WebSocket-Version: 13",
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="));
        assertThat(raw.line()).as("seed " + SEED + ", socket " + i).contains(" 101 ");
        for (int frame = 0; frame < 1 + random.nextInt(4); frame++) {
          raw.send(fuzzed(random));
        }
      } catch (java.io.IOException closedMeanwhile) {
        // It may close a connection on which nonsense comes, at any time.
      }
    }
    await().atMost(Duration.ofSeconds(20)).until(() -> terminal.viewers() == 0);
    SocketClient client = open();
    terminal.end(new TerminalEnd.Exited(0));
    Object last = client.next();
    while (last instanceof byte[]) {
      last = client.next();
    }
    assertThat(object(last).get("exit_code").intValue()).isZero();
    assertThat(rig.test.admin.get("/metrics").text()).doesNotContain("status=\"500\"");
  }

  /** Any opcode, flags, length and mask; often enough a frame that is nearly right. */
  private static byte[] fuzzed(Random random) {
    int opcode =
        random.nextInt(3) == 0
            ? random.nextInt(16)
            : new int[] {0, 1, 2, 8, 9, 10}[random.nextInt(6)];
    int flags = random.nextInt(4) == 0 ? random.nextInt(16) << 4 : 0x80;
    byte[] payload =
        new byte[random.nextInt(3) == 0 ? random.nextInt(70_000) : random.nextInt(126)];
    random.nextBytes(payload);
    int claimed = random.nextInt(5) == 0 ? random.nextInt(1 << 20) : payload.length;
    ByteBuffer frame = ByteBuffer.allocate(16 + payload.length);
    frame.put((byte) (flags | opcode));
    int masked = random.nextInt(6) == 0 ? 0 : 0x80;
    if (claimed < 126) {
      frame.put((byte) (masked | claimed));
    } else if (claimed < 65536) {
      frame.put((byte) (masked | 126)).putShort((short) claimed);
    } else {
      frame.put((byte) (masked | 127)).putLong(random.nextInt(9) == 0 ? -1 : claimed);
    }
    if (masked != 0) {
      frame.putInt(0);
    }
    frame.put(payload);
    byte[] all = new byte[frame.position()];
    frame.flip().get(all);
    return all;
  }
}
