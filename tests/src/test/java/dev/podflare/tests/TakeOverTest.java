package dev.podflare.tests;

import static dev.podflare.tests.GuestProbe.COUNT;
import static dev.podflare.tests.GuestProbe.assertUsable;
import static dev.podflare.tests.GuestProbe.bash;
import static dev.podflare.tests.GuestProbe.python;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.client.ApiException;
import dev.podflare.client.ExecutionInfo;
import dev.podflare.client.Language;
import dev.podflare.client.NetworkPolicy;
import dev.podflare.client.Podflare;
import dev.podflare.client.RunListener;
import dev.podflare.client.RunRequest;
import dev.podflare.client.RunResult;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxOptions;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code kill -9} of the daemon, and the next one goes on with its sandboxes as if nothing was. */
@OnPlatform
@Order(88)
class TakeOverTest {
  @TempDir Path data;

  @Test
  void aSandboxIsWhatItWas() throws Exception {
    String id;
    try (DaemonProcess first = DaemonProcess.start(data);
        Podflare client = first.client()) {
      Sandbox sandbox = client.create(SandboxOptions.builder().metadata(Map.of("a", "b")).build());
      id = sandbox.id();
      python(
          sandbox,
          """
          import threading, time
          x, beats = 7, 0
          def beat():
              global beats
              while True:
                  beats += 1
                  time.sleep(0.01)
          threading.Thread(target=beat, daemon=True).start()
          f = open('/root/f', 'w'); f.write('buffered')
          """);
      sandbox.setNetwork(NetworkPolicy.shut());
      for (int call = 0; call < 600; call++) { // what was said of them is forgotten, in time
        python(sandbox, "x");
      }
      first.kill();
      try (Stream<Path> files = Files.list(HostState.runFolder(data))) {
        Path calls =
            files.filter(file -> file.toString().endsWith(".calls")).findAny().orElseThrow();
        assertThat(Files.size(calls)).isBetween(1L, 200_000L);
      }
    }
    try (DaemonProcess next = DaemonProcess.start(data);
        Podflare client = next.client()) {
      Sandbox sandbox = live(next, client, id, "ready");
      assertThat(sandbox.info().metadata()).containsEntry("a", "b");
      assertThat(python(sandbox, "f.flush(); print(x, beats > 0, open('/root/f').read())"))
          .isEqualTo("7 True buffered");
      String before = python(sandbox, "print(beats)");
      assertThat(python(sandbox, "time.sleep(0.1); print(beats > " + before + ")"))
          .isEqualTo("True");
      assertThat(sandbox.network().fallback()).isEqualTo("deny");
      assertUsable(sandbox);
      Sandbox child = sandbox.fork(1).getFirst();
      assertThat(python(child, "print(x)")).isEqualTo("7");
      sandbox.mergeInto(child);
      assertThat(python(sandbox, "print(x)")).isEqualTo("7");
      sandbox.freeze();
      sandbox.resume();
      assertThat(python(sandbox, "print(x)")).isEqualTo("7");
      sandbox.delete();
      next.awaitPool(client);
      assertThat(next.terminate()).isEqualTo(143);
    }
    assertThat(HostState.leftovers(data)).isEmpty();
  }

  @Test
  void callsGoOnAndAreJoinedWithoutGapOrRepeat() throws Exception {
    String id;
    String python;
    String waiting;
    String bash;
    List<String> seen = new CopyOnWriteArrayList<>();
    try (DaemonProcess first = DaemonProcess.start(data);
        Podflare client = first.client()) {
      Sandbox sandbox = client.create();
      id = sandbox.id();
      python = sandbox.start(RunRequest.of(COUNT, Language.PYTHON));
      waiting = sandbox.start(RunRequest.of("print('waited', i > 0)", Language.PYTHON));
      bash =
          sandbox.start(
              RunRequest.of("for n in $(seq 300000); do echo $n; done; sleep 1", Language.BASH));
      Thread joined = Thread.ofVirtual().start(() -> join(sandbox, python, seen));
      Awaitility.await().atMost(TestPlatform.PATIENCE).until(() -> seen.size() > 20);
      first.kill();
      joined.join();
    }
    try (DaemonProcess next = DaemonProcess.start(data);
        Podflare client = next.client()) {
      Sandbox sandbox = live(next, client, id, "ready");
      assertThat(sandbox.execs())
          .as(next.log())
          .extracting(ExecutionInfo::id)
          .contains(python, waiting, bash);
      assertThat(sandbox.execution(python).state()).isEqualTo("running");
      assertThat(bash(sandbox, "touch /root/stop; echo beside")).isEqualTo("beside");
      RunResult whole = sandbox.join(python, 0, new RunListener() {});
      assertThat(whole.reason()).isEqualTo("exited");
      List<String> lines = whole.stdout().lines().toList();
      assertThat(lines)
          .hasSizeGreaterThan(seen.size())
          .isEqualTo(IntStream.range(0, lines.size()).mapToObj(Integer::toString).toList());
      assertThat(sandbox.join(waiting, 0, new RunListener() {}).stdout().strip())
          .isEqualTo("waited True");
      List<String> much = new CopyOnWriteArrayList<>();
      assertThat(sandbox.join(bash, 0, keeping(much)).reason()).isEqualTo("exited");
      List<Integer> numbers = String.join("", much).lines().map(Integer::valueOf).toList();
      assertThat(numbers.getLast()).isEqualTo(300_000);
      int from = numbers.getFirst();
      assertThat(numbers).isEqualTo(IntStream.rangeClosed(from, 300_000).boxed().toList());
      assertUsable(sandbox);
      sandbox.delete();
    }
    assertThat(HostState.leftovers(data)).isEmpty();
  }

  @Test
  void whatHasEndedOrWasCancelledStaysSo() throws Exception {
    String id;
    String ended;
    String cancelled;
    String paused;
    String fed;
    try (DaemonProcess first = DaemonProcess.start(data);
        Podflare client = first.client()) {
      Sandbox sandbox = client.create();
      id = sandbox.id();
      RunRequest quick = RunRequest.of("print('quick')", Language.PYTHON);
      ended = sandbox.start(quick.withTimeout(Duration.ofSeconds(3)));
      assertThat(sandbox.join(ended, 0, new RunListener() {}).exitCode()).isZero();
      String busy = sandbox.start(RunRequest.of(COUNT, Language.PYTHON));
      cancelled = sandbox.start(RunRequest.of("open('/root/cancelled', 'w')", Language.PYTHON));
      sandbox.cancel(cancelled);
      Sandbox still = client.create();
      paused = still.id();
      fed =
          still.start(
              RunRequest.of("read a; sleep 1; cat; echo $a", Language.BASH)
                  .withTimeout(Duration.ofSeconds(8))
                  .withStdin("one\n"));
      Awaitility.await()
          .atMost(TestPlatform.PATIENCE)
          .until(() -> still.execution(fed).state().equals("running"));
      still.pause();
      assertThat(sandbox.execution(busy).state()).isEqualTo("running");
      first.kill();
    }
    Thread.sleep(4000); // longer than the first call may take, and half of what the last may
    try (DaemonProcess next = DaemonProcess.start(data);
        Podflare client = next.client()) {
      Sandbox sandbox = live(next, client, id, "ready");
      RunResult quick = sandbox.join(ended, 0, new RunListener() {});
      assertThat(quick.reason()).as("it had ended in time").isEqualTo("exited");
      assertThat(quick.stdout()).isEqualTo("quick\n");
      assertThat(bash(sandbox, "touch /root/stop; sleep 1; ls /root")).doesNotContain("cancelled");
      Sandbox still = live(next, client, paused, "paused");
      Thread.sleep(4000);
      still.resume();
      RunResult last = still.join(fed, 0, new RunListener() {});
      assertThat(last.reason()).as("its time stood still").isEqualTo("exited");
      assertThat(last.stdout()).isEqualTo("one\n");
    }
    assertThat(HostState.leftovers(data)).isEmpty();
  }

  /** A guest that writes to a full disk stands still; no daemon takes that for its end. */
  @Test
  void aGuestThatWaitsForRoomOnTheDiskGoesOnWhenThereIsSome() throws Exception {
    SmallDisk.mount(data, "3g");
    try {
      goesOnWhenThereIsRoom(data.resolve("ballast"));
    } finally {
      SmallDisk.unmount(data);
    }
    assertThat(HostState.leftovers(data)).isEmpty();
  }

  private void goesOnWhenThereIsRoom(Path ballast) throws Exception {
    String id;
    String written;
    String sums =
        "sha256sum < /root/large; echo 3 > /proc/sys/vm/drop_caches; sha256sum < /root/large";
    try (DaemonProcess first = DaemonProcess.start(data);
        Podflare client = first.client()) {
      Sandbox sandbox = client.create();
      id = sandbox.id();
      python(sandbox, "x = 7");
      first.awaitPool(client, 1); // nobody else writes
      SmallDisk.fill(ballast, 64);
      written =
          sandbox.start(
              RunRequest.of("head -c 4M /dev/urandom > /root/large; sync; " + sums, Language.BASH));
      Awaitility.await()
          .atMost(TestPlatform.PATIENCE)
          .until(() -> first.log().contains("its guest stands still"));
      first.kill();
    }
    try (DaemonProcess early = DaemonProcess.launch(data)) {
      // Between two attempts to write the guest may find the time to greet it, or not.
      if (early.listens()) {
        early.kill();
      } else {
        assertThat(early.exitCode()).isNotZero();
        assertThat(early.log()).contains("host's disk is full").contains(id);
      }
    }
    Files.delete(ballast);
    try (DaemonProcess next = DaemonProcess.start(data);
        Podflare client = next.client()) {
      Sandbox sandbox = live(next, client, id, "ready");
      RunResult whole = sandbox.join(written, 0, new RunListener() {});
      assertThat(whole.reason()).as(next.log()).isEqualTo("exited");
      assertThat(whole.stdout().lines().distinct()).hasSize(1);
      assertThat(python(sandbox, "print(x)")).isEqualTo("7");
      assertUsable(sandbox);
      sandbox.delete();
    }
  }

  private static Sandbox live(DaemonProcess daemon, Podflare client, String id, String state) {
    Sandbox sandbox = client.sandbox(id);
    try {
      assertThat(sandbox.info().state()).as(daemon.log()).isEqualTo(state);
    } catch (ApiException gone) {
      throw new AssertionError(gone + "\n" + daemon.log(), gone);
    }
    return sandbox;
  }

  private static RunListener keeping(List<String> seen) {
    return new RunListener() {
      @Override
      public void stdout(byte[] bytes) {
        seen.add(new String(bytes, UTF_8));
      }
    };
  }

  private static void join(Sandbox sandbox, String exec, List<String> seen) {
    try {
      RunResult ignored = sandbox.join(exec, 0, keeping(seen));
    } catch (RuntimeException cutOff) {
      // By the kill.
    }
  }

  @Test
  void aPoliteEndCanLeaveThemRunning() throws Exception {
    String id;
    try (DaemonProcess first = DaemonProcess.startKeeping(data);
        Podflare client = first.client()) {
      first.awaitPool(client);
      Sandbox sandbox = client.create();
      id = sandbox.id();
      python(sandbox, "x = 3");
      assertThat(first.terminate()).isEqualTo(143);
      assertThat(HostState.processes(data)).as("one QEMU in its jail").hasSize(2);
    }
    try (DaemonProcess next = DaemonProcess.start(data);
        Podflare client = next.client()) {
      assertThat(python(live(next, client, id, "ready"), "print(x)")).isEqualTo("3");
    }
    assertThat(HostState.leftovers(data)).isEmpty();
  }

  @Test
  void aSecondDaemonOnTheSameFolderIsRefusedAndTakesNothing() throws Exception {
    try (DaemonProcess first = DaemonProcess.start(data);
        Podflare client = first.client()) {
      Sandbox sandbox = client.create();
      python(sandbox, "x = 9");
      String counting = sandbox.start(RunRequest.of(COUNT, Language.PYTHON));
      try (DaemonProcess second = DaemonProcess.launch(data)) {
        assertThat(second.process.waitFor(TestPlatform.PATIENCE.toSeconds(), TimeUnit.SECONDS))
            .isTrue();
        assertThat(second.process.exitValue()).isNotZero();
        assertThat(second.log()).contains("another daemon uses the data folder");
      }
      assertThat(sandbox.execution(counting).state()).isEqualTo("running");
      assertThat(bash(sandbox, "touch /root/stop; echo beside")).isEqualTo("beside");
      assertThat(sandbox.join(counting, 0, new RunListener() {}).reason()).isEqualTo("exited");
      assertThat(python(sandbox, "print(x)")).isEqualTo("9");
      Sandbox child = sandbox.fork(1).getFirst();
      assertThat(python(child, "print(x)")).isEqualTo("9");
      assertThat(first.terminate()).isEqualTo(143);
    }
    assertThat(HostState.leftovers(data)).isEmpty();
  }

  @Test
  void aPausedOneStaysPausedAndKeepsItsTime() throws Exception {
    String id;
    try (DaemonProcess first = DaemonProcess.start(data);
        Podflare client = first.client()) {
      Sandbox sandbox = client.create();
      id = sandbox.id();
      python(sandbox, "x = 5");
      sandbox.pause();
      first.kill();
    }
    try (DaemonProcess next = DaemonProcess.start(data);
        Podflare client = next.client()) {
      Sandbox ignored = live(next, client, id, "paused");
      next.kill();
    }
    try (DaemonProcess last = DaemonProcess.start(data);
        Podflare client = last.client()) {
      Sandbox sandbox = live(last, client, id, "paused");
      sandbox.resume();
      assertThat(python(sandbox, "print(x)")).isEqualTo("5");
      sandbox.delete();
    }
    assertThat(HostState.leftovers(data)).isEmpty();
  }
}
