package dev.podflare.tests;

import static dev.podflare.tests.GuestProbe.bash;
import static dev.podflare.tests.GuestProbe.python;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.client.ApiException;
import dev.podflare.client.FileChange;
import dev.podflare.client.FileEntry;
import dev.podflare.client.FilePage;
import dev.podflare.client.FileWriteOptions;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxFiles;
import dev.podflare.client.SandboxOptions;
import dev.podflare.client.WrittenFile;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.nio.charset.StandardCharsets;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.parallel.Isolated;

/** Files of real guests, over HTTP. */
@OnPlatform
@Isolated
@Order(48)
class FilesTest {
  private final TestPlatform platform;
  private Sandbox sandbox;
  private SandboxFiles files;

  FilesTest(TestPlatform platform) {
    this.platform = platform;
  }

  @BeforeEach
  void create() {
    sandbox = platform.createWarm();
    files = sandbox.files();
  }

  @AfterEach
  void delete() {
    sandbox.delete();
  }

  @Test
  void aLargeFileIsStreamedThereAndBackWhileCallsAnswer() throws Exception {
    long size = LongRun.wanted() ? 1L << 30 : 64L << 20;
    long heap = usedHeap();
    Noise noise = new Noise(size, 7, () -> {});
    CompletableFuture<WrittenFile> write =
        CompletableFuture.supplyAsync(
            () -> files.write("/root/big", () -> noise, FileWriteOptions.DEFAULTS));
    int beside = 0;
    while (!write.isDone()) {
      assertThat(python(sandbox, "print(1)")).isEqualTo("1");
      beside++;
    }
    WrittenFile written = write.get(10, TimeUnit.MINUTES);
    assertThat(beside).isPositive();
    assertThat(written.size()).isEqualTo(size);
    assertThat(written.sha256()).contains(noise.digest());
    assertThat(bash(sandbox, "sha256sum < /root/big")).startsWith(noise.digest());
    assertThat(digest(files.read("/root/big"))).isEqualTo(noise.digest());
    assertThat(usedHeap() - heap).isLessThan(48L << 20);
  }

  @Test
  void partsOfAFileAndUploadsThatGoOn() throws Exception {
    byte[] bytes = new byte[1_000_000];
    new Random(3).nextBytes(bytes);
    FileWriteOptions whole = FileWriteOptions.DEFAULTS;
    AtomicLong sent = new AtomicLong();
    assertThatThrownBy(() ->
            files.write(
                "/root/p/part",
                () -> tornOnceSomeIsThere(bytes),
                whole.withUpload("job-1", 0, true)))
        .isInstanceOf(ApiException.class);
    Awaitility.await()
        .atMost(TestPlatform.PATIENCE)
        .untilAsserted(() ->
            refused(
                "offset_mismatch",
                () -> {
                  try {
                    var ignored =
                        files.write(
                            "/root/p/part",
                            () -> new ByteArrayInputStream(new byte[1]),
                            whole.withUpload("job-1", 5_000_000, true));
                  } catch (ApiException e) {
                    sent.set(((Number) e.details().getOrDefault("offset", 0)).longValue());
                    assertThat(sent.get()).isPositive();
                    throw e;
                  }
                }));
    int at = (int) sent.get();
    WrittenFile written =
        files.write(
            "/root/p/part",
            () -> new ByteArrayInputStream(bytes, at, bytes.length - at),
            whole.withUpload("job-1", at, true));
    assertThat(written.sha256()).contains(sha256(bytes));
    try (InputStream part = files.read("/root/p/part", 999_990, 100)) {
      assertThat(part.readAllBytes())
          .isEqualTo(java.util.Arrays.copyOfRange(bytes, 999_990, 1_000_000));
    }
    assertThat(bash(sandbox, "ls -A /root/p")).isEqualTo("part");
  }

  @Test
  void oddNamesAndWhatIsNoFile() {
    for (String name :
        List.of("new\nline", "größe 日本語 🎉", "x".repeat(255), "-rf", "a\tb'\"\\", "%41", "?&=#")) {
      WrittenFile ignored = files.write("/root/odd/" + name, name.getBytes(StandardCharsets.UTF_8));
      assertThat(files.stat("/root/odd/" + name).name()).isEqualTo(name);
      assertThat(
              python(
                  sandbox,
                  "import os; print(os.listdir('/root/odd') == [bytes.fromhex('%s').decode()])"
                      .formatted(HexFormat.of().formatHex(name.getBytes(StandardCharsets.UTF_8)))))
          .isEqualTo("True");
      files.delete("/root/odd", true);
    }
    bash(
        sandbox,
        "mkdir /root/d; touch $'/root/d/\\xff\\xfe'; mkfifo /root/pipe; echo hi > /root/f; ln -s f /root/l");
    FileEntry odd = files.list("/root/d").getFirst();
    assertThat(odd.nameBytes()).contains("//4=");
    String query = "/v1/sandboxes/" + sandbox.id() + "/files";
    assertThat(platform.api.get(query + "?path_b64=L3Jvb3QvZC///g==").status()).isEqualTo(200);
    refused("file_not_found", () -> files.read("/root/nowhere").close());
    refused("is_a_directory", () -> files.read("/root").close());
    refused("not_a_file", () -> files.read("/root/pipe").close());
    refused("not_a_file", () -> files.read("/dev/zero").close());
    refused("not_a_directory", () -> files.list("/root/f"));
    refused("not_a_directory", () -> files.write("/root/f/x", new byte[1]));
    refused("is_a_directory", () -> files.write("/root", new byte[1]));
    refused("file_not_permitted", () -> files.write("/sys/x", new byte[1]));
    refused("directory_not_empty", () -> files.delete("/root/d", false));
    refused("file_exists", () -> files.move("/root/f", "/root/d", false));
    refused("file_name_too_long", () -> files.stat("/" + "x".repeat(256)));
    refused("file_not_found", () -> files.write("/proc/version", new byte[1]));
    assertThat(files.stat("/root/l").target()).contains("f");
    assertThat(new String(readAll("/root/l"), StandardCharsets.UTF_8)).isEqualTo("hi\n");
    assertThat(readAll("/proc/version")).isNotEmpty();
    assertThat(readAll("f")).isEqualTo("hi\n".getBytes(StandardCharsets.UTF_8));
  }

  @Test
  void aFullDiskIsSaidAndLeavesNothing() {
    bash(sandbox, "mkdir /root/small; mount -t tmpfs -o size=1m none /root/small");
    refused(
        "disk_full",
        () ->
            files.write(
                "/root/small/f", () -> new Noise(4 << 20, 1, () -> {}), FileWriteOptions.DEFAULTS));
    assertThat(bash(sandbox, "ls -A /root/small")).isEmpty();
  }

  @Test
  void aHundredThousandEntriesComeInPages() {
    bash(sandbox, "mount -t tmpfs -o nr_inodes=200k none /mnt");
    python(
        sandbox,
        "import os\nfor i in range(100_000): os.close(os.open(f'/mnt/{i:06}', os.O_CREAT))");
    List<String> names = new ArrayList<>();
    Optional<String> cursor = Optional.empty();
    do {
      FilePage page = files.page("/mnt", 1, 10_000, cursor);
      page.entries().forEach(entry -> names.add(entry.name()));
      cursor = page.nextCursor();
    } while (cursor.isPresent());
    assertThat(names).hasSize(100_000).isSorted().doesNotHaveDuplicates();
  }

  @Test
  void aTreeIsListedInItsDepth() {
    bash(sandbox, "mkdir -p t/a/b; touch t/a/b/c t/a/x t/b");
    assertThat(files.page("t", 3, 100, Optional.empty()).entries().stream().map(FileEntry::path))
        .containsExactly("t/a", "t/a/b", "t/a/b/c", "t/a/x", "t/b");
    FilePage first = files.page("t", 3, 3, Optional.empty());
    assertThat(files.page("t", 3, 3, first.nextCursor()).entries().stream().map(FileEntry::path))
        .containsExactly("t/a/x", "t/b");
  }

  @Test
  void foldersGoThereAndBackByArchive() throws Exception {
    bash(
        sandbox,
        "mkdir -p s/a; seq 100000 > s/a/many; ln -s many s/a/link; truncate -s 100M s/hole; chmod 700 s/a; mkfifo s/pipe");
    byte[] tar;
    try (InputStream in = files.archive("s")) {
      tar = in.readAllBytes();
    }
    assertThat(files.unpack("copy", () -> new ByteArrayInputStream(tar), false).entries())
        .isEqualTo(4);
    assertThat(
            bash(
                sandbox,
                "rm s/pipe; diff -r --no-dereference s copy && du -k copy/hole | cut -f1; stat -c %a copy/a"))
        .isEqualTo("0\n700");
  }

  @Test
  void archivesThatLeadOutWriteNothingThere() {
    bash(sandbox, "mkdir -p u/real; ln -s /etc u/etc");
    for (byte[] bad : BadArchives.all()) {
      refused("bad_archive", () -> files.unpack("u", () -> new ByteArrayInputStream(bad), false));
    }
    byte[] through = BadArchives.file("etc/pwned");
    refused("bad_archive", () -> files.unpack("u", () -> new ByteArrayInputStream(through), true));
    assertThat(bash(sandbox, "find / -xdev -name 'pwned*' -not -path '/root/u/*' | wc -l"))
        .isEqualTo("0");
    assertThat(python(sandbox, "print(1)")).isEqualTo("1");
  }

  @Test
  void aThousandBrokenArchivesAreRefusedWithACode() {
    Random random = new Random(11);
    byte[] good = BadArchives.file("fine");
    int refused = 0;
    for (int i = 0; i < (LongRun.wanted() ? 1000 : 100); i++) {
      byte[] bad = good.clone();
      for (int n = random.nextInt(1, 8); n > 0; n--) {
        bad[random.nextInt(bad.length)] = (byte) random.nextInt();
      }
      if (random.nextInt(3) == 0) {
        BadArchives.seal(bad);
      }
      try {
        var ignored =
            files.unpack(
                "/root/fuzz/in/a", () -> new ByteArrayInputStream(bad), random.nextBoolean());
      } catch (ApiException e) {
        assertThat(e.status()).as(e.sentence()).isBetween(400, 499);
        refused++;
      }
    }
    assertThat(refused).isPositive();
    assertThat(bash(sandbox, "ls -A /root/fuzz /root/fuzz/in | tr -s '\\n' ' '"))
        .isEqualTo("/root/fuzz: in /root/fuzz/in: a");
  }

  @Test
  void changesAreToldAsTheyHappen() {
    bash(sandbox, "mkdir w");
    List<String> seen = new ArrayList<>();
    files.watch(
        "w",
        true,
        change -> {
          if (change.type().equals("watching")) {
            bash(
                sandbox,
                "mkdir -p w/n/m; echo 1 > w/n/m/f; mv w/n/m/f w/g; rm w/g; rmdir w/n/m w/n; rmdir w");
          }
          seen.add(change.type() + " " + change.path());
          return true;
        });
    assertThat(seen)
        .startsWith("watching w")
        .contains("created w/n", "created w/n/m", "moved_to w/g", "deleted w/g", "deleted w/n")
        .endsWith("gone w");
  }

  @Test
  void aFloodOfChangesIsSaidToOverflow() {
    bash(sandbox, "mkdir w; echo 16 > /proc/sys/fs/inotify/max_queued_events");
    List<String> types = new ArrayList<>();
    files.watch(
        "w",
        false,
        (FileChange change) -> {
          if (change.type().equals("watching")) {
            python(
                sandbox,
                """
                import os
                for i in range(20_000):
                    os.close(os.open('/root/w/f', os.O_CREAT))
                    os.unlink('/root/w/f')
                """);
            bash(sandbox, "sleep 1; rmdir w"); // ends the watch in any case
          }
          types.add(change.type());
          return true;
        });
    assertThat(types).contains("overflow").endsWith("gone");
  }

  @Test
  void pausedAndFrozenSandboxesAreWokenOrSaySo() {
    WrittenFile ignored = files.write("f", new byte[] {'x'});
    sandbox.pause();
    refused("wrong_state", () -> readAll("f"));
    sandbox.resume();
    assertThat(readAll("f")).hasSize(1);
    try (Sandbox other =
        platform.client.create(SandboxOptions.builder().autoResume(true).build())) {
      WrittenFile written = other.files().write("f", new byte[] {'y'});
      other.pause();
      assertThat(other.files().stat("f").size()).isEqualTo(written.size());
      other.freeze();
      assertThat(other.files().stat("f").size()).isEqualTo(written.size());
      other.delete();
    }
  }

  @Test
  void aTransferGoesOnInTheParentOfAForkAndIsCutByAFreeze() throws Exception {
    CompletableFuture<Void> half = new CompletableFuture<>();
    CompletableFuture<Void> goOn = new CompletableFuture<>();
    Noise noise =
        new Noise(
            20 << 20,
            5,
            () -> {
              half.complete(null);
              goOn.join();
            });
    CompletableFuture<WrittenFile> write =
        CompletableFuture.supplyAsync(
            () -> files.write("/root/big", () -> noise, FileWriteOptions.DEFAULTS));
    half.get(1, TimeUnit.MINUTES);
    Sandbox child = sandbox.fork(1).getFirst();
    goOn.complete(null);
    assertThat(write.get(2, TimeUnit.MINUTES).sha256()).contains(noise.digest());
    assertThat(bash(sandbox, "sha256sum < big")).startsWith(noise.digest());
    SandboxFiles its = child.files();
    Awaitility.await()
        .atMost(TestPlatform.PATIENCE)
        .until(() -> bash(child, "ls -A /root | grep -c podflare- || true").equals("0"));
    WrittenFile ignored = its.write("/root/own", new byte[100_000]);
    assertThat(its.stat("/root/own").size()).isEqualTo(100_000);
    child.delete();

    CompletableFuture<Void> again = new CompletableFuture<>();
    CompletableFuture<Void> end = new CompletableFuture<>();
    Noise cut =
        new Noise(
            20 << 20,
            5,
            () -> {
              again.complete(null);
              end.join();
            });
    CompletableFuture<WrittenFile> second =
        CompletableFuture.supplyAsync(
            () -> files.write("/root/cut", () -> cut, FileWriteOptions.DEFAULTS));
    again.get(1, TimeUnit.MINUTES);
    sandbox.freeze();
    end.complete(null);
    assertThatThrownBy(() -> second.get(2, TimeUnit.MINUTES))
        .cause()
        .isInstanceOfSatisfying(
            ApiException.class, e -> assertThat(e.code()).isEqualTo("transfer_cut"));
    sandbox.resume();
    Awaitility.await()
        .atMost(TestPlatform.PATIENCE)
        .until(() -> bash(sandbox, "ls -A /root | grep -c podflare- || true").equals("0"));
  }

  @Test
  void aKilledWorkerEndsTransfersAndIsThereAgain() {
    CompletableFuture<Void> half = new CompletableFuture<>();
    Noise noise =
        new Noise(
            20 << 20,
            5,
            () -> {
              String ignored = bash(sandbox, "pkill -9 -f podflare_guest.file[s]");
              half.complete(null);
            });
    refused("transfer_cut", () -> files.write("/root/big", () -> noise, FileWriteOptions.DEFAULTS));
    assertThat(half).isCompleted();
    WrittenFile ignored = files.write("f", new byte[10]);
    assertThat(files.stat("f").size()).isEqualTo(10);
  }

  private byte[] readAll(String path) {
    try (InputStream in = files.read(path)) {
      return in.readAllBytes();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static long usedHeap() {
    System.gc();
    return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
  }

  static void refused(String code, Executable call) {
    assertThatThrownBy(call::execute)
        .isInstanceOfSatisfying(ApiException.class, e -> assertThat(e.code()).isEqualTo(code));
  }

  private static String digest(InputStream stream) throws Exception {
    try (DigestInputStream in =
        new DigestInputStream(stream, MessageDigest.getInstance("SHA-256"))) {
      byte[] block = new byte[1 << 16];
      while (in.read(block) >= 0) {}
      return HexFormat.of().formatHex(in.getMessageDigest().digest());
    }
  }

  private static String sha256(byte[] bytes) throws Exception {
    return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
  }

  /** A connection that breaks earlier may take all that was sent along. */
  private InputStream tornOnceSomeIsThere(byte[] bytes) {
    return new SequenceInputStream(
        new ByteArrayInputStream(bytes, 0, 600_000),
        new InputStream() {
          @Override
          public int read() throws IOException {
            Awaitility.await()
                .atMost(TestPlatform.PATIENCE)
                .until(() -> !bash(sandbox, "find /root/p -size +0 -type f").isEmpty());
            throw new IOException("torn");
          }

          @Override
          public int read(byte[] target, int offset, int length) throws IOException {
            return read();
          }
        });
  }
}
