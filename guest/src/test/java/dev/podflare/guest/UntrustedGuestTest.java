package dev.podflare.guest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A guest that does not keep to the protocol loses its channel, with a word that says why. */
class UntrustedGuestTest implements ChannelListener {
  private static final Duration PATIENCE = Duration.ofSeconds(5);
  private final CompletableFuture<PodflareException> closed = new CompletableFuture<>();
  private SocketChannel guest;
  private AgentChannel channel;

  @BeforeEach
  void connect(@TempDir Path folder) throws IOException {
    UnixDomainSocketAddress address = UnixDomainSocketAddress.of(folder.resolve("s"));
    try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      server.bind(address);
      guest = SocketChannel.open(address);
      channel = AgentChannel.open(server.accept(), this);
    }
  }

  @AfterEach
  void disconnect() throws IOException {
    channel.close();
    guest.close();
  }

  @ParameterizedTest
  @CsvSource({
    "4, H, 0, ''",
    "1048582, O, 1, ''",
    "-1, O, 0, ''",
    "0, Z, 0, ''",
    "0, O, 5, text",
    "0, D, 1, '{\"code\":0,\"reason\":\"exited\"}'",
    "0, P, 0, unasked",
    "0, B, 0, ''",
    "0, N, 0, 'no json'",
    "0, N, 0, '[1]'",
    "0, H, 0, '{\"epoch\":3}'",
  })
  void badFrameClosesTheChannel(int length, char type, int id, String payload) throws Exception {
    byte[] body = payload.getBytes(StandardCharsets.UTF_8);
    send(length == 0 ? body.length + 5 : length, type, id, body);
    assertThat(closed.get(5, TimeUnit.SECONDS))
        .hasMessageStartingWith("the guest sent")
        .extracting(PodflareException::code)
        .isEqualTo(ErrorCode.MACHINE_FAILED);
    assertThat(channel.isOpen()).isFalse();
  }

  @ParameterizedTest
  @CsvSource({
    "D, '{\"code\":0}'",
    "D, '{\"code\":256,\"reason\":\"exited\"}'",
    "D, '{\"code\":0,\"reason\":\"bored\"}'",
    "D, 'null'",
    "R, '{\"text/plain\":5}'",
    "I, 'abcd'",
    "H, ''",
  })
  void badFrameOfAnExecutionClosesTheChannel(char type, String payload) throws Exception {
    Recording call = new Recording();
    GuestExec exec = channel.exec(ExecCommand.of(GuestLanguage.PYTHON, "1"), call);
    byte[] body = payload.getBytes(StandardCharsets.UTF_8);
    send(body.length + 5, type, (int) exec.id(), body);
    assertThat(closed.get(5, TimeUnit.SECONDS)).hasMessageStartingWith("the guest sent");
    await().until(call::lostIt);
  }

  @Test
  void outputBeyondTheWindowClosesTheChannel() throws Exception {
    Recording call = new Recording();
    GuestExec exec = channel.exec(ExecCommand.of(GuestLanguage.PYTHON, "1"), call);
    send(
        ExecCommand.DEFAULT_WINDOW + 6,
        'O',
        (int) exec.id(),
        new byte[ExecCommand.DEFAULT_WINDOW + 1]);
    assertThat(closed.get(5, TimeUnit.SECONDS)).hasMessageContaining("window");
  }

  @Test
  void valuesThatMakeNoSenseAreDroppedAndNothingElse() throws Exception {
    ExecCommand command =
        new ExecCommand(
            GuestLanguage.PYTHON,
            "1",
            java.util.Optional.empty(),
            Map.of(),
            false,
            true,
            ExecCommand.DEFAULT_WINDOW);
    Recording call = new Recording();
    GuestExec exec = channel.exec(command, call);
    call.attach(exec);
    for (String junk :
        java.util.List.of(
            "null",
            "[]",
            "{}",
            "{\"kind\":5,\"data\":{}}",
            "{\"kind\":\"value\",\"data\":{\"a\":null}}",
            "{\"kind\":\"value\",\"data\":{\"a\":{}}}",
            "{\"kind\":\"value\",\"data\":{\"a\":\"",
            "{\"kind\":\"odd\",\"data\":{}}",
            "x")) {
      value(exec, junk.length(), 0, junk);
    }
    value(exec, 100, 50, "from the middle");
    value(exec, 4, 0, "longer than it says");
    value(exec, 1000, 0, "never whole");
    String good = "{\"kind\":\"value\",\"data\":{\"x/y\":\"good\"}}";
    value(exec, good.length(), 0, good);
    byte[] done = "{\"code\":0,\"reason\":\"exited\"}".getBytes(StandardCharsets.UTF_8);
    send(done.length + 5, 'D', (int) exec.id(), done);
    assertThat(call.await().code()).isZero();
    assertThat(channel.isOpen()).isTrue();
    assertThat(call.values).extracting(GuestValue::data).containsExactly(Map.of("x/y", "good"));
  }

  private void value(GuestExec exec, int total, int place, String text) throws Exception {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    ByteBuffer piece = ByteBuffer.allocate(8 + bytes.length).putInt(total).putInt(place).put(bytes);
    send(piece.capacity() + 5, 'V', (int) exec.id(), piece.array());
  }

  @Test
  void renewalDropsEverythingBeforeItsAnswer() throws Exception {
    CompletableFuture<Hello> renewed = new CompletableFuture<>();
    Thread.ofVirtual().start(() -> renewed.complete(channel.renew(Renewal.of(4, "pod"), PATIENCE)));
    ByteBuffer head = ByteBuffer.allocate(9);
    while (head.hasRemaining()) {
      guest.read(head);
    }
    assertThat(head.get(4)).isEqualTo((byte) 'h');
    send(9, 'O', 77, "past".getBytes(StandardCharsets.UTF_8));
    hello(3);
    hello(4);
    assertThat(renewed.get(5, TimeUnit.SECONDS).epoch()).isEqualTo(4);
    assertThat(channel.isOpen()).isTrue();
  }

  @Test
  void guestThatFailsToRenewItsEntropyIsRefused() throws Exception {
    CompletableFuture<Throwable> refused = new CompletableFuture<>();
    Thread.ofVirtual()
        .start(() -> {
          try {
            channel.renew(Renewal.of(4, "pod"), PATIENCE);
          } catch (PodflareException error) {
            refused.complete(error);
          }
        });
    ByteBuffer head = ByteBuffer.allocate(9);
    while (head.hasRemaining()) {
      guest.read(head);
    }
    byte[] body =
        "{\"epoch\":4,\"time_ns\":1,\"failed\":[\"entropy\"]}".getBytes(StandardCharsets.UTF_8);
    send(body.length + 5, 'H', 0, body);
    assertThat(refused.get(5, TimeUnit.SECONDS)).hasMessageContaining("entropy");
  }

  @Test
  void silentGuestTimesOutAndItsLateAnswerIsSwallowed() throws Exception {
    assertThatThrownBy(() -> channel.ping(new byte[] {1}, Duration.ofMillis(50)))
        .isInstanceOfSatisfying(
            PodflareException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.TIMED_OUT));
    CompletableFuture<Duration> second = new CompletableFuture<>();
    Thread.ofVirtual().start(() -> second.complete(channel.ping(new byte[] {2}, PATIENCE)));
    ByteBuffer both = ByteBuffer.allocate(20);
    while (both.hasRemaining()) {
      guest.read(both);
    }
    send(6, 'P', 0, new byte[] {1});
    send(6, 'P', 0, new byte[] {2});
    assertThat(second.get(5, TimeUnit.SECONDS)).isPositive();
  }

  @Test
  void clockThatCameLateIsSetAgain() throws Exception {
    channel.sendClock();
    assertThat(receive()).isEqualTo('t');
    Thread.sleep(50);
    byte[] answer = "{\"time_ns\":1}".getBytes(StandardCharsets.UTF_8);
    send(answer.length + 5, 'T', 0, answer);
    assertThat(receive()).isEqualTo('t');
    assertThat(channel.isOpen()).isTrue();
  }

  /** Type of the next frame that the host sent. */
  private char receive() throws IOException {
    ByteBuffer head = ByteBuffer.allocate(9);
    while (head.hasRemaining()) {
      assertThat(guest.read(head)).isPositive();
    }
    ByteBuffer payload = ByteBuffer.allocate(head.getInt(0) - 5);
    while (payload.hasRemaining()) {
      assertThat(guest.read(payload)).isPositive();
    }
    return (char) head.get(4);
  }

  @Test
  void endOfTheStreamClosesTheChannel() throws Exception {
    guest.close();
    assertThat(closed.get(5, TimeUnit.SECONDS)).hasMessageContaining("closed");
  }

  private void hello(int epoch) throws IOException {
    byte[] body = ("{\"epoch\":" + epoch + ",\"time_ns\":1}").getBytes(StandardCharsets.UTF_8);
    send(body.length + 5, 'H', 0, body);
  }

  private void send(int length, char type, int id, byte[] payload) throws IOException {
    ByteBuffer frame = ByteBuffer.allocate(9 + payload.length);
    frame.putInt(length).put((byte) type).putInt(id).put(payload).flip();
    while (frame.hasRemaining()) {
      guest.write(frame);
    }
  }

  @Override
  public void notice(Map<String, Object> notice) {}

  @Override
  public void stray(GuestStream stream, byte[] bytes) {}

  @Override
  public void closed(PodflareException cause) {
    closed.complete(cause);
  }
}
