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
 * {@code kill -9} of the daemon, or of all the host, at random moments while persistent sandboxes
 * are frozen, woken, saved and rolled back. What an answer promised is there after the next start:
 * a sandbox has one of the states that it can have by the answers that its caller got, and a
 * snapshot is what it was. A killed daemon loses nothing that was answered, a lost host what was
 * not frozen.
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

  /** Values that a sandbox can have. */
  private static final class Life {
    /** What it has while its machine lives: one, and more after a call that was cut off. */
    private final List<Integer> values = new ArrayList<>();

    /** What it goes back to when its machine is lost; those of cut-off freezes may be it too. */
    private final List<Integer> durable = new ArrayList<>();

    void is(int value) {
      values.clear();
      values.add(value);
    }
  }

  @Test
  void whatWasPromisedIsThere() throws Exception {
    boolean rebooted = false;
    for (int moment = 0; moment < MOMENTS; moment++) {
      try (DaemonProcess daemon = DaemonProcess.start(data)) {
        check(daemon, rebooted);
        rebooted = moment % 3 == 2;
        AtomicBoolean killed = new AtomicBoolean();
        List<Thread> callers = new ArrayList<>();
        for (String id : List.copyOf(lives.keySet())) {
          callers.add(Thread.ofVirtual().start(() -> work(daemon, id, killed)));
        }
        callers.add(Thread.ofVirtual().start(() -> create(daemon)));
        Thread.sleep(random.nextInt(LATEST_MILLIS));
        killed.set(true);
        if (rebooted) {
          daemon.killWithMachines();
        } else {
          daemon.kill();
        }
        for (Thread caller : callers) {
          caller.join();
        }
      }
    }
    try (DaemonProcess daemon = DaemonProcess.start(data)) {
      check(daemon, rebooted);
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
      set(sandbox, life);
      sandbox.freeze();
      life.durable.addAll(life.values);
      synchronized (this) {
        lives.put(sandbox.id(), life);
      }
    } catch (ApiException | IOException cutOff) {
      // It was promised to nobody.
    }
  }

  private void set(Sandbox sandbox, Life life) {
    int value;
    synchronized (this) {
      value = random.nextInt(1_000_000);
    }
    life.values.add(value); // if the answer is lost it may be so all the same
    RunResult result =
        sandbox.runCode("x = %d; open('/root/x', 'w').write(str(x))".formatted(value));
    assertThat(result.exitCode()).as("%s", result).isZero();
    life.is(value);
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
      case 0 -> set(sandbox, life); // wakes it
      case 1 -> {
        life.durable.addAll(life.values); // also if the answer is lost
        sandbox.freeze();
        life.durable.clear();
        life.durable.addAll(life.values);
      }
      case 2 -> {
        SnapshotInfo snapshot = sandbox.snapshot(SnapshotOptions.UNNAMED);
        synchronized (this) {
          snapshots.put(snapshot.id(), life.values.getFirst());
        }
      }
      default -> {
        Optional<Map.Entry<String, Integer>> any;
        synchronized (this) {
          any = snapshots.entrySet().stream().findAny();
        }
        if (any.isPresent()) {
          life.values.add(any.get().getValue());
          sandbox.rollback(any.get().getKey());
          life.is(any.get().getValue());
        }
      }
    }
  }

  private void check(DaemonProcess daemon, boolean rebooted) throws IOException {
    try (Podflare client = daemon.client()) {
      for (Map.Entry<String, Life> entry : lives.entrySet()) {
        Sandbox sandbox = client.sandbox(entry.getKey());
        SandboxInfo info = sandbox.info();
        Life life = entry.getValue();
        if (rebooted) {
          assertThat(info.state()).isEqualTo("frozen");
        }
        int value = value(sandbox);
        assertThat(rebooted ? life.durable : life.values).as(entry.getKey()).contains(value);
        life.is(value);
        if (rebooted) {
          life.durable.clear();
          life.durable.add(value);
        }
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
