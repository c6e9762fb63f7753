package dev.podflare.tests;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.client.ApiException;
import dev.podflare.client.Podflare;
import dev.podflare.client.RunResult;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxInfo;
import dev.podflare.client.SandboxOptions;
import dev.podflare.client.SnapshotInfo;
import dev.podflare.client.SnapshotOptions;
import dev.podflare.client.SpaceInfo;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * {@code kill -9} of the daemon at random moments while persistent sandboxes are frozen, woken,
 * saved and rolled back. What an answer promised is there after the next start: a sandbox has one
 * of the states that it can have by the answers that its caller got, and a snapshot is what it was.
 */
@OnPlatform
@Order(92)
class SpaceKillTest {
  private static final int MOMENTS = LongRun.choose(4, 60);
  private static final int SANDBOXES = 3;
  private static final int LATEST_MILLIS = 4000;

  @TempDir Path data;

  private final Random random = new Random(20_261_126);
  private final Map<String, Life> lives = new HashMap<>();
  private final Map<String, Integer> snapshots = new HashMap<>();

  /** Values that a sandbox can have: one is certain unless a call was cut off. */
  private static final class Life {
    private int value;

    /** What it goes back to when its machine is lost; those of cut-off freezes may be it too. */
    private final List<Integer> durable = new ArrayList<>();
  }

  @Test
  void whatWasPromisedIsThere() throws Exception {
    for (int moment = 0; moment < MOMENTS; moment++) {
      try (DaemonProcess daemon = DaemonProcess.start(data)) {
        check(daemon);
        AtomicBoolean killed = new AtomicBoolean();
        List<Thread> callers = new ArrayList<>();
        for (String id : List.copyOf(lives.keySet())) {
          callers.add(Thread.ofVirtual().start(() -> work(daemon, id, killed)));
        }
        callers.add(Thread.ofVirtual().start(() -> create(daemon)));
        Thread.sleep(random.nextInt(LATEST_MILLIS));
        killed.set(true);
        daemon.kill();
        for (Thread caller : callers) {
          caller.join();
        }
      }
    }
    try (DaemonProcess daemon = DaemonProcess.start(data)) {
      check(daemon);
      assertThat(daemon.terminate()).isEqualTo(143);
    }
    assertThat(HostState.leftovers(data)).isEmpty();
  }

  private synchronized Life life(String id) {
    return requireNonNull(lives.get(id));
  }

  private void create(DaemonProcess daemon) {
    synchronized (this) {
      if (lives.size() >= SANDBOXES) {
        return;
      }
    }
    try (Podflare client = daemon.client()) {
      Sandbox sandbox = client.create(SandboxOptions.builder().persistent(true).build());
      Life life = new Life();
      life.value = set(sandbox);
      sandbox.freeze();
      life.durable.add(life.value);
      synchronized (this) {
        lives.put(sandbox.id(), life);
      }
    } catch (ApiException | IOException cutOff) {
      // It was promised to nobody.
    }
  }

  private int set(Sandbox sandbox) {
    int value;
    synchronized (this) {
      value = random.nextInt(1_000_000);
    }
    RunResult result =
        sandbox.runCode("x = %d; open('/root/x', 'w').write(str(x))".formatted(value));
    assertThat(result.exitCode()).as("%s", result).isIn(0, 137);
    return result.ok() ? value : -1;
  }

  private void work(DaemonProcess daemon, String id, AtomicBoolean killed) {
    Life life = life(id);
    try (Podflare client = daemon.client()) {
      Sandbox sandbox = client.sandbox(id);
      while (!killed.get()) {
        step(sandbox, life);
      }
    } catch (ApiException | IOException cutOff) {
      assertThat(killed).as("%s", cutOff).isTrue();
    }
  }

  private void step(Sandbox sandbox, Life life) {
    int choice;
    synchronized (this) {
      choice = random.nextInt(4);
    }
    switch (choice) {
      case 0 -> life.value = set(sandbox); // wakes it
      case 1 -> {
        life.durable.add(life.value); // also if the answer is lost
        sandbox.freeze();
        life.durable.clear();
        life.durable.add(life.value);
      }
      case 2 -> {
        SnapshotInfo snapshot = sandbox.snapshot(SnapshotOptions.UNNAMED);
        synchronized (this) {
          snapshots.put(snapshot.id(), life.value);
        }
      }
      default -> {
        Optional<Map.Entry<String, Integer>> any;
        synchronized (this) {
          any = snapshots.entrySet().stream().findAny();
        }
        if (any.isPresent()) {
          sandbox.rollback(any.get().getKey());
          life.value = any.get().getValue();
        }
      }
    }
  }

  /** After a start every machine is gone. */
  private void check(DaemonProcess daemon) throws IOException {
    try (Podflare client = daemon.client()) {
      for (Map.Entry<String, Life> entry : lives.entrySet()) {
        Sandbox sandbox = client.sandbox(entry.getKey());
        SandboxInfo info = sandbox.info();
        assertThat(info.state()).isEqualTo("frozen");
        Life life = entry.getValue();
        int value = value(sandbox);
        assertThat(life.durable).as(entry.getKey()).contains(value);
        life.value = value;
        life.durable.clear();
        life.durable.add(value);
      }
      Set<String> there =
          Set.copyOf(client.snapshots().list().stream().map(SnapshotInfo::id).toList());
      assertThat(there).containsAll(snapshots.keySet());
      for (Map.Entry<String, Integer> entry : snapshots.entrySet()) {
        try (Sandbox copy =
            client.create(SandboxOptions.builder().snapshot(entry.getKey()).build())) {
          assertThat(value(copy)).as(entry.getKey()).isEqualTo(entry.getValue());
        }
        client.snapshots().delete(entry.getKey());
      }
      snapshots.clear();
      there.forEach(client.snapshots()::delete);
      List<String> spaces = client.spaces().list().stream().map(SpaceInfo::sandboxId).toList();
      assertThat(spaces).allMatch(id -> !lives.containsKey(id)); // they were woken above
    }
  }

  private static int value(Sandbox sandbox) {
    RunResult result = sandbox.runCode("assert open('/root/x').read() == str(x); print(x)");
    assertThat(result.exitCode()).as("%s", result).isZero();
    return Integer.parseInt(result.stdout().strip());
  }
}
