package dev.podflare.tests;

import static dev.podflare.tests.GuestProbe.assertUsable;
import static dev.podflare.tests.GuestProbe.bash;
import static dev.podflare.tests.GuestProbe.python;
import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.client.ApiException;
import dev.podflare.client.Language;
import dev.podflare.client.RunListener;
import dev.podflare.client.RunRequest;
import dev.podflare.client.RunResult;
import dev.podflare.client.Sandbox;
import dev.podflare.qemu.MachineState;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Code that does its worst: to itself at most, never to the daemon or a neighbour. */
@OnPlatform
@Order(55)
class HostileGuestTest {
  private final TestPlatform platform;
  private final Sandbox sandbox;
  private final Neighbour neighbour;

  HostileGuestTest(TestPlatform platform) {
    this.platform = platform;
    this.sandbox = platform.create();
    this.neighbour = Neighbour.moveIn(platform);
  }

  @AfterEach
  void neighbourWasNotDisturbed() {
    neighbour.close();
    sandbox.delete();
    assertThat(platform.client.healthy()).isTrue();
  }

  /** The first guest of an image: all pages that it touches are charged to it. */
  @Test
  void aGuestMayUseAllItsMemory(@TempDir Path data) {
    try (TestPlatform fresh = TestPlatform.start(data, config -> config.withPool(0, 0));
        Sandbox first = fresh.create()) {
      String available = bash(first, "awk '/MemAvailable/ {print $2}' /proc/meminfo");
      long bytes = (Long.parseLong(available) << 10) - (30L << 20);
      python(first, "kept = b'x' * " + bytes);
      bash(first, "ls -lR /usr > /dev/null");
      assertThat(python(first, "print(len(kept), kept.count(b'x'))"))
          .isEqualTo(bytes + " " + bytes);
    }
  }

  @Test
  void allMemoryCostsTheInterpreterOnly() {
    bash(sandbox, "echo kept > /root/kept");
    RunResult hog =
        run("hog = []\nwhile True: hog.append(bytearray(b'x' * 10_000_000))", Language.PYTHON, 120);
    assertThat(hog.reason()).isEqualTo("out_of_memory");
    assertThat(hog.exitCode()).isEqualTo(137);
    assertUsable(sandbox);
    assertThat(bash(sandbox, "cat /root/kept")).isEqualTo("kept");
    RunResult bashHog = run("x=a; while true; do x=$x$x$x; done", Language.BASH, 120);
    assertThat(bashHog.exitCode()).isNotZero();
    assertUsable(sandbox);
  }

  @Test
  void aForkBombFizzlesOut() {
    RunResult bomb = run("bomb() { bomb | bomb & }; bomb; sleep 600", Language.BASH, 5);
    assertThat(bomb.exitCode()).isNotZero();
    assertUsable(sandbox);
  }

  /** Its children may be everywhere by then; whoever made it loses his sandbox, nobody else. */
  @Test
  void aForkBombInTheInterpreterHarmsItsOwnSandboxOnly() {
    RunResult python =
        run("import os\nwhile True:\n  try: os.fork()\n  except OSError: pass", Language.PYTHON, 5);
    assertThat(python.exitCode()).isNotZero();
    assertThat(platform.machine(sandbox).state()).isEqualTo(MachineState.RUNNING);
  }

  @Test
  void aFullDiskIsAnOrdinaryError() {
    bash(
        sandbox,
        "fallocate -l $(($(df --output=avail -B1 / | tail -1) - 4096)) /root/fill;"
            + " dd if=/dev/urandom of=/root/rest bs=4k 2>/dev/null; true");
    RunResult write = sandbox.runCode("open('/root/more', 'wb').write(b'x' * 1_000_000)");
    assertThat(write.exitCode()).isEqualTo(1);
    assertThat(write.stderr()).contains("No space left");
    assertUsable(sandbox);
    bash(sandbox, "rm -f /root/fill /root/rest; echo room > /root/more; sync");
    assertThat(bash(sandbox, "cat /root/more")).isEqualTo("room");
  }

  @Test
  void aFullRunFolderIsAnOrdinaryError() {
    bash(
        sandbox,
        "for d in /run /dev/shm; do head -c 3G /dev/zero > $d/fill; done 2>/dev/null; true");
    assertUsable(sandbox);
    RunResult large = sandbox.runCode("print(len('" + "a".repeat(100_000) + "'))");
    assertThat(large.exitCode() == 0 || large.stderr().contains("space")).as("%s", large).isTrue();
    bash(sandbox, "rm -f /run/fill /dev/shm/fill");
    assertThat(python(sandbox, "print(len('" + "a".repeat(100_000) + "'))")).isEqualTo("100000");
  }

  @Test
  void theInterpretersEndIsReportedAndItStartsAnew() {
    RunResult exit = sandbox.runCode("import os; os._exit(3)");
    assertThat(exit.reason()).isEqualTo("crashed");
    assertThat(exit.exitCode()).isEqualTo(3);
    assertUsable(sandbox);
    RunResult crash = sandbox.runCode("import ctypes; ctypes.string_at(0)");
    assertThat(crash.reason()).isEqualTo("crashed");
    assertThat(crash.exitCode()).isEqualTo(139);
    assertUsable(sandbox);
    RunResult closed = sandbox.runCode("import os; [os.close(fd) for fd in range(3)]");
    assertThat(closed.reason()).isIn("exited", "crashed");
    assertUsable(sandbox);
    RunResult all = sandbox.runCode("import os; os.closerange(0, 4096)");
    assertThat(all.reason()).isIn("exited", "crashed");
    assertUsable(sandbox);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "kill -9 -1",
        "kill -9 1; kill -TERM 1; kill -STOP 1; kill -HUP 1; kill -INT 1; kill -USR1 1",
        "kill -STOP -1",
        "for p in $(ls /proc | grep -E '^[0-9]+$'); do kill -SEGV $p; done",
        "renice -20 $$; chrt -f 99 true; exec timeout 3 sh -c 'while :; do :; done'",
        "sleep 600 & sleep 600 & echo left behind",
        "chmod 000 / /root /run /tmp /dev; date -s @0; hostname ''"
      })
  void signalsAndOrdersFromBashAreSurvived(String code) {
    run(code, Language.BASH, 5);
    assertUsable(sandbox);
  }

  @Test
  void anInterpreterThatStopsItselfGoesOn() {
    RunResult stopped =
        run(
            "import os, signal; os.kill(os.getpid(), signal.SIGSTOP); print('on')",
            Language.PYTHON,
            30);
    assertThat(stopped.stdout()).isEqualTo("on\n");
    assertUsable(sandbox);
  }

  /** Root in the guest can take the agent's port away from it: that costs this guest only. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "os.urandom(65536)",
        "struct.pack('>IcI', 5, b'O', 4_000_000_000)",
        "struct.pack('>IcI', 2**32 - 1, b'O', 1)",
        "struct.pack('>IcI', 7, b'H', 0) + b'{}'",
        "struct.pack('>IcI', 5, b'B', 0)",
        "b'\\0' * 50_000_000"
      })
  void garbageToTheHostEndsThisGuestAtMost(String garbage) {
    sandbox.start(RunRequest.of(STOLEN_PORT.replace("GARBAGE", garbage), Language.BASH));
    assertCrashedOrUsable();
  }

  private static final String STOLEN_PORT =
      """
      exec python3 - <<'EOF'
      import ctypes, os, struct
      agent = os.pidfd_open(1)
      names = {n: os.readlink(f'/proc/1/fd/{n}') for n in os.listdir('/proc/1/fd')}
      number = next(int(n) for n, path in names.items() if 'vport' in path)
      port = ctypes.CDLL(None).syscall(438, agent, number, 0)
      assert port >= 0
      os.set_blocking(port, True)
      data = memoryview(GARBAGE)
      while data:
          data = data[os.write(port, data):]
      EOF
      """;

  @Test
  void aFloodOnTheConsoleIsHarmless() {
    run("timeout 4 cat /dev/zero > /dev/ttyS0; timeout 2 yes > /dev/kmsg", Language.BASH, 30);
    assertUsable(sandbox);
  }

  @ParameterizedTest
  @ValueSource(strings = {"echo c > /proc/sysrq-trigger", "echo b > /proc/sysrq-trigger"})
  void aGuestThatEndsItselfIsGone(String code) {
    sandbox.start(RunRequest.of(code, Language.BASH));
    assertThat(platform.awaitGone(sandbox)).isEqualTo("guest_crashed");
  }

  /** Without its port the guest hears nothing any more: a call is given up at its limit. */
  @Test
  void aGuestThatFallsSilentIsNotWaitedForForEver() {
    String unbind =
        "cd /sys/bus/virtio/drivers/virtio_console;"
            + " for d in virtio*; do echo $d > unbind; done; sleep 600";
    RunResult silent = run(unbind, Language.BASH, 3);
    assertThat(silent.reason()).isIn("timeout", "sandbox_closed");
    sandbox.delete();
    assertThat(TestPlatform.goneReason(sandbox)).isPresent();
  }

  @Test
  void aGuestThatDestroysItsFilesCanStillBeEnded() {
    run("rm -rf --no-preserve-root / 2>/dev/null", Language.BASH, 20);
    sandbox.delete();
    assertThat(TestPlatform.goneReason(sandbox)).contains("deleted");
  }

  private void assertCrashedOrUsable() {
    Optional<String> gone = TestPlatform.goneReason(sandbox);
    try {
      for (int i = 0; gone.isEmpty() && i < 20; i++) {
        RunResult result = run("print(6 * 7)", Language.PYTHON, 30);
        gone = TestPlatform.goneReason(sandbox);
        assertThat(gone.isPresent() || result.reason().equals("sandbox_closed") || result.ok())
            .as("%s", result)
            .isTrue();
        Thread.sleep(100);
      }
    } catch (ApiException refused) {
      gone = Optional.of(platform.awaitGone(sandbox));
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
    gone.ifPresent(reason -> assertThat(reason).isEqualTo("guest_crashed"));
  }

  private RunResult run(String code, Language language, int seconds) {
    return sandbox.run(
        RunRequest.of(code, language).withTimeout(Duration.ofSeconds(seconds)),
        new RunListener() {});
  }
}
