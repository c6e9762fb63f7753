package dev.podflare.tests;

import static dev.podflare.tests.GuestProbe.assertUsable;
import static dev.podflare.tests.GuestProbe.bash;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.podflare.client.ApiException;
import dev.podflare.client.GuestProcesses;
import dev.podflare.client.LogLine;
import dev.podflare.client.OpenPort;
import dev.podflare.client.ProcessInfo;
import dev.podflare.client.ProcessOptions;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxOptions;
import dev.podflare.client.SandboxPatch;
import dev.podflare.client.SandboxProcess;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;

/** Processes of real guests: started, waited for, copied, frozen, taken back, and hostile. */
@OnPlatform
@Order(41)
class ProcessesTest {
  private static final Duration PATIENCE = TestPlatform.PATIENCE;

  /** Says numbers, one after the other, until there is a file {@code /root/stop}. */
  static final ProcessOptions COUNTER = ProcessOptions.command(GuestProbe.countInBash(5));

  private final HttpClient http =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private final TestPlatform platform;

  ProcessesTest(TestPlatform platform) {
    this.platform = platform;
  }

  /** A web server on all addresses. */
  static ProcessOptions web(int port) {
    return ProcessOptions.of("python3", "-u", "-m", "http.server", Integer.toString(port))
        .withCwd("/root")
        .withName("web");
  }

  private static Map<String, Object> refused(String code, ThrowingCallable call) {
    List<ApiException> thrown = new ArrayList<>();
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            ApiException.class,
            e -> {
              assertThat(e.code()).as(e.getMessage()).isEqualTo(code);
              thrown.add(e);
            });
    return thrown.getFirst().details();
  }

  private String get(Sandbox sandbox, int port, String path) {
    HttpRequest request =
        HttpRequest.newBuilder(sandbox.portUrl(port).resolve(path))
            .header("Authorization", "Bearer " + platform.key)
            .timeout(PATIENCE)
            .build();
    try {
      return http.send(request, HttpResponse.BodyHandlers.ofString()).body().strip();
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void aServerIsWaitedForReachedAndCopiedByAFork() {
    try (Sandbox sandbox = platform.createWarm()) {
      bash(sandbox, "echo parent > /root/who");
      SandboxProcess web = sandbox.startProcess(web(8000));
      OpenPort open = sandbox.awaitPort(8000, PATIENCE, Optional.of("web"));
      assertThat(open).isEqualTo(new OpenPort(8000, List.of("0.0.0.0"), true));
      assertThat(sandbox.awaitPort(8000, PATIENCE)).as("at once").isEqualTo(open);
      assertThat(get(sandbox, 8000, "who")).isEqualTo("parent");
      LogLine said = web.awaitLine("^Serving HTTP on .* port (\\d+)", PATIENCE);
      assertThat(said.groups()).containsExactly("8000");
      assertThat(web.awaitText("GET /who", said.seq(), PATIENCE).stream()).isEqualTo("stderr");

      try (Sandbox child = sandbox.fork(1).getFirst()) {
        bash(child, "echo child > /root/who");
        SandboxProcess its = child.process("web");
        assertThat(its.info().processId()).isEqualTo(web.id());
        assertThat(its.info().pid()).isEqualTo(web.info().pid());
        assertThat(its.awaitLine("port (\\d+)", PATIENCE))
            .as("said before the fork")
            .isEqualTo(said);
        assertThat(child.awaitPort(8000, PATIENCE, Optional.of("web"))).isEqualTo(open);
        assertThat(get(child, 8000, "who")).isEqualTo("child");
        its.end();
        ProcessInfo ended = its.await(PATIENCE);
        assertThat(ended.exitCode()).contains(143);
        assertThat(ended.reason()).contains("cancelled");
        refused("process_ended", () -> child.awaitPort(8001, PATIENCE, Optional.of(web.id())));
      }
      assertThat(get(sandbox, 8000, "who")).isEqualTo("parent");
      assertThat(web.info().isRunning()).isTrue();
      assertThat(sandbox.execs()).extracting(it -> it.id()).doesNotContain(web.id());
      assertUsable(sandbox);
    }
  }

  @Test
  void aLogIsReplayedFromAnyNumberAndInputIsPassedOn() {
    try (Sandbox sandbox = platform.createWarm()) {
      SandboxProcess cat = sandbox.startProcess(ProcessOptions.of("cat").withInput());
      cat.input("é one\n".getBytes(StandardCharsets.UTF_8));
      LogLine one = cat.awaitText("one", 0, PATIENCE);
      cat.input("two\n".getBytes(StandardCharsets.UTF_8));
      LogLine two = cat.awaitText("two", one.seq(), PATIENCE);
      assertThat(two.seq()).isEqualTo(one.seq() + 1);
      LogHeard all = LogHeard.kept(cat, 0);
      assertThat(all.stdout()).isEqualTo("é one\ntwo\n");
      assertThat(all.skipped()).isZero();
      assertThat(LogHeard.kept(cat, two.seq()).stdout()).isEqualTo("two\n");
      assertThat(LogHeard.kept(cat, all.next()).stdout()).isEmpty();
      CompletableFuture<LogHeard> follower =
          CompletableFuture.supplyAsync(() -> LogHeard.toTheEnd(cat, all.next()));
      cat.input("three".getBytes(StandardCharsets.UTF_8));
      cat.closeInput();
      LogHeard rest = follower.orTimeout(120, TimeUnit.SECONDS).join();
      assertThat(rest.stdout()).isEqualTo("three");
      assertThat(rest.code()).isZero();
      assertThat(cat.info().stdinOpen()).isFalse();
      refused("stdin_closed", () -> cat.input(new byte[1]));
      refused("process_ended", () -> cat.awaitLine("four", PATIENCE));
      refused("process_ended", () -> cat.signal("TERM"));
      cat.end(); // of one that has ended: nothing
      refused("process_not_found", () -> sandbox.process("prc_0").info());
    }
  }

  @Test
  void signalsReachItOrAllOfIt() {
    try (Sandbox sandbox = platform.createWarm()) {
      SandboxProcess process =
          sandbox.startProcess(
              ProcessOptions.of(
                  "bash",
                  "-c",
                  "trap 'echo usr' USR1; trap 'echo term' TERM; sleep 4321 & echo up;"
                      + " while :; do wait; sleep 0.1; done"));
      process.awaitText("up", 0, PATIENCE);
      process.signal("USR1", false);
      process.awaitText("usr", 0, PATIENCE);
      assertThat(process.await(Duration.ofMillis(50)).isRunning()).isTrue();
      assertThat(bash(sandbox, "pgrep -f 'sleep 4321' | wc -l")).isNotEqualTo("0");
      process.end(); // it does not listen to that, so all of it is killed
      ProcessInfo ended = process.await(PATIENCE);
      assertThat(ended.exitCode()).contains(137);
      assertThat(LogHeard.kept(process, 0).stdout()).contains("term");
      await().atMost(PATIENCE).until(() -> bash(sandbox, "pgrep -cx sleep; true").equals("0"));
      SandboxProcess timed =
          sandbox.startProcess(
              ProcessOptions.of("sleep", "1000").withTimeout(Duration.ofSeconds(1)));
      assertThat(timed.await(PATIENCE).reason()).contains("timeout");
    }
  }

  @Test
  void whatDoesNotComeIsSaid() {
    try (Sandbox sandbox = platform.createWarm()) {
      refused("timed_out", () -> sandbox.awaitPort(8002, Duration.ofMillis(300)));
      SandboxProcess dies =
          sandbox.startProcess(ProcessOptions.command("sleep 0.3; echo no >&2; exit 9"));
      assertThat(
              refused(
                  "process_ended", () -> sandbox.awaitPort(8002, PATIENCE, Optional.of(dies.id()))))
          .containsEntry("exit_code", 9);
      assertThat(LogHeard.toTheEnd(dies, 0).stderr()).isEqualTo("no\n");
      assertThat(
              refused(
                      "invalid_field",
                      () -> sandbox.startProcess(ProcessOptions.of("no-such-program")))
                  .get("field"))
          .isEqualTo("argv");
      refused(
          "invalid_field",
          () -> sandbox.startProcess(ProcessOptions.of("true").withCwd("/nowhere")));
      refused("invalid_field", () -> dies.awaitLine("(", PATIENCE));
      assertThat(sandbox.processes()).hasSize(1);
      refused("process_not_found", () -> sandbox.awaitPort(1, PATIENCE, Optional.of("nobody")));
    }
  }

  @Test
  void aServerOnLoopbackIsFoundAndSaidToBeOutOfReach() {
    try (Sandbox sandbox = platform.createWarm()) {
      sandbox.startProcess(
          ProcessOptions.of("python3", "-m", "http.server", "8000", "--bind", "127.0.0.1"));
      OpenPort open = sandbox.awaitPort(8000, PATIENCE);
      assertThat(open).isEqualTo(new OpenPort(8000, List.of("127.0.0.1"), false));
      assertThat(get(sandbox, 8000, "")).contains("port_not_listening");
    }
  }

  @Test
  void theGuestsProcessesAreListed() {
    try (Sandbox sandbox = platform.createWarm()) {
      SandboxProcess process = sandbox.startProcess(ProcessOptions.of("sleep", "1234"));
      await()
          .atMost(PATIENCE)
          .untilAsserted(() -> {
            GuestProcesses all = sandbox.guestProcesses();
            assertThat(all.truncated()).isFalse();
            assertThat(all.guest())
                .filteredOn(it -> it.processId().equals(Optional.of(process.id())))
                .singleElement()
                .satisfies(it -> {
                  assertThat(it.pid()).isEqualTo(process.info().pid());
                  assertThat(it.command()).isEqualTo("sleep 1234");
                  assertThat(it.residentBytes()).isPositive();
                });
            assertThat(all.guest()).extracting(it -> it.pid()).doesNotContain(1L, 2L);
            assertThat(all.processes()).hasSize(1);
          });
      process.signal("KILL");
      assertThat(process.await(PATIENCE).exitCode()).contains(137);
      assertThat(process.info().reason()).contains("exited");
    }
  }

  @Test
  void itIsFrozenWithItsSandboxAndGoesOnWithIt() {
    try (Sandbox sandbox =
        platform.client.create(SandboxOptions.builder().persistent(true).build())) {
      SandboxProcess counter = sandbox.startProcess(COUNTER.withName("counter"));
      SandboxProcess web = sandbox.startProcess(web(8000));
      SandboxProcess cat = sandbox.startProcess(ProcessOptions.of("cat").withInput());
      sandbox.awaitPort(8000, PATIENCE, Optional.of("web"));
      LogLine before = counter.awaitLine("^20$", PATIENCE);
      cat.input("before\n".getBytes(StandardCharsets.UTF_8));
      cat.awaitText("before", 0, PATIENCE);
      sandbox.freeze();
      assertThat(sandbox.info().state()).isEqualTo("frozen");
      assertThat(counter.info().isRunning()).as("which wakes it").isTrue();
      assertThat(counter.awaitLine("^20$", PATIENCE)).isEqualTo(before);
      assertThat(sandbox.awaitPort(8000, PATIENCE, Optional.of("web")).reachable()).isTrue();
      assertThat(get(sandbox, 8000, "")).contains("Directory listing");
      cat.input("after\n".getBytes(StandardCharsets.UTF_8));
      cat.awaitText("after", 0, PATIENCE);
      assertThat(LogHeard.kept(cat, 0).stdout()).isEqualTo("before\nafter\n");
      bash(sandbox, "touch /root/stop");
      assertCounted(LogHeard.toTheEnd(counter, 0));
      assertThat(web.info().isRunning()).isTrue();
      sandbox.delete();
    }
  }

  /** Every number was said, once. */
  static void assertCounted(LogHeard heard) {
    assertThat(heard.skipped()).isZero();
    assertThat(heard.code()).isEqualTo(5);
    List<String> lines = heard.stdout().lines().toList();
    for (int i = 0; i < lines.size(); i++) {
      assertThat(lines.get(i)).isEqualTo(Integer.toString(i));
    }
  }

  @Test
  void anUndoTakesItBackAndAWaitGoesOn() {
    try (Sandbox sandbox = platform.client.create(SandboxOptions.builder().undo(4).build())) {
      SandboxProcess counter = sandbox.startProcess(COUNTER);
      counter.awaitLine("^10$", PATIENCE);
      bash(sandbox, "echo a moment was kept before this");
      SandboxProcess gone = sandbox.startProcess(ProcessOptions.of("sleep", "1000"));
      CompletableFuture<ProcessInfo> waiter =
          CompletableFuture.supplyAsync(() -> counter.await(PATIENCE));
      sandbox.undo(2);
      assertThat(gone.info().reason()).contains("sandbox_closed");
      assertThat(counter.info().isRunning()).isTrue();
      assertThat(waiter).isNotDone();
      bash(sandbox, "touch /root/stop");
      assertThat(waiter.orTimeout(120, TimeUnit.SECONDS).join().exitCode()).contains(5);
      assertCounted(LogHeard.toTheEnd(counter, 0));
      sandbox.undo(2); // the end, and its start
      assertThat(counter.info().isRunning()).isFalse();
    }
  }

  @Test
  void itStandsStillWhilePausedAndInputWakesIt() {
    try (Sandbox sandbox =
        platform.client.create(SandboxOptions.builder().autoResume(true).build())) {
      SandboxProcess cat = sandbox.startProcess(ProcessOptions.of("cat").withInput());
      cat.input("one\n".getBytes(StandardCharsets.UTF_8));
      cat.awaitText("one", 0, PATIENCE);
      sandbox.pause();
      assertThat(cat.await(Duration.ofMillis(100)).isRunning()).isTrue();
      assertThat(LogHeard.kept(cat, 0).stdout()).isEqualTo("one\n");
      assertThat(sandbox.info().state()).isEqualTo("paused");
      cat.input("two\n".getBytes(StandardCharsets.UTF_8));
      cat.awaitText("two", 0, PATIENCE);
      assertThat(sandbox.info().state()).isEqualTo("ready");
    }
  }

  @Test
  void aMergeTakesTheWinnersProcesses() {
    try (Sandbox parent = platform.createWarm()) {
      SandboxProcess counter = parent.startProcess(COUNTER);
      counter.awaitLine("^5$", PATIENCE);
      Sandbox child = parent.fork(1).getFirst();
      SandboxProcess own = child.startProcess(ProcessOptions.of("sleep", "1000"));
      parent.mergeInto(child);
      assertThat(parent.process(own.id()).info().isRunning()).isTrue();
      assertThat(parent.processes()).hasSize(2);
      bash(parent, "touch /root/stop");
      assertThat(counter.await(PATIENCE).exitCode()).contains(5);
      assertCounted(LogHeard.toTheEnd(counter, 0));
    }
  }

  @Test
  void floodsAreKeptInARingAndHoldUpNobody() {
    try (Sandbox sandbox = platform.createWarm()) {
      SandboxProcess flood =
          sandbox.startProcess(
              ProcessOptions.command("head -c 30000000 /dev/zero; echo; echo last"));
      assertThat(flood.await(PATIENCE).exitCode()).contains(0);
      LogHeard kept = LogHeard.kept(flood, 0);
      assertThat(kept.skipped()).isPositive();
      assertThat(kept.stdout()).endsWith("\nlast\n");
      assertThat(kept.stdout().length()).isLessThan(5 << 20);
      assertThat(kept.next()).isEqualTo(flood.info().nextSeq());
      assertThat(flood.awaitLine("^last$", PATIENCE).line()).isEqualTo("last");
      SandboxProcess newlines =
          sandbox.startProcess(ProcessOptions.command("yes '' | head -c 3000000; echo end"));
      assertThat(newlines.awaitLine("^end$", PATIENCE).line()).isEqualTo("end");
      assertUsable(sandbox);
    }
  }

  @Test
  void noMoreThanTheLimitRunAtOnce() {
    try (Sandbox sandbox = platform.createWarm()) {
      List<SandboxProcess> all = new ArrayList<>();
      int most = 64;
      for (int i = 0; i < most; i++) {
        all.add(sandbox.startProcess(ProcessOptions.of("sleep", "1000").withName("n")));
      }
      assertThat(
              refused("too_many_processes", () -> sandbox.startProcess(ProcessOptions.of("true"))))
          .containsEntry("max_processes", most);
      assertThat(sandbox.process("n").info().processId())
          .as("the newest of that name")
          .isEqualTo(all.getLast().id());
      assertUsable(sandbox);
      all.getFirst().signal("KILL");
      all.getFirst().await(PATIENCE);
      assertThat(sandbox.startProcess(ProcessOptions.of("true")).await(PATIENCE).exitCode())
          .contains(0);
    }
  }

  @Test
  void oneKeepsItsSandboxAwakeUnlessItIsNotTo() {
    try (Sandbox awake = platform.client.create();
        Sandbox idle = platform.client.create()) {
      awake.startProcess(ProcessOptions.of("sleep", "1000"));
      SandboxProcess server = idle.startProcess(ProcessOptions.of("sleep", "1000").mayBeIdle());
      SandboxPatch brief = SandboxPatch.NOTHING.withIdleTimeout(Duration.ofSeconds(2));
      awake.patch(brief);
      idle.patch(brief);
      assertThat(platform.awaitGone(idle)).isEqualTo("idle");
      refused("gone", server::info);
      assertThat(awake.info().state()).isEqualTo("ready");
    }
  }
}
