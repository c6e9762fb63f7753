package dev.podflare.guest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** The real files worker, beside the real agent, as processes of this host. */
class FileOperationTest {
  @TempDir private Path folder;
  private HostAgent agent;

  @BeforeEach
  void start() {
    agent = new HostAgent(folder);
  }

  @AfterEach
  void stop() {
    agent.close();
  }

  @Test
  void whatIsWrittenIsReadAgain() throws IOException {
    byte[] bytes = new byte[3 << 20];
    new Random(1).nextBytes(bytes);
    Path path = folder.resolve("deep/er/file");

    JsonNode end = write(path, bytes, Map.of("mode", 0600));

    assertThat(end.path("size").asLong()).isEqualTo(bytes.length);
    assertThat(Files.readAllBytes(path)).isEqualTo(bytes);
    assertThat(read(path, Map.of())).isEqualTo(bytes);
    assertThat(read(path, Map.of("first", 1000, "last", 70_999)))
        .isEqualTo(java.util.Arrays.copyOfRange(bytes, 1000, 71_000));
    assertThat(names(folder.resolve("deep/er"))).containsExactly("file");
  }

  @Test
  void holesStayHoles() throws IOException {
    Path path = folder.resolve("sparse");
    byte[] bytes = new byte[8 << 20];
    bytes[5 << 20] = 1;

    JsonNode ignored = write(path, bytes, Map.of());

    assertThat(read(path, Map.of())).isEqualTo(bytes);
    long blocks = blocks(path);
    assertThat(blocks).isLessThan(1 << 20);
  }

  @Test
  void aCancelledUploadLeavesNothing() throws Exception {
    Path path = folder.resolve("half");
    try (FileOperation operation = begin("write", path, Map.of())) {
      JsonNode ignored = operation.head();
      operation.write(new byte[100_000], 0, 100_000);
    }
    eventually(() -> names(folder).noneMatch(name -> name.contains("part")));
    assertThat(path).doesNotExist();
    assertThat(agent.bash("echo there").stdout()).contains("there");
  }

  @Test
  void anUploadGoesOnWhereItBrokeOff() throws IOException {
    Path path = folder.resolve("resumed");
    Map<String, Object> first = Map.of("upload", "u1", "partial", true);
    assertThat(write(path, "hello ".getBytes(StandardCharsets.UTF_8), first).path("size").asLong())
        .isEqualTo(6);
    assertThat(path).doesNotExist();
    assertThatThrownBy(() -> write(path, new byte[1], Map.of("upload", "u1", "offset", 4)))
        .isInstanceOfSatisfying(
            PodflareException.class,
            e -> {
              assertThat(e.code()).isEqualTo(ErrorCode.OFFSET_MISMATCH);
              assertThat(e.details()).containsEntry("offset", 6L);
            });

    JsonNode end =
        write(path, "world".getBytes(StandardCharsets.UTF_8), Map.of("upload", "u1", "offset", 6));

    assertThat(path).hasContent("hello world");
    assertThat(end.path("sha256").asString(""))
        .isEqualTo("b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9");
  }

  @Test
  void whatIsNoFileIsRefused() throws Exception {
    assertThat(agent.bash("mkfifo " + folder + "/pipe; ln -s loop " + folder + "/loop").code())
        .isZero();
    refused(ErrorCode.FILE_NOT_FOUND, () -> read(folder.resolve("nowhere"), Map.of()));
    refused(ErrorCode.IS_A_DIRECTORY, () -> read(folder, Map.of()));
    refused(ErrorCode.NOT_A_FILE, () -> read(folder.resolve("pipe"), Map.of()));
    refused(ErrorCode.NOT_A_FILE, () -> read(Path.of("/dev/zero"), Map.of()));
    refused(ErrorCode.FILE_FAILED, () -> read(folder.resolve("loop"), Map.of()));
    refused(ErrorCode.IS_A_DIRECTORY, () -> write(folder, new byte[0], Map.of()));
    refused(ErrorCode.NOT_A_FILE, () -> write(folder.resolve("pipe"), new byte[0], Map.of()));
    assertThat(read(Path.of("/proc/version"), Map.of())).isNotEmpty();
  }

  @Test
  void aWorkerThatIsKilledIsThereAgain() throws Exception {
    Path path = folder.resolve("file");
    try (FileOperation operation = begin("write", path, Map.of())) {
      JsonNode ignored = operation.head();
      assertThat(agent.bash("pkill -9 -P " + agent.pid() + " -f podflare_guest.files").code())
          .isZero();
      refused(ErrorCode.TRANSFER_CUT, operation::end);
    }
    assertThat(write(path, new byte[10], Map.of()).path("size").asLong()).isEqualTo(10);
  }

  @Test
  void aTreeGoesThroughTar() throws Exception {
    Path source = folder.resolve("source");
    assertThat(
            agent
                .bash(
                    "mkdir -p %s/a/b; cd %s; echo one > a/one; seq 100000 > a/b/many; ln -s one a/link;"
                            .formatted(source, source)
                        + " touch $'odd\\nname' $'\\xff\\xfe' $(printf 'n%.0s' $(seq 255));"
                        + " chmod 750 a/b; truncate -s 3M sparse; mkfifo pipe; touch -d @77 a/one")
                .code())
        .isZero();
    ByteArrayOutputStream tar = new ByteArrayOutputStream();
    try (FileOperation operation = begin("pack", source, Map.of())) {
      JsonNode ignored = operation.head();
      TarWriter.copy(operation, tar);
    }
    Path target = folder.resolve("target");
    Files.write(folder.resolve("t.tar"), tar.toByteArray());

    JsonNode end = unpack(target, tar.toByteArray());

    assertThat(end.path("entries").asLong()).isEqualTo(9);
    assertThat(
            agent
                .bash(
                    "rm %s/pipe; diff -r --no-dereference %s %s".formatted(source, source, target))
                .code())
        .isZero();
    assertThat(
            agent
                .bash(
                    "mkdir %s/x; tar -C %s/x -xf %s/t.tar; diff -r --no-dereference %s %s/x"
                        .formatted(folder, folder, folder, source, folder))
                .code())
        .isZero();
    assertThat(Files.getLastModifiedTime(target.resolve("a/one")).toMillis()).isEqualTo(77_000);
    assertThat(agent.bash("stat -c %%a %s/a/b".formatted(target)).stdout()).contains("750");
  }

  @Test
  void aWatchTellsWhatHappensBelow() throws Exception {
    try (FileOperation watch = begin("watch", folder, Map.of("recursive", true))) {
      JsonNode ignored = watch.head();
      assertThat(agent.bash("mkdir -p %s/n/m; echo 1 > %s/n/m/f".formatted(folder, folder)).code())
          .isZero();
      StringBuilder heard = new StringBuilder();
      eventually(() -> {
        Optional<FileOperation.Piece> piece = watch.read(Duration.ofSeconds(1));
        piece.ifPresent(it -> heard.append(new String(it.bytes(), StandardCharsets.UTF_8)));
        return heard.indexOf("\"n/m/f\"") >= 0;
      });
      assertThat(heard.toString()).contains("[\"created\", \"n\", true");
    }
    assertThat(agent.bash("echo there").stdout()).contains("there");
  }

  private interface Check {
    boolean holds() throws Exception;
  }

  private static void eventually(Check check) throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (!check.holds()) {
      assertThat(System.nanoTime()).isLessThan(deadline);
      Thread.sleep(20);
    }
  }

  private static void refused(
      ErrorCode code, org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(PodflareException.class, e -> assertThat(e.code()).isEqualTo(code));
  }

  private static long blocks(Path path) throws IOException {
    Process du = new ProcessBuilder("du", "-B1", path.toString()).start();
    String text = new String(du.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return Long.parseLong(text.split("\\s", -1)[0]);
  }

  private static Stream<String> names(Path path) {
    try (Stream<Path> entries = Files.list(path)) {
      return entries.map(it -> it.getFileName().toString()).toList().stream();
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private FileOperation begin(String name, Path path, Map<String, Object> more) {
    Map<String, Object> request = new HashMap<>(more);
    request.put("op", name);
    request.put("path", path.toString());
    return agent.channel().files(request);
  }

  private JsonNode write(Path path, byte[] bytes, Map<String, Object> more) {
    try (FileOperation operation = begin("write", path, more)) {
      JsonNode ignored = operation.head();
      operation.write(bytes, 0, bytes.length);
      operation.writeEnd();
      return operation.end();
    }
  }

  private JsonNode unpack(Path path, byte[] tar) throws IOException {
    try (FileOperation operation = begin("unpack", path, Map.of())) {
      JsonNode ignored = operation.head();
      TarReader.copy(new ByteArrayInputStream(tar), operation, false);
      return operation.end();
    }
  }

  private byte[] read(Path path, Map<String, Object> more) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    try (FileOperation operation = begin("read", path, more)) {
      JsonNode ignored = operation.head();
      for (var piece = operation.read(); piece.isPresent(); piece = operation.read()) {
        all.writeBytes(piece.get().bytes());
        all.writeBytes(new byte[(int) piece.get().zeros()]);
      }
    }
    return all.toByteArray();
  }
}
