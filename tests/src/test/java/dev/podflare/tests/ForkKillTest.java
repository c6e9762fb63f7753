package dev.podflare.tests;

import static dev.podflare.tests.GuestProbe.bash;
import static dev.podflare.tests.GuestProbe.python;
import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.client.ApiException;
import dev.podflare.client.Language;
import dev.podflare.client.RunResult;
import dev.podflare.client.Sandbox;
import dev.podflare.qemu.Machine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code kill -9} of any QEMU while a fork is under way: its parent's, a child's, a blank. */
@OnPlatform
@Order(56)
class ForkKillTest {
  private static final int ROUNDS = LongRun.choose(8, 50);
  private static final int CHILDREN = 3;
  private static final int LATEST_MILLIS = 400;
  private static final String STATE =
      "sync; echo 3 > /proc/sys/vm/drop_caches; cat /root/state /dev/shm/state | sha256sum";

  @TempDir Path data;

  private final Random random = new Random(20_261_125);

  @Test
  void whoIsLeftIsRightAndNothingLeaks() throws Exception {
    try (TestPlatform platform = TestPlatform.start(data, config -> config)) {
      for (int round = 0; round < ROUNDS; round++) {
        platform.awaitPool(1);
        oneRound(platform);
      }
      Awaitility.await()
          .atMost(TestPlatform.PATIENCE)
          .untilAsserted(() ->
              assertThat(platform.engine.probe().machines())
                  .as(platform.client.capacity().toString())
                  .hasSize(2 * TestPlatform.POOL));
      assertThat(platform.client.capacity().sandboxes()).isZero();
      try (var left = Files.list(data.resolve("checkpoints"))) {
        assertThat(left).isEmpty();
      }
      try (var left = Files.list(data.resolve("machines"))) {
        assertThat(left.filter(Files::isDirectory)).hasSize(2 * TestPlatform.POOL);
      }
    }
    assertThat(HostState.leftovers(data)).isEmpty();
  }

  private void oneRound(TestPlatform platform) throws Exception {
    List<Sandbox> all = new ArrayList<>();
    try (Sandbox parent = platform.createWarm()) {
      bash(parent, "head -c 1M /dev/urandom | tee /root/state > /dev/shm/state");
      python(parent, "x = " + random.nextInt(1000));
      String state = bash(parent, STATE);
      CompletableFuture<List<Sandbox>> fork = CompletableFuture.supplyAsync(() -> children(parent));
      Thread.sleep(random.nextInt(LATEST_MILLIS));
      killAny(platform);
      all.addAll(fork.join());
      all.add(parent);
      for (Sandbox sandbox : all) {
        assertThat(stateOf(sandbox)).isIn(state, "gone guest_crashed");
      }
    } finally {
      all.forEach(Sandbox::close);
    }
  }

  /** None, if the fork fails, as it may. */
  private static List<Sandbox> children(Sandbox parent) {
    try {
      return parent.fork(CHILDREN);
    } catch (ApiException failed) {
      assertThat(failed.code()).isIn("machine_failed", "gone", "timed_out");
      return List.of();
    }
  }

  private void killAny(TestPlatform platform) throws IOException {
    List<Machine> machines = platform.engine.probe().machines();
    long victim = machines.get(random.nextInt(machines.size())).pid();
    if (victim != 0) { // not yet started
      ProcessHandle.of(victim).ifPresent(ProcessHandle::destroyForcibly);
    }
  }

  private static String stateOf(Sandbox sandbox) {
    try {
      RunResult result = sandbox.runCode(STATE, Language.BASH);
      if (!result.reason().equals("sandbox_closed")) { // its death was met within the call
        return result.stdout().strip();
      }
      Awaitility.await()
          .atMost(TestPlatform.PATIENCE)
          .until(() -> TestPlatform.goneReason(sandbox).isPresent());
      return "gone " + TestPlatform.goneReason(sandbox).orElseThrow();
    } catch (ApiException gone) {
      return gone.code() + " " + gone.details().get("reason");
    }
  }
}
