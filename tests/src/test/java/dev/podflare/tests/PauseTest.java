package dev.podflare.tests;

import static dev.podflare.tests.GuestProbe.assertUsable;
import static dev.podflare.tests.GuestProbe.bash;
import static dev.podflare.tests.GuestProbe.python;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.client.ApiException;
import dev.podflare.client.Language;
import dev.podflare.client.RunListener;
import dev.podflare.client.RunRequest;
import dev.podflare.client.RunResult;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxInfo;
import dev.podflare.client.SandboxOptions;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;

/** Sandboxes that stand still in memory. */
@OnPlatform
@Order(46)
class PauseTest {
  private static final String COUNT =
      """
      import threading, time
      n = 0
      def count():
          global n
          while True:
              n += 1
              time.sleep(0.01)
      threading.Thread(target=count, daemon=True).start()
      """;

  private final TestPlatform platform;

  PauseTest(TestPlatform platform) {
    this.platform = platform;
  }

  private static SandboxOptions auto(boolean resume) {
    return SandboxOptions.builder().autoResume(resume).build();
  }

  @Test
  void thePausedStandStillUntilTheyAreResumedAndFindTheClockSet() throws Exception {
    try (Sandbox sandbox = platform.client.create(auto(false))) {
      python(sandbox, COUNT);
      assertThat(sandbox.pause().state()).isEqualTo("paused");
      assertThat(sandbox.pause().state()).isEqualTo("paused");
      long ticks = cpuNanos(sandbox);
      Thread.sleep(1000);
      assertThat(cpuNanos(sandbox) - ticks).isLessThan(Duration.ofMillis(100).toNanos());
      refused(() -> sandbox.runCode("print(1)"));
      assertThat(sandbox.resume().state()).isEqualTo("ready");
      assertThat(sandbox.resume().state()).isEqualTo("ready");
      int n = Integer.parseInt(python(sandbox, "print(n)"));
      python(sandbox, "time.sleep(0.5)");
      assertThat(Integer.parseInt(python(sandbox, "print(n)"))).isGreaterThan(n);
      double clock = Double.parseDouble(python(sandbox, "print(time.time())"));
      assertThat(Math.abs(clock - System.currentTimeMillis() / 1e3)).isLessThan(2.0);
    }
  }

  private long cpuNanos(Sandbox sandbox) throws Exception {
    long pid = platform.machine(sandbox).pid();
    return ProcessHandle.of(pid)
        .flatMap(process -> process.info().totalCpuDuration())
        .orElseThrow()
        .toNanos();
  }

  private static void refused(Runnable call) {
    assertThatThrownBy(call::run)
        .isInstanceOfSatisfying(
            ApiException.class,
            e -> {
              assertThat(e.code()).isEqualTo("wrong_state");
              assertThat(e.details()).containsEntry("state", "paused");
              assertThat(e.details().get("allowed")).isEqualTo(List.of("ready"));
            });
  }

  @Test
  void anyCallWakesOneThatWasMadeSo() {
    try (Sandbox sandbox = platform.client.create(auto(true))) {
      python(sandbox, "x = 7");
      sandbox.pause();
      assertThat(python(sandbox, "print(x)")).isEqualTo("7");
      assertThat(sandbox.info().state()).isEqualTo("ready");
    }
  }

  @Test
  void timeLimitsOfCallsStandStillToo() throws Exception {
    try (Sandbox sandbox = platform.createWarm()) {
      RunRequest request =
          RunRequest.of("for i in 1 2 3 4; do echo $i; sleep 1; done", Language.BASH)
              .withTimeout(Duration.ofSeconds(30));
      String call = sandbox.start(request);
      Thread.sleep(500);
      sandbox.pause();
      refused(() -> sandbox.cancel(call));
      Thread.sleep(1500);
      sandbox.resume();
      RunResult result = sandbox.join(call, 0, new RunListener() {});
      assertThat(result.stdout()).isEqualTo("1\n2\n3\n4\n");
      assertThat(result.reason()).isEqualTo("exited");
    }
  }

  @Test
  void aCallThatWasPausedHasTheTimeThatItHadLeft() throws Exception {
    try (Sandbox sandbox = platform.createWarm()) {
      RunRequest request =
          RunRequest.of("sleep 60", Language.BASH).withTimeout(Duration.ofSeconds(5));
      String call = sandbox.start(request);
      sandbox.pause();
      Thread.sleep(6000);
      assertThat(sandbox.execution(call).state()).isEqualTo("running");
      sandbox.resume();
      assertThat(sandbox.join(call, 0, new RunListener() {}).reason()).isEqualTo("timeout");
    }
  }

  @Test
  void theLifetimeStandsStill() throws Exception {
    SandboxOptions brief = SandboxOptions.builder().timeout(Duration.ofSeconds(4)).build();
    try (Sandbox sandbox = platform.client.create(brief)) {
      Instant first = sandbox.pause().expiresAt().orElseThrow();
      Thread.sleep(5000);
      SandboxInfo resumed = sandbox.resume();
      assertThat(resumed.expiresAt().orElseThrow()).isAfter(first.plusSeconds(4));
      assertThat(platform.awaitGone(sandbox)).isEqualTo("timeout");
    }
  }

  @Test
  void aForkOfAPausedSandboxLeavesItPaused() {
    try (Sandbox sandbox = platform.client.create(auto(false))) {
      python(sandbox, "x = 5");
      bash(sandbox, "echo disk > /root/file");
      sandbox.pause();
      List<Sandbox> children = sandbox.fork(2);
      assertThat(sandbox.info().state()).isEqualTo("paused");
      for (Sandbox child : children) {
        assertThat(child.info().state()).isEqualTo("ready");
        assertThat(python(child, "print(x)")).isEqualTo("5");
        assertThat(bash(child, "cat /root/file")).isEqualTo("disk");
        python(child, "open('/root/other', 'w').write('child')");
      }
      // A diff needs both guests to run, for a moment.
      assertThat(sandbox.diff(children.getFirst(), List.of("/root"), false).added()).hasSize(1);
      assertThat(sandbox.info().state()).isEqualTo("paused");
      sandbox.resume();
      assertUsable(sandbox);
      children.forEach(Sandbox::delete);
    }
  }

  @Test
  void aPausedSandboxCanBeDeleted() {
    Sandbox sandbox = platform.create();
    sandbox.pause();
    sandbox.delete();
    assertThat(TestPlatform.goneReason(sandbox)).contains("deleted");
  }
}
