package dev.podflare.tests;

import static dev.podflare.tests.GuestProbe.assertUsable;
import static dev.podflare.tests.GuestProbe.bash;
import static dev.podflare.tests.GuestProbe.python;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.client.ApiException;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxOptions;
import dev.podflare.client.SnapshotOptions;
import dev.podflare.client.SpaceInfo;
import dev.podflare.common.DataSize;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A store that is full, damaged or stopped in the middle, and daemons that end. */
@OnPlatform
@Order(57)
class SpaceFaultTest {
  private static final String SUM = "sha256sum < /root/large";

  @TempDir Path data;

  private static Sandbox persistent(TestPlatform platform) {
    return platform.client.create(SandboxOptions.builder().persistent(true).build());
  }

  private static void refused(Runnable call, String... codes) {
    assertThatThrownBy(call::run)
        .isInstanceOfSatisfying(
            ApiException.class, e -> assertThat(e.code()).isIn((Object[]) codes));
  }

  @Test
  void aFullStoreLeavesTheSandboxRunningUntilThereIsRoomAgain() throws Exception {
    Path store = Files.createDirectories(data.resolve("store"));
    SmallDisk.mount(store, "512k");
    try (TestPlatform platform = TestPlatform.start(data, config -> config)) {
      Sandbox sandbox =
          platform.client.create(
              SandboxOptions.builder().persistent(true).idleTimeout(Duration.ofSeconds(2)).build());
      python(sandbox, "import os; x = os.urandom(3 << 20)");
      String digest = python(sandbox, "import hashlib; print(hashlib.sha256(x).hexdigest())");
      refused(sandbox::freeze, "store_full");
      refused(sandbox::snapshot, "store_full");
      assertThat(sandbox.info().state()).isEqualTo("ready");
      assertThat(python(sandbox, "print(hashlib.sha256(x).hexdigest())")).isEqualTo(digest);
      Thread.sleep(3000); // it is idle for too long, and still lives
      assertUsable(sandbox);
      assertUsable(platform.create());

      SmallDisk.resize(store, "64m");

      sandbox.freeze();
      assertThat(python(sandbox, "print(hashlib.sha256(x).hexdigest())")).isEqualTo(digest);
    } finally {
      SmallDisk.unmount(store);
    }
    assertThat(HostState.leftovers(data)).isEmpty();
  }

  /**
   * Store, records, and the guests' own disks are on the disk that is full. Which step meets that
   * is a matter of how much there is.
   */
  @Test
  void aDiskThatIsFullAtAnyStepOfAFreezeCostsNothing() throws Exception {
    SmallDisk.mount(data, "96m");
    try (TestPlatform platform =
        TestPlatform.start(data, config -> TestPlatform.withFullDisk(config))) {
      Sandbox sandbox = persistent(platform);
      python(sandbox, "import os, hashlib; x = os.urandom(3 << 20)");
      String digest = python(sandbox, "print(hashlib.sha256(x).hexdigest())");
      platform.awaitPool(TestPlatform.POOL); // nobody else writes
      Path ballast = data.resolve("ballast");
      int refused = 0;
      for (int leftKib = 0; refused >= 0; leftKib = Math.max(16, leftKib * 2)) {
        SmallDisk.fill(ballast, leftKib);
        try {
          SpaceInfo ignored = sandbox.freeze();
          assertThat(leftKib).as("it needed so much").isGreaterThan(2048);
          break;
        } catch (ApiException full) {
          assertThat(full.code()).isIn("store_full", "host_full", "records_unavailable");
          refused++;
        }
        assertThat(sandbox.info().state()).isEqualTo("ready");
        Files.delete(ballast); // or a guest that writes meanwhile would wait for ever
        assertThat(python(sandbox, "print(hashlib.sha256(x).hexdigest())")).isEqualTo(digest);
      }
      assertThat(refused).isBetween(3, 20);
      Files.deleteIfExists(ballast);
      assertThat(python(sandbox, "print(hashlib.sha256(x).hexdigest())")).isEqualTo(digest);
    } finally {
      SmallDisk.unmount(data);
    }
    assertThat(HostState.leftovers(data)).isEmpty();
  }

  /** What it writes is neither lost nor refused, and others go on. */
  @Test
  void aGuestThatWritesToAFullDiskStandsStillUntilThereIsRoom() throws Exception {
    SmallDisk.mount(data, "96m");
    try (TestPlatform platform =
        TestPlatform.start(data, config -> TestPlatform.withFullDisk(config))) {
      Sandbox writer = platform.create();
      Sandbox other = platform.create();
      platform.awaitPool(TestPlatform.POOL);
      Path ballast = data.resolve("ballast");
      SmallDisk.fill(ballast, 64);
      CompletableFuture<String> sum =
          CompletableFuture.supplyAsync(
              () -> bash(writer, "head -c 4M /dev/urandom > /root/large; sync; " + SUM));
      Awaitility.await()
          .atMost(TestPlatform.PATIENCE)
          .untilAsserted(() ->
              assertThatThrownBy(platform.machine(writer)::requireRoom)
                  .hasMessageContaining("full"));
      refused(writer::pause, "host_full");
      assertThat(python(other, "print(6 * 7)")).isEqualTo("42");
      assertThat(sum).isNotDone();
      Files.delete(ballast);
      String written = sum.orTimeout(2, TimeUnit.MINUTES).join();
      assertThat(bash(writer, "echo 3 > /proc/sys/vm/drop_caches; " + SUM)).isEqualTo(written);
      // It is watched for a moment longer: a write that finds no room may follow.
      Awaitility.await()
          .untilAsserted(() ->
              assertThatCode(platform.machine(writer)::requireRoom).doesNotThrowAnyException());
      writer.pause();
      writer.resume();
      assertUsable(writer);
    } finally {
      SmallDisk.unmount(data);
    }
    assertThat(HostState.leftovers(data)).isEmpty();
  }

  @Test
  void aDamagedCheckpointIsToldAndOthersAreNotHarmed() throws Exception {
    try (TestPlatform platform = TestPlatform.start(data, config -> config)) {
      Sandbox good = persistent(platform);
      python(good, "x = 1");
      good.freeze();
      List<Path> before = chunks();
      Sandbox bad = persistent(platform);
      python(bad, "import os; x = os.urandom(1 << 20)");
      SpaceInfo space = bad.freeze();
      List<Path> own = chunks().stream().filter(chunk -> !before.contains(chunk)).toList();
      assertThat(own).isNotEmpty();
      Path victim = own.get(own.size() / 2);
      byte[] bytes = Files.readAllBytes(victim);
      byte[] damaged = bytes.clone();
      damaged[damaged.length / 2] ^= 1;
      write(victim, damaged);
      refused(() -> bad.runCode("print(1)"), "checkpoint_corrupt");
      refused(() -> platform.client.spaces().resume(space.id()), "checkpoint_corrupt");
      assertThat(bad.info().state()).isEqualTo("frozen");
      assertThat(python(good, "print(x)")).isEqualTo("1");
      write(victim, bytes);
      assertThat(python(bad, "print(len(x))")).isEqualTo("1048576");
    }
    assertThat(HostState.leftovers(data)).isEmpty();
  }

  private static void write(Path file, byte[] bytes) throws IOException {
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
    Files.write(file, bytes);
  }

  private List<Path> chunks() throws IOException {
    try (Stream<Path> files = Files.walk(data.resolve("store").resolve("chunks"))) {
      return files.filter(Files::isRegularFile).sorted().toList();
    }
  }

  @Test
  void aStopOfTheDaemonFreezesWhatIsToLast() throws Exception {
    String id;
    String other;
    try (TestPlatform platform = TestPlatform.start(data, config -> config)) {
      Sandbox sandbox = persistent(platform);
      python(sandbox, "x = 5");
      id = sandbox.id();
      other = platform.create().id();
      platform.client.sandbox(other).snapshot(SnapshotOptions.named("kept"));
    }
    try (TestPlatform platform = TestPlatform.start(data, config -> config)) {
      assertThat(platform.client.sandbox(id).info().state()).isEqualTo("frozen");
      assertThat(python(platform.client.sandbox(id), "print(x)")).isEqualTo("5");
      assertThat(TestPlatform.goneReason(platform.client.sandbox(other))).contains("host_shutdown");
      SandboxOptions kept = SandboxOptions.builder().snapshot("kept").build();
      assertUsable(platform.client.create(kept));
    }
  }

  @Test
  void aHostThatWasRebootedTakesPersistentSandboxesBackToTheirLastCheckpoint() throws Exception {
    String id;
    String never;
    try (DaemonProcess daemon = DaemonProcess.start(data)) {
      Sandbox sandbox = daemon.client().create(SandboxOptions.builder().persistent(true).build());
      id = sandbox.id();
      python(sandbox, "x = 'frozen once'");
      bash(sandbox, "echo one > /root/file; sync");
      sandbox.freeze();
      python(sandbox, "x = 'and went on'");
      bash(sandbox, "echo two > /root/file; sync");
      never = daemon.client().create().id();
      daemon.killWithMachines();
    }
    try (DaemonProcess daemon = DaemonProcess.start(data)) {
      Sandbox sandbox = daemon.client().sandbox(id);
      assertThat(sandbox.info().state()).isEqualTo("frozen");
      assertThat(python(sandbox, "print(x)")).isEqualTo("frozen once");
      assertThat(bash(sandbox, "cat /root/file")).isEqualTo("one");
      Awaitility.await()
          .atMost(TestPlatform.PATIENCE)
          .until(() -> TestPlatform.goneReason(daemon.client().sandbox(never)).isPresent());
      daemon.terminate();
    }
    assertThat(HostState.leftovers(data)).isEmpty();
  }

  @Test
  void whenMemoryIsShortAPausedOneGoesToTheStoreAndComesBack() throws Exception {
    // Half of what there is now must stay, so that less than twice as much is left.
    DataSize reserve = new DataSize(available() * 6 / 10);
    try (TestPlatform platform =
        TestPlatform.start(data, config -> TestPlatform.withReserve(config, reserve))) {
      Sandbox paused = platform.create();
      Sandbox running = platform.create();
      python(paused, "x = 4");
      paused.pause();
      Awaitility.await()
          .atMost(TestPlatform.PATIENCE)
          .until(() -> paused.info().state().equals("frozen"));
      assertThat(running.info().state()).isEqualTo("ready");
      paused.resume();
      assertThat(python(paused, "print(x)")).isEqualTo("4");
    }
  }

  private static long available() throws IOException {
    try (Stream<String> lines = Files.lines(Path.of("/proc/meminfo"))) {
      String line = lines.filter(it -> it.startsWith("MemAvailable:")).findFirst().orElseThrow();
      return Long.parseLong(line.replaceAll("[^0-9]", "")) << 10;
    }
  }

  @Test
  void aCrashedGuestTakesAPersistentSandboxBackToItsLastCheckpoint() throws Exception {
    try (TestPlatform platform = TestPlatform.start(data, config -> config)) {
      Sandbox kept = persistent(platform);
      Sandbox other = platform.create();
      python(kept, "x = 'frozen'");
      kept.freeze();
      python(kept, "x = 'lost'");
      for (Sandbox one : List.of(kept, other)) {
        ProcessHandle.of(platform.machine(one).pid()).orElseThrow().destroyForcibly();
      }
      Awaitility.await()
          .atMost(TestPlatform.PATIENCE)
          .until(() -> kept.info().state().equals("frozen"));
      assertThat(python(kept, "print(x)")).isEqualTo("frozen");
      Awaitility.await()
          .atMost(TestPlatform.PATIENCE)
          .until(() -> TestPlatform.goneReason(other).isPresent());
      assertThat(TestPlatform.goneReason(other)).contains("guest_crashed");
    }
  }
}
