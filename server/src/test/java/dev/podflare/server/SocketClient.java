package dev.podflare.server;

import java.io.ByteArrayOutputStream;
import java.net.URI;
import java.net.http.WebSocket;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** The JDK's WebSocket, with whole messages in a queue. One thread. */
final class SocketClient implements WebSocket.Listener {
  final BlockingQueue<Object> got = new LinkedBlockingQueue<>();
  final WebSocket socket;
  private final StringBuilder text = new StringBuilder();
  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

  SocketClient(PortRig rig, String path, List<String> headers, String... protocols)
      throws InterruptedException, ExecutionException, TimeoutException {
    WebSocket.Builder builder = rig.http.newWebSocketBuilder();
    for (int i = 0; i < headers.size(); i += 2) {
      builder.header(headers.get(i), headers.get(i + 1));
    }
    if (protocols.length > 0) {
      builder.subprotocols(
          protocols[0], java.util.Arrays.copyOfRange(protocols, 1, protocols.length));
    }
    URI uri = URI.create(rig.test.uri().toString().replace("http:", "ws:") + path);
    socket = builder.buildAsync(uri, this).get(10, TimeUnit.SECONDS);
  }

  static SocketClient open(PortRig rig, String path, String... protocols) throws Exception {
    return new SocketClient(rig, path, List.of("Authorization", "Bearer " + rig.key), protocols);
  }

  Object next() throws InterruptedException {
    Object next = got.poll(10, TimeUnit.SECONDS);
    if (next == null) {
      throw new AssertionError("nothing came");
    }
    return next;
  }

  void text(String message) throws Exception {
    socket.sendText(message, true).get(10, TimeUnit.SECONDS);
  }

  void binary(byte[] message) throws Exception {
    socket.sendBinary(ByteBuffer.wrap(message), true).get(10, TimeUnit.SECONDS);
  }

  @Override
  public @Nullable CompletionStage<?> onText(WebSocket from, CharSequence data, boolean last) {
    text.append(data);
    if (last) {
      got.add(text.toString());
      text.setLength(0);
    }
    from.request(1);
    return null;
  }

  @Override
  public @Nullable CompletionStage<?> onBinary(WebSocket from, ByteBuffer data, boolean last) {
    byte[] part = new byte[data.remaining()];
    data.get(part);
    bytes.writeBytes(part);
    if (last) {
      got.add(bytes.toByteArray());
      bytes.reset();
    }
    from.request(1);
    return null;
  }

  @Override
  public @Nullable CompletionStage<?> onPong(WebSocket from, ByteBuffer data) {
    if (data.hasRemaining()) {
      got.add("pong " + data.get());
    }
    from.request(1);
    return null;
  }

  @Override
  public @Nullable CompletionStage<?> onClose(WebSocket from, int code, String reason) {
    got.add("closed " + code + " " + reason);
    return null;
  }

  @Override
  public void onError(WebSocket from, Throwable failure) {
    got.add("broken");
  }
}
