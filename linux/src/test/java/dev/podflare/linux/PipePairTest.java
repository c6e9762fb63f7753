package dev.podflare.linux;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousCloseException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Against a process that keeps both pipes open and sends back what it gets. */
class PipePairTest {
  @TempDir Path folder;
  private Path to;
  private Path from;
  private Path log;
  private Process echo;

  @BeforeEach
  void start() throws Exception {
    to = folder.resolve("to");
    from = folder.resolve("from");
    log = folder.resolve("stream");
    PipePair.create(to);
    PipePair.create(from);
    echo =
        new ProcessBuilder("sh", "-c", "exec 3<> to 4<> from; echo >&4; exec cat <&3 >&4")
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("words").toFile())
            .start();
    try (var opened = Files.newInputStream(from)) {
      assertThat(opened.read()).isEqualTo('\n');
    }
  }

  @AfterEach
  void stop() {
    echo.destroyForcibly();
  }

  @Test
  void carriesMuchMoreThanFitsInBothDirections() throws Exception {
    byte[] sent = new byte[5 << 20];
    new Random(1).nextBytes(sent);
    try (PipePair pipes = connect()) {
      CompletableFuture<byte[]> received = onThread(() -> read(pipes, sent.length));
      ByteBuffer bytes = ByteBuffer.wrap(sent);
      while (bytes.hasRemaining()) {
        pipes.write(bytes);
      }
      assertThat(received.get(60, TimeUnit.SECONDS)).isEqualTo(sent);
    }
  }

  @Test
  void whatIsInThePipesOutlivesThisEnd() throws Exception {
    try (PipePair first = connect()) {
      first.write(text("abcdef"));
      assertThat(new String(read(first, 3), US_ASCII)).isEqualTo("abc");
    }
    try (PipePair second = connect()) {
      assertThat(new String(read(second, 6), US_ASCII)).isEqualTo("abcdef");
      second.write(text("more"));
      assertThat(new String(read(second, 4), US_ASCII)).isEqualTo("more");
    }
  }

  @Test
  void aLaterEndBeginsWhereItWants() throws Exception {
    byte[] sent = new byte[300_000];
    new Random(2).nextBytes(sent);
    try (PipePair first = connect()) {
      CompletableFuture<byte[]> received = onThread(() -> read(first, 200_000));
      ByteBuffer bytes = ByteBuffer.wrap(sent);
      while (bytes.hasRemaining()) {
        first.write(bytes);
      }
      assertThat(received.get(60, TimeUnit.SECONDS)).isEqualTo(Arrays.copyOf(sent, 200_000));
    }
    PipePair.forget(log, 150_000);
    try (PipePair second = PipePair.connect(from, to, log, 150_000)) {
      assertThat(read(second, 150_000)).isEqualTo(Arrays.copyOfRange(sent, 150_000, 300_000));
    }
    assertThatThrownBy(() -> PipePair.connect(from, to, log, 300_001))
        .isInstanceOf(PodflareException.class);
  }

  @Test
  void aReaderIsToldOfTheEnd() throws Exception {
    try (PipePair pipes = connect()) {
      CompletableFuture<Integer> end = onThread(() -> pipes.read(ByteBuffer.allocate(10)));
      echo.destroyForcibly().waitFor();
      assertThat(end.get(60, TimeUnit.SECONDS)).isEqualTo(-1);
      assertThatThrownBy(() -> pipes.write(ByteBuffer.allocateDirect(10)))
          .isInstanceOf(IOException.class);
    }
  }

  @Test
  void aReaderIsToldOfAClose() {
    PipePair closed = connect();
    CompletableFuture<Integer> waiting = onThread(() -> closed.read(ByteBuffer.allocate(10)));
    closed.close();
    assertThatThrownBy(() -> waiting.get(60, TimeUnit.SECONDS))
        .isInstanceOf(ExecutionException.class)
        .hasCauseInstanceOf(AsynchronousCloseException.class);
  }

  @Test
  void manyMayCloseItAtOnce() throws Exception {
    for (int round = 0; round < 200; round++) {
      PipePair pipes = connect();
      List<CompletableFuture<Boolean>> closers = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        closers.add(
            onThread(() -> {
              pipes.close();
              return true;
            }));
      }
      for (CompletableFuture<Boolean> closer : closers) {
        assertThat(closer.get(60, TimeUnit.SECONDS)).isTrue();
      }
    }
  }

  @Test
  void anythingElseInTheirPlaceIsRefused() throws Exception {
    Path file = Files.createFile(folder.resolve("file"));
    Path link = Files.createSymbolicLink(folder.resolve("link"), from);
    for (Path wrong : Arrays.asList(file, link, folder.resolve("missing"))) {
      assertThatThrownBy(() -> PipePair.connect(wrong, to, log, 0))
          .isInstanceOf(PodflareException.class);
    }
    echo.destroyForcibly().waitFor();
    assertThatThrownBy(() -> connect())
        .as("nobody at the other end")
        .isInstanceOf(PodflareException.class);
  }

  private PipePair connect() {
    return PipePair.connect(from, to, log, 0);
  }

  private static ByteBuffer text(String text) {
    return ByteBuffer.wrap(text.getBytes(US_ASCII));
  }

  private static byte[] read(PipePair pipes, int count) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(count);
    while (bytes.hasRemaining()) {
      assertThat(pipes.read(bytes)).isPositive();
    }
    return bytes.array();
  }

  private interface Body<T> {
    T run() throws Exception;
  }

  private static <T> CompletableFuture<T> onThread(Body<T> body) {
    CompletableFuture<T> result = new CompletableFuture<>();
    Thread.ofVirtual()
        .start(() -> {
          try {
            result.complete(body.run());
          } catch (Exception e) {
            result.completeExceptionally(e);
          }
        });
    return result;
  }
}
