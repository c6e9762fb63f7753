package dev.podflare.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.Arrays;
import java.util.Base64;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The wire, against a server that says byte for byte what a test wants. */
class WebSocketLinkTest {
  private static final int PATIENCE = 60_000;

  /** What a test has the server do. */
  private interface Script {
    void run(DataInputStream in, OutputStream out, String agreement) throws Exception;
  }

  private final Heard heard = new Heard();

  /** What the server has to say. */
  private final Heard served = new Heard();

  private ServerSocket server;

  @BeforeEach
  void listen() throws IOException {
    server = new ServerSocket(0, 10, InetAddress.getLoopbackAddress());
  }

  @AfterEach
  void stop() throws IOException {
    server.close();
  }

  private WebSocketLink open(Script script) {
    Thread.ofVirtual().start(() -> serve(script));
    URI address = URI.create("http://127.0.0.1:" + server.getLocalPort());
    ClientConfig config = ClientConfig.of(address, Optional.of("pf_live_x"));
    try (HttpCaller http = new HttpCaller(config)) {
      return http.webSocket("/v1/x?a=b");
    }
  }

  private void serve(Script script) {
    try (Socket socket = server.accept()) {
      socket.setTcpNoDelay(true);
      socket.setSoTimeout(PATIENCE);
      DataInputStream in = new DataInputStream(socket.getInputStream());
      StringBuilder head = new StringBuilder();
      while (head.indexOf("\r\n\r\n") < 0) {
        head.append((char) in.readUnsignedByte());
      }
      assertThat(head.toString())
          .startsWith("GET /v1/x?a=b HTTP/1.1\r\n")
          .contains("Authorization: Bearer pf_live_x\r\n");
      script.run(in, socket.getOutputStream(), agreement(head.toString()));
    } catch (Exception gone) {
      served.said.add("server: " + gone);
    }
  }

  private static String agreement(String head) throws Exception {
    String key = head.replaceAll("(?s).*Sec-WebSocket-Key: ([^\r]+)\r.*", "$1");
    byte[] text =
        (key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").getBytes(StandardCharsets.US_ASCII);
    String accept =
        Base64.getEncoder().encodeToString(MessageDigest.getInstance("SHA-1").digest(text));
    return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + "Sec-WebSocket-Accept: "
        + accept
        + "\r\n\r\n";
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }

  private static byte[] frame(int head, byte[] payload) {
    ByteBuffer frame = ByteBuffer.allocate(10 + payload.length).put((byte) head);
    if (payload.length < 126) {
      frame.put((byte) payload.length);
    } else if (payload.length < 65536) {
      frame.put((byte) 126).putShort((short) payload.length);
    } else {
      frame.put((byte) 127).putLong(payload.length);
    }
    return Arrays.copyOf(frame.put(payload).array(), frame.position());
  }

  /** A frame of the client, unmasked, as its head and its text. */
  private static String received(DataInputStream in) throws IOException {
    int head = in.readUnsignedByte();
    int size = in.readUnsignedByte();
    assertThat(size & 0x80).as("masked").isEqualTo(0x80);
    int length = (size & 0x7f) == 126 ? in.readUnsignedShort() : size & 0x7f;
    byte[] mask = in.readNBytes(4);
    byte[] payload = in.readNBytes(length);
    for (int i = 0; i < length; i++) {
      payload[i] ^= mask[i % 4];
    }
    return Integer.toHexString(head) + ":" + new String(payload, StandardCharsets.ISO_8859_1);
  }

  @Test
  void whatComesRightBehindTheHandshakeIsHeard() throws Exception {
    byte[] large = new byte[300_000];
    Arrays.fill(large, (byte) 'x');
    for (int round = 0; round < 200; round++) {
      Heard each = new Heard();
      WebSocketLink link =
          open((in, out, agreement) -> {
            ByteArrayOutputStream all = new ByteArrayOutputStream();
            all.writeBytes(bytes(agreement));
            all.writeBytes(frame(0x82, bytes("first")));
            all.writeBytes(frame(0x82, large));
            out.write(all.toByteArray());
            out.write(frame(0x88, new byte[] {3, (byte) 0xe8, 'o', 'k'}));
            in.read(); // the goodbye
          });
      link.listen(each);
      each.await("closed 1000 ok");
      assertThat(each.binary.size()).isEqualTo(5 + large.length);
    }
  }

  @Test
  void messagesOfAllLengthsGoBothWays() throws Exception {
    String middle = "m".repeat(40_000);
    try (WebSocketLink link =
        open((in, out, agreement) -> {
          out.write(bytes(agreement));
          served.said.add(received(in));
          served.said.add(received(in));
          served.said.add(received(in));
          served.said.add(received(in));
          out.write(frame(0x01, bytes("in ")));
          out.write(frame(0x89, bytes("between"))); // a ping
          out.write(frame(0x80, bytes("parts")));
          served.said.add(received(in));
          out.write(frame(0x81, new byte[0]));
          in.read();
        })) {
      link.listen(heard);
      link.sendText("size");
      link.sendBinary(ByteBuffer.wrap(bytes("a")));
      link.sendBinary(ByteBuffer.wrap(bytes(middle))); // in two pieces
      served.await("81:size").await("82:a").await("82:" + middle.substring(0, 32768));
      served.await("82:" + middle.substring(32768)).await("8a:between");
      heard.await("text in parts").await("text ");
    }
    heard.await("broke Socket closed");
  }

  @Test
  void aPingIsAnsweredThoughAWriterWaits() throws Exception {
    Heard writer = new Heard();
    try (WebSocketLink link =
        open((in, out, agreement) -> {
          out.write(bytes(agreement));
          writer.await("stuck");
          out.write(frame(0x89, bytes("there?")));
          out.write(frame(0x81, bytes("heard all the same")));
          heard.await("text heard all the same");
          String frame = received(in);
          while (!frame.startsWith("8a")) {
            frame = received(in);
          }
          served.said.add(frame);
        })) {
      link.listen(heard);
      Thread.ofVirtual()
          .start(() -> {
            try {
              link.sendBinary(ByteBuffer.allocate(32 << 20)); // more than any socket takes
              writer.said.add("sent");
            } catch (IOException gone) {
              writer.said.add("gone");
            }
          });
      Thread.sleep(500); // only makes it likelier that the writer waits
      writer.said.add("stuck");
      served.await("8a:there?");
    }
  }

  @Test
  void nonsenseEndsIt() throws Exception {
    byte[][] nonsense = {
      {(byte) 0xc2, 0}, // compressed
      {(byte) 0x82, (byte) 0x80, 0, 0, 0, 0}, // masked
      {(byte) 0x83, 0}, // a type that is not there
      {(byte) 0x80, 0}, // the rest of nothing
      {(byte) 0x89, 126, 0, (byte) 200}, // a large ping
      {0x09, 0}, // a ping in parts
      {(byte) 0x81, 127, 0x7f, 0, 0, 0, 0, 0, 0, 0}, // an endless text
      {(byte) 0x82, 127, (byte) 0x80, 0, 0, 0, 0, 0, 0, 0}, // a negative length
      {(byte) 0x82, 5, 1}, // cut off
    };
    for (byte[] each : nonsense) {
      Heard listener = new Heard();
      WebSocketLink link =
          open((in, out, agreement) -> {
            out.write(bytes(agreement));
            out.write(each);
          });
      link.listen(listener);
      assertThat(listener.next()).startsWith("broke ");
    }
  }

  @Test
  void aRefusalComesWithItsCode() {
    assertThatThrownBy(() ->
            open((in, out, agreement) ->
                out.write(
                    bytes(
                        """
                        HTTP/1.1 503 Full\r
                        Content-Length: 42\r
                        Retry-After: 7\r
                        \r
                        {"error":"no room left","code":"host_full"}\
                        """))))
        .isInstanceOfSatisfying(
            ApiException.class,
            e -> {
              assertThat(e.status()).isEqualTo(503);
              assertThat(e.retryAfter()).contains(Duration.ofSeconds(7));
            });
    assertThatThrownBy(() ->
            open((in, out, agreement) ->
                out.write(bytes(agreement.replaceAll("Accept: ....", "Accept: AAAA")))))
        .isInstanceOfSatisfying(
            ApiException.class, e -> assertThat(e.code()).isEqualTo(ApiException.UNREACHABLE));
    assertThatThrownBy(() -> open((in, out, agreement) -> out.write(bytes("SSH-2.0-x\r\n\r\n"))))
        .hasMessageContaining("does not speak HTTP");
  }

  @Test
  void aSilentServerIsGivenUp() {
    URI address = URI.create("http://127.0.0.1:" + server.getLocalPort());
    WebSocketHandshake handshake =
        new WebSocketHandshake(address, Duration.ofSeconds(10), Duration.ofMillis(200));
    assertThatThrownBy(() -> handshake.open(Map.of()).close())
        .isInstanceOf(java.net.SocketTimeoutException.class);
  }

  private static final class Heard implements WebSocketLink.Listener {
    final BlockingQueue<String> said = new LinkedBlockingQueue<>();
    final ByteArrayOutputStream binary = new ByteArrayOutputStream();

    @Override
    public void binary(byte[] bytes) {
      binary.writeBytes(bytes);
    }

    @Override
    public void text(String message) {
      said.add("text " + message);
    }

    @Override
    public void closed(int code, String reason) {
      said.add("closed " + code + " " + reason);
    }

    @Override
    public void broke(IOException why) {
      said.add("broke " + why.getMessage());
    }

    String next() throws InterruptedException {
      @Nullable String next = said.poll(PATIENCE, TimeUnit.MILLISECONDS);
      assertThat(next).isNotNull();
      return String.valueOf(next);
    }

    Heard await(String expected) throws InterruptedException {
      assertThat(next()).isEqualTo(expected);
      return this;
    }
  }
}
