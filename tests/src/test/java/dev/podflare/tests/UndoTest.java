package dev.podflare.tests;

import static dev.podflare.tests.GuestProbe.assertUsable;
import static dev.podflare.tests.GuestProbe.bash;
import static dev.podflare.tests.GuestProbe.python;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.podflare.client.ApiException;
import dev.podflare.client.ExecutionInfo;
import dev.podflare.client.Language;
import dev.podflare.client.RunListener;
import dev.podflare.client.RunRequest;
import dev.podflare.client.RunResult;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxInfo;
import dev.podflare.client.SandboxOptions;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;

/** Sandboxes go back to before their last calls. */
@OnPlatform
@Order(49)
class UndoTest {
  private final TestPlatform platform;

  UndoTest(TestPlatform platform) {
    this.platform = platform;
  }

  private Sandbox keeping(int calls) {
    return platform.client.create(SandboxOptions.builder().undo(calls).build());
  }

  private static int available(Sandbox sandbox) {
    return sandbox.info().undo().orElseThrow().available();
  }

  private static void refused(Sandbox sandbox, int calls, int available) {
    assertThatThrownBy(() -> sandbox.undo(calls))
        .isInstanceOfSatisfying(
            ApiException.class,
            e -> {
              assertThat(e.code()).isEqualTo("nothing_to_undo");
              assertThat(e.details()).containsEntry("available", available);
            });
  }

  @Test
  void memoryAndDiskAreThoseOfBeforeTheCallAndOneCanGoFurtherBack() {
    try (Sandbox sandbox = keeping(8)) {
      python(sandbox, "x = 1; big = bytearray(3_000_000); f = open('/root/f', 'w')"); // 1
      bash(sandbox, "echo one > /root/a; sync"); // 2
      python(sandbox, "x = 2; big[:] = b'y' * len(big); f.write('two'); f.flush()"); // 3
      bash(sandbox, "echo two >> /root/a; rm -f /root/f; sync"); // 4
      assertThat(available(sandbox)).isEqualTo(4);
      SandboxInfo before = sandbox.info();

      SandboxInfo undone = sandbox.undo();

      assertThat(undone.id()).isEqualTo(sandbox.id());
      assertThat(undone.undo()).contains(new SandboxInfo.Undo(8, 3));
      assertThat(undone.expiresAt()).isEqualTo(before.expiresAt());
      assertThat(bash(sandbox, "cat /root/a /root/f")).isEqualTo("one\ntwo"); // 4 again
      assertThat(python(sandbox, "print(x, big.count(b'y'))")).isEqualTo("2 3000000"); // 5
      sandbox.undo(3);
      assertThat(available(sandbox)).isEqualTo(2);
      assertThat(python(sandbox, "print(x, big.count(b'y'), f.tell())")).isEqualTo("1 0 0");
      sandbox.undo(2);
      assertThat(bash(sandbox, "ls /root/a 2>&1 || true")).contains("No such file");
      assertThat(python(sandbox, "print(x)")).isEqualTo("1");
      sandbox.undo(3);
      assertThat(available(sandbox)).isZero();
      refused(sandbox, 1, 0);
      assertThat(sandbox.runCode("print(x)").stderr()).contains("NameError");
      assertUsable(sandbox);
    }
  }

  @Test
  void noMoreIsKeptThanWasAskedForAndNoneWithoutAsking() {
    try (Sandbox sandbox = keeping(3);
        Sandbox plain = platform.create()) {
      for (int i = 1; i <= 6; i++) {
        python(sandbox, "x = " + i);
      }
      assertThat(sandbox.info().undo()).contains(new SandboxInfo.Undo(3, 3));
      refused(sandbox, 4, 3);
      assertThat(python(sandbox, "print(x)")).isEqualTo("6");
      sandbox.undo(3);
      assertThat(python(sandbox, "print(x)")).isEqualTo("4");
      assertThat(plain.info().undo()).isEmpty();
      python(plain, "x = 1");
      refused(plain, 1, 0);
      assertThatThrownBy(() -> keeping(33)).hasMessageContaining("1 to 32");
    }
  }

  @Test
  void whatHappensBetweenCallsStays() {
    try (Sandbox sandbox = keeping(4)) {
      python(
          sandbox,
          """
          import threading, time
          def later():
              time.sleep(0.5)
              open('/root/between', 'w').write('here')
              global between; between = 'here'
          threading.Thread(target=later).start()
          """);
      await()
          .atMost(TestPlatform.PATIENCE)
          .until(() -> bash(sandbox, "cat /root/between 2>/dev/null || true").equals("here"));
      python(sandbox, "between = 'gone'; open('/root/between', 'w').write('gone')");
      sandbox.undo();
      assertThat(python(sandbox, "print(between, open('/root/between').read())"))
          .isEqualTo("here here");
    }
  }

  @Test
  void callsThatFailAreCallsAndThoseThatNeverBeganAreNot() {
    try (Sandbox sandbox = keeping(8)) {
      python(sandbox, "x = 1");
      assertThat(sandbox.runCode("x = 2; raise ValueError").exitCode()).isEqualTo(1);
      sandbox.undo();
      assertThat(python(sandbox, "print(x)")).isEqualTo("1");
      RunResult crashed = sandbox.runCode("x = 3; import os; os.kill(os.getpid(), 9)");
      assertThat(crashed.exitCode()).isNotZero();
      sandbox.undo();
      assertThat(python(sandbox, "print(x)")).as("the interpreter of before").isEqualTo("1");
      int before = available(sandbox);
      sandbox.start(RunRequest.of("import time; time.sleep(600)", Language.PYTHON));
      String queued = sandbox.start(RunRequest.of("x = 4", Language.PYTHON));
      sandbox.cancel(queued);
      assertThat(available(sandbox)).isEqualTo(before + 1);
      sandbox.undo();
      assertThat(python(sandbox, "print(x)")).isEqualTo("1");
    }
  }

  @Test
  void aCallThatRanThenGoesOnAndOneThatRunsNowEnds() {
    try (Sandbox sandbox = keeping(8)) {
      String counting =
          sandbox.start(
              RunRequest.of(
                  """
                  import time
                  for i in range(100_000):
                      print(i, flush=True)
                      if i == 5: open('/root/five', 'w').close()
                      time.sleep(0.05)
                  """,
                  Language.PYTHON));
      await().atMost(TestPlatform.PATIENCE).until(() -> bash(sandbox, "ls /root").contains("five"));
      bash(sandbox, "echo undone > /root/undone");
      String sleeping = sandbox.start(RunRequest.of("sleep 600", Language.BASH));

      sandbox.undo(2);

      for (String ended : List.of(counting, sleeping)) {
        assertThat(sandbox.execution(ended).reason()).contains("sandbox_closed");
      }
      List<ExecutionInfo> running =
          sandbox.execs().stream().filter(it -> it.state().equals("running")).toList();
      assertThat(running)
          .singleElement()
          .satisfies(it -> {
            assertThat(it.id()).isNotEqualTo(counting);
            assertThat(it.language()).contains("python");
          });
      assertThat(bash(sandbox, "ls /root/undone 2>&1 || true")).contains("No such file");
      sandbox.cancel(running.getFirst().id());
      RunResult rest = sandbox.join(running.getFirst().id(), 0, new RunListener() {});
      int first = Integer.parseInt(rest.stdout().lines().findFirst().orElseThrow());
      assertThat(first).isPositive();
      assertThat(python(sandbox, "print(i >= " + first + ")")).isEqualTo("True");
    }
  }

  @Test
  void callsThatBeginAtOnceAreTakenBackOneByOne() throws Exception {
    try (Sandbox sandbox = keeping(16)) {
      Thread[] callers = new Thread[6];
      for (int i = 0; i < callers.length; i++) {
        String line = "echo " + i + " >> /root/log; sync";
        callers[i] = Thread.ofVirtual().start(() -> bash(sandbox, line));
      }
      for (Thread caller : callers) {
        assertThat(caller.join(TestPlatform.PATIENCE)).isTrue();
      }
      assertThat(available(sandbox)).isEqualTo(6);
      sandbox.undo(5);
      // The first has begun, and goes on if it had not ended.
      await()
          .atMost(TestPlatform.PATIENCE)
          .until(() -> sandbox.execs().stream().noneMatch(it -> it.state().equals("running")));
      assertThat(bash(sandbox, "wc -l < /root/log")).isEqualTo("1");
    }
  }

  @Test
  void theGuestIsRenewed() {
    try (Sandbox sandbox = keeping(4)) {
      String random = "head -c 16 /dev/urandom | od -An -tx1";
      String first = bash(sandbox, random);
      sandbox.undo();
      assertThat(bash(sandbox, random)).isNotEqualTo(first);
      python(sandbox, "import time, os; time.sleep(2)");
      sandbox.undo();
      long guest = Long.parseLong(bash(sandbox, "date +%s"));
      assertThat(guest).isBetween(now() - 10, now() + 10);
      assertThat(bash(sandbox, "hostname")).isEqualTo(sandbox.id().replace('_', '-'));
    }
  }

  private static long now() {
    return System.currentTimeMillis() / 1000;
  }

  @Test
  void childrenKeepTheirOwnCallsAndAWinnerBringsIts() {
    try (Sandbox parent = keeping(4)) {
      python(parent, "x = 'parent'");
      python(parent, "y = 1");
      Sandbox child = parent.fork(1).getFirst();
      assertThat(child.info().undo()).contains(new SandboxInfo.Undo(4, 0));
      python(child, "x = 'child'");
      python(child, "x = 'winner'");
      python(parent, "x = 'lost'");
      child.undo();
      assertThat(python(child, "print(x)")).isEqualTo("child");
      parent.undo(2);
      assertThat(python(parent, "print(x, 'y' in globals())")).isEqualTo("parent False");
      parent.mergeInto(child);
      assertThat(available(parent)).isEqualTo(2);
      parent.undo(2);
      assertThat(python(parent, "print(x)")).isEqualTo("parent");
      refused(parent, 2, 1);
    }
  }

  @Test
  void aPauseKeepsItAndAFreezeAndARollbackBeginAnew() {
    SandboxOptions options = SandboxOptions.builder().undo(4).persistent(true).build();
    try (Sandbox sandbox = platform.client.create(options)) {
      python(sandbox, "x = 1");
      python(sandbox, "x = 2");
      sandbox.pause();
      sandbox.undo(); // wakes it
      assertThat(python(sandbox, "print(x)")).isEqualTo("1");
      String snapshot = sandbox.snapshot().id();
      python(sandbox, "x = 3");
      sandbox.rollback(snapshot);
      assertThat(sandbox.info().undo()).contains(new SandboxInfo.Undo(4, 0));
      python(sandbox, "x = 4");
      sandbox.undo();
      sandbox.freeze();
      assertThat(sandbox.info().undo()).contains(new SandboxInfo.Undo(4, 0));
      refused(sandbox, 1, 0); // wakes it
      python(sandbox, "x = 5");
      sandbox.undo();
      assertThat(python(sandbox, "print(x)")).isEqualTo("1");
      try (Sandbox copy =
          platform.client.create(SandboxOptions.builder().snapshot(snapshot).undo(2).build())) {
        assertThat(copy.info().undo()).contains(new SandboxInfo.Undo(2, 0));
      }
      platform.client.snapshots().delete(snapshot);
      sandbox.delete();
    }
  }

  @Test
  void theDisksChainStaysShortAndEveryMomentHasItsOwn() {
    int calls = LongRun.choose(50, 300);
    try (Sandbox sandbox = keeping(16)) {
      for (int i = 1; i <= calls; i++) {
        bash(sandbox, "echo " + i + " > /root/n; head -c 50K /dev/urandom > /root/r; sync");
        assertThat(platform.machine(sandbox).diskLayers()).isLessThan(40);
      }
      sandbox.undo(5);
      assertThat(fromTheDisk(sandbox)).isEqualTo("" + (calls - 5));
      sandbox.undo(11); // and the one above
      assertThat(fromTheDisk(sandbox)).isEqualTo("" + (calls - 15));
      await()
          .atMost(Duration.ofMinutes(2))
          .until(() -> platform.machine(sandbox).diskLayers() <= 17);
      assertThat(fromTheDisk(sandbox)).isEqualTo("" + (calls - 15));
    }
  }

  private static String fromTheDisk(Sandbox sandbox) {
    return bash(sandbox, "sync; echo 3 > /proc/sys/vm/drop_caches; cat /root/n");
  }

  @Test
  void aGuestThatCrashesIsGoneAsAnyOther() {
    Sandbox sandbox = keeping(4);
    python(sandbox, "x = 1");
    sandbox.start(RunRequest.of("echo c > /proc/sysrq-trigger", Language.BASH));
    assertThat(platform.awaitGone(sandbox)).isEqualTo("guest_crashed");
    assertThatThrownBy(sandbox::undo)
        .isInstanceOfSatisfying(ApiException.class, e -> assertThat(e.status()).isEqualTo(410));
  }
}
