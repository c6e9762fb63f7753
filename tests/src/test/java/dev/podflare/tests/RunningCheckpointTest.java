package dev.podflare.tests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.guest.DoneReason;
import dev.podflare.guest.ExecCommand;
import dev.podflare.guest.ExecListener;
import dev.podflare.guest.GuestExec;
import dev.podflare.guest.GuestLanguage;
import dev.podflare.guest.GuestSignal;
import dev.podflare.guest.GuestStream;
import dev.podflare.qemu.Checkpoint;
import dev.podflare.tests.CheckpointLab.Guest;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The primitive that forks, snapshots and Spaces will stand on: a running Linux guest is frozen and
 * goes on, copies of it go on beside it, and copies of a copy.
 */
@OnPlatform
@Order(20)
class RunningCheckpointTest {
  @TempDir Path folder;

  @Test
  void childrenHaveTheParentsStateAndThenGoTheirOwnWay() throws Exception {
    try (CheckpointLab lab = new CheckpointLab(folder);
        Guest parent = lab.fromTemplate()) {
      parent.python(WrittenState.prepare(30_000_000));
      String digest = parent.python(WrittenState.DIGEST);
      try (Checkpoint frozen = lab.freeze(parent);
          Guest first = lab.restore(frozen, 2);
          Guest second = lab.restore(frozen, 2)) {
        List<Guest> all = List.of(parent, first, second);
        for (Guest guest : all) {
          assertThat(guest.python(WrittenState.DIGEST)).isEqualTo(digest);
          assertTicking(guest);
        }
        String onDisk = parent.bash(WrittenState.FROM_THE_DISK);
        assertThat(first.bash(WrittenState.FROM_THE_DISK)).isEqualTo(onDisk);
        assertThat(second.bash(WrittenState.FROM_THE_DISK)).isEqualTo(onDisk);
        assertSecretsDiffer(all);
        diverge(parent, first, second);
        assertGrandchild(lab, first);
      }
    }
  }

  private static void assertTicking(Guest guest) {
    int before = Integer.parseInt(guest.python("print(ticks)"));
    Awaitility.await()
        .atMost(TestPlatform.PATIENCE)
        .until(() -> Integer.parseInt(guest.python("print(ticks)")) > before);
  }

  private static void assertSecretsDiffer(List<Guest> guests) {
    Set<String> secrets = new HashSet<>();
    for (Guest guest : guests) {
      secrets.add(guest.python("print(os.urandom(16).hex())"));
      secrets.add(guest.bash("cat /proc/sys/kernel/random/uuid"));
      secrets.add(guest.bash("cat /etc/machine-id"));
      secrets.add(guest.bash("hostname"));
    }
    assertThat(secrets).hasSize(4 * guests.size());
  }

  /** Each writes into the same places of memory and disk; none sees another's. */
  private static void diverge(Guest parent, Guest first, Guest second) {
    Map<String, Guest> named = Map.of("elder", parent, "one", first, "two", second);
    named.forEach((name, guest) -> {
      guest.python("name = '" + name + "'; big[:1000] = name.encode().ljust(1000); ticks = 10**9");
      guest.bash("echo " + name + " > /root/flushed; echo " + name + " > /root/mine; sync");
    });
    named.forEach((name, guest) -> {
      assertThat(guest.python("print(name, big[:1000].decode().strip())"))
          .isEqualTo(name + " " + name);
      assertThat(guest.bash("echo 3 > /proc/sys/vm/drop_caches; cat /root/flushed /root/mine"))
          .isEqualTo(name + "\n" + name);
    });
  }

  private static void assertGrandchild(CheckpointLab lab, Guest child) throws Exception {
    String digest = child.python(WrittenState.DIGEST);
    try (Checkpoint frozen = lab.freeze(child);
        Guest grandchild = lab.restore(frozen, 3)) {
      assertThat(grandchild.python(WrittenState.DIGEST)).isEqualTo(digest).startsWith("one ");
      assertTicking(grandchild);
      assertSecretsDiffer(List.of(child, grandchild));
      grandchild.bash("echo grandchild > /root/mine; sync");
      assertThat(child.bash("cat /root/mine")).isEqualTo("one");
    }
  }

  @Test
  void aCallUnderWayGoesOnInTheParentAndIsSilentInTheChild() throws Exception {
    try (CheckpointLab lab = new CheckpointLab(folder);
        Guest parent = lab.fromTemplate()) {
      Loop loop = new Loop();
      GuestExec running =
          parent
              .channel()
              .exec(
                  ExecCommand.of(
                      GuestLanguage.BASH,
                      GuestProbe.inBash("while true; do echo tick; WAIT; done", 0.02)),
                  loop);
      loop.exec.complete(running);
      Awaitility.await().atMost(TestPlatform.PATIENCE).until(() -> loop.bytes.get() > 50);
      try (Checkpoint frozen = lab.freeze(parent);
          Guest child = lab.restore(frozen, 2)) {
        assertThat(child.hello().epoch()).isEqualTo(2);
        assertThat(child.hello().running()).containsExactly(running.id());
        // A frame of the parent's call would be a fault that closes the child's channel.
        for (int i = 0; i < 20; i++) {
          child.channel().ping(new byte[100], TestPlatform.PATIENCE);
          Thread.sleep(50);
        }
        assertThat(child.heard().ends).isEmpty();
        assertThat(child.bash("echo new")).isEqualTo("new");
        int before = loop.bytes.get();
        Awaitility.await().atMost(TestPlatform.PATIENCE).until(() -> loop.bytes.get() > before);
      }
      running.signal(GuestSignal.KILL);
      assertThat(loop.end.orTimeout(60, java.util.concurrent.TimeUnit.SECONDS).join())
          .isEqualTo(DoneReason.KILLED);
    }
  }

  @Test
  void manyCheckpointsInARowLoseNothing() throws Exception {
    int rounds = LongRun.choose(3, 20);
    try (CheckpointLab lab = new CheckpointLab(folder);
        Guest parent = lab.fromTemplate()) {
      parent.python("import hashlib; log = []");
      for (int round = 0; round < rounds; round++) {
        parent.python(
            "log.append(" + round + "); open('/root/log', 'a').write('" + round + "\\n')");
        try (Checkpoint frozen = lab.freeze(parent);
            Guest child = lab.restore(frozen, round + 2)) {
          assertThat(child.python("print(len(log), log[-1])")).isEqualTo((round + 1) + " " + round);
          assertThat(child.bash("wc -l < /root/log")).isEqualTo("" + (round + 1));
        }
      }
      assertThat(parent.bash("sync; echo 3 > /proc/sys/vm/drop_caches; wc -l < /root/log"))
          .isEqualTo("" + rounds);
      assertThat(parent.channel().ping(new byte[1], Duration.ofMinutes(1))).isPositive();
    }
  }

  /** Counts a call's output and gives credit for it. */
  private static final class Loop implements ExecListener {
    final AtomicInteger bytes = new AtomicInteger();
    final CompletableFuture<GuestExec> exec = new CompletableFuture<>();
    final CompletableFuture<DoneReason> end = new CompletableFuture<>();

    @Override
    public void output(GuestStream stream, byte[] output) {
      bytes.addAndGet(output.length);
      exec.thenAccept(running -> running.acknowledge(output.length)).join();
    }

    @Override
    public void done(int code, DoneReason reason, Optional<String> message) {
      end.complete(reason);
    }

    @Override
    public void lost() {
      end.completeExceptionally(new IllegalStateException("lost"));
    }
  }
}
