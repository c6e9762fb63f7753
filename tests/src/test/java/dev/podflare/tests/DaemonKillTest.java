package dev.podflare.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.podflare.client.ApiException;
import dev.podflare.client.Language;
import dev.podflare.client.ListFilter;
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

/**
 * {@code kill -9} of the daemon at any moment: the next start goes on with every sandbox that an
 * answer has promised, and finds nothing else of it.
 */
@OnPlatform
@Order(90)
class DaemonKillTest {
  private static final int LATEST_MILLIS = 2500;
  private static final String SUM = "sha256sum /root/large";

  @TempDir Path data;

  private final Random random = new Random(20_260_104);

  /** Sandboxes by id; the value tells whether they were certainly alive. */
  private final Map<String, Boolean> made = new ConcurrentHashMap<>();

  private final Set<String> deleted = ConcurrentHashMap.newKeySet();

  @Test
  void theNextStartGoesOnWithWhatWasPromised() throws Exception {
    int rounds = LongRun.choose(4, 50);
    for (int round = 0; round <= rounds; round++) {
      try (DaemonProcess daemon = DaemonProcess.start(data);
          Podflare client = daemon.client()) {
        assertThere(client, daemon);
        deleteAll(client);
        daemon.awaitPool(client);
        assertNothingElse(daemon);
        made.clear();
        if (round < rounds) {
          killAtWork(daemon, client);
        }
      }
    }
    assertThat(HostState.leftovers(data)).isEmpty();
  }

  private void assertThere(Podflare client, DaemonProcess daemon) {
    made.forEach((id, alive) -> {
      String state = state(client, id);
      if (alive) {
        assertThat(state).as(daemon.log()).isEqualTo("ready");
        // Their Python sleeps still.
        assertThat(GuestProbe.bash(client.sandbox(id), "echo here")).isEqualTo("here");
      } else {
        assertThat(state).as(daemon.log()).isIn(ended(id));
      }
    });
  }

  /** Of one whose end was asked for, and not answered. */
  private List<String> ended(String id) {
    return deleted.contains(id)
        // Its machine had ended, and there was no time to write why.
        ? List.of("ready", "gone deleted", "gone host_shutdown")
        : List.of("ready", "gone merged");
  }

  private static String state(Podflare client, String id) {
    try {
      return client.sandbox(id).info().state();
    } catch (ApiException refused) {
      return refused.code() + " " + refused.details().get("reason");
    }
  }

  /** Also those whose answers were lost on their way. */
  private static void deleteAll(Podflare client) {
    client.listAll(ListFilter.ALL, 1000).forEach(one -> client.sandbox(one.id()).delete());
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

  /** Creates, forks, merges, runs and deletes without end, and dies at a random moment of it. */
  private void killAtWork(DaemonProcess daemon, Podflare client) throws Exception {
    Thread[] workers = new Thread[3];
    for (int i = 0; i < workers.length; i++) {
      workers[i] = Thread.ofVirtual().start(() -> work(client));
    }
    Thread.sleep(random.nextInt(LATEST_MILLIS));
    daemon.kill();
    for (Thread worker : workers) {
      assertThat(worker.join(TestPlatform.PATIENCE)).isTrue();
    }
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
        Sandbox gone = client.create();
        made.put(gone.id(), true);
        gone.runCode("echo file > /root/file; sync", Language.BASH);
        deleted.add(gone.id());
        made.put(gone.id(), false);
        gone.delete();
      }
    } catch (ApiException dead) {
      assertThat(dead.code()).isIn(ApiException.UNREACHABLE, ApiException.BAD_ANSWER, "host_full");
    }
  }

  /** After so many forks the parent's disk is folded in the background. */
  @Test
  void theNextStartGoesOnAfterAFold() throws Exception {
    for (int round = 0; round < LongRun.choose(1, 10); round++) {
      String id;
      String sum;
      try (DaemonProcess daemon = DaemonProcess.start(data);
          Podflare client = daemon.client()) {
        Sandbox parent = client.create();
        id = parent.id();
        sum = GuestProbe.bash(parent, "head -c 24M /dev/urandom > /root/large; sync; " + SUM);
        for (int fork = 0; fork < 18; fork++) {
          parent.fork(1).forEach(Sandbox::delete);
        }
        Thread.sleep(random.nextInt(300));
        daemon.kill();
      }
      try (DaemonProcess next = DaemonProcess.start(data);
          Podflare client = next.client()) {
        Sandbox parent = client.sandbox(id);
        assertThat(GuestProbe.bash(parent, "echo 3 > /proc/sys/vm/drop_caches; " + SUM))
            .as(next.log())
            .isEqualTo(sum);
        parent.fork(1).forEach(Sandbox::delete);
        deleteAll(client);
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
      made.keySet().forEach(id -> assertThat(state(client, id)).isEqualTo("gone host_shutdown"));
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
