package dev.podflare.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.podflare.client.ApiException;
import dev.podflare.client.Language;
import dev.podflare.client.Podflare;
import dev.podflare.client.RunRequest;
import dev.podflare.client.Sandbox;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code kill -9} of the daemon at any moment: the next start finds nothing of it. */
@OnPlatform
@Order(90)
class DaemonKillTest {
  private static final int LATEST_MILLIS = 2500;

  @TempDir Path data;

  private final Random random = new Random(20_260_104);

  /** Sandboxes by id; the value tells whether they were certainly alive. */
  private final Map<String, Boolean> made = new ConcurrentHashMap<>();

  @Test
  void theNextStartIsClean() throws Exception {
    int rounds = LongRun.choose(4, 50);
    Set<Long> before = Set.of();
    for (int round = 0; round <= rounds; round++) {
      try (DaemonProcess daemon = DaemonProcess.start(data)) {
        assertGone(before);
        try (Podflare client = daemon.client()) {
          assertForgotten(client);
          try (Sandbox sandbox = client.create()) {
            GuestProbe.assertUsable(sandbox);
          }
          daemon.awaitPool(client);
          assertNothingElse(daemon);
          made.clear();
          if (round < rounds) {
            before = killAtWork(daemon, client);
          }
        }
      }
    }
    assertThat(HostState.leftovers(data)).isEmpty();
  }

  /** What the daemon has now is what a fresh one has: two folders a machine, one group each. */
  private void assertNothingElse(DaemonProcess daemon) throws Exception {
    HostState state = daemon.state();
    int machines = 2 * DaemonProcess.POOL;
    assertThat(state.processes()).isEqualTo(2 * machines); // QEMU and the jail around it
    assertThat(state.controlGroups() % machines).isZero();
    for (Path folder : Set.of(data.resolve("machines"), HostState.runFolder(data))) {
      try (var entries = Files.list(folder)) {
        assertThat(entries.filter(Files::isDirectory)).hasSize(machines);
      }
    }
  }

  private static void assertGone(Set<Long> processes) {
    assertThat(processes).allMatch(pid -> ProcessHandle.of(pid).isEmpty() || !isQemu(pid));
  }

  private static boolean isQemu(long pid) {
    return ProcessHandle.of(pid).flatMap(it -> it.info().command()).orElse("").contains("qemu");
  }

  private void assertForgotten(Podflare client) {
    made.forEach((id, alive) -> {
      String answer;
      try {
        answer = client.sandbox(id).info().state();
      } catch (ApiException refused) {
        answer = refused.code() + " " + refused.details().get("reason");
      }
      if (alive) {
        assertThat(answer).isEqualTo("gone host_shutdown");
      } else {
        assertThat(answer).isIn("gone host_shutdown", "gone deleted", "gone merged");
      }
    });
  }

  /** Creates, forks, merges, runs and deletes without end, and dies at a random moment of it. */
  private Set<Long> killAtWork(DaemonProcess daemon, Podflare client) throws Exception {
    Thread[] workers = new Thread[3];
    for (int i = 0; i < workers.length; i++) {
      workers[i] = Thread.ofVirtual().start(() -> work(client));
    }
    Thread.sleep(random.nextInt(LATEST_MILLIS));
    Set<Long> processes = HostState.processes(data);
    daemon.kill();
    for (Thread worker : workers) {
      assertThat(worker.join(TestPlatform.PATIENCE)).isTrue();
    }
    return processes;
  }

  private void work(Podflare client) {
    try {
      while (true) {
        Sandbox kept = client.create();
        made.put(kept.id(), true);
        kept.start(RunRequest.of("import time; time.sleep(600)", Language.PYTHON));
        List<Sandbox> children = kept.fork(2);
        children.forEach(child -> made.put(child.id(), true));
        Sandbox winner = children.getFirst();
        made.put(winner.id(), false);
        kept.mergeInto(winner);
        Sandbox deleted = client.create();
        made.put(deleted.id(), true);
        deleted.runCode("echo file > /root/file; sync", Language.BASH);
        made.put(deleted.id(), false);
        deleted.delete();
      }
    } catch (ApiException dead) {
      assertThat(dead.code()).isIn(ApiException.UNREACHABLE, ApiException.BAD_ANSWER, "host_full");
    }
  }

  /** After so many forks the parent's disk is folded in the background. */
  @Test
  void theNextStartAfterAFoldIsClean() throws Exception {
    for (int round = 0; round < LongRun.choose(1, 10); round++) {
      try (DaemonProcess daemon = DaemonProcess.start(data);
          Podflare client = daemon.client()) {
        Sandbox parent = client.create();
        parent.runCode("head -c 24M /dev/urandom > /root/large; sync", Language.BASH);
        for (int fork = 0; fork < 18; fork++) {
          parent.fork(1).forEach(Sandbox::delete);
        }
        Thread.sleep(random.nextInt(300));
        daemon.kill();
      }
      try (DaemonProcess next = DaemonProcess.start(data);
          Podflare client = next.client()) {
        next.awaitPool(client);
        assertNothingElse(next);
      }
    }
    assertThat(HostState.leftovers(data)).isEmpty();
  }

  @Test
  void aPoliteEndLeavesNothing() throws Exception {
    DaemonProcess daemon = DaemonProcess.start(data);
    try (Podflare client = daemon.client()) {
      daemon.awaitPool(client);
      Sandbox sandbox = client.create();
      String exec = sandbox.start(RunRequest.of("import time; time.sleep(600)", Language.PYTHON));
      assertThat(sandbox.execution(exec).state()).isEqualTo("running");
      assertThat(daemon.terminate()).isEqualTo(143);
      assertThat(HostState.leftovers(data)).isEmpty();
      assertThat(HostState.runFolder(data)).doesNotExist();
      made.put(sandbox.id(), true);
    } finally {
      daemon.close();
    }
    try (DaemonProcess next = DaemonProcess.start(data);
        Podflare client = next.client()) {
      assertForgotten(client);
    }
  }

  @Test
  void aPoliteEndWhileItStartsLeavesNothing() throws Exception {
    for (int round = 0; round < LongRun.choose(2, 5); round++) {
      try (DaemonProcess daemon = DaemonProcess.launch(data)) {
        await()
            .atMost(TestPlatform.PATIENCE)
            .pollInterval(java.time.Duration.ofMillis(5))
            .until(() -> !HostState.processes(data).isEmpty());
        Thread.sleep(random.nextInt(400));
        daemon.terminate();
        assertThat(HostState.leftovers(data)).as(daemon.log()).isEmpty();
      }
    }
  }
}
