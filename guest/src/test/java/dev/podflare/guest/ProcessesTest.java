package dev.podflare.guest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.guest.GuestExec.Reach;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.io.TempDir;

/** Programs that are started for themselves, lists of what runs, and waits for ports. */
@TestInstance(Lifecycle.PER_CLASS)
class ProcessesTest {
  private HostAgent agent;
  private GuestProcesses processes;

  @BeforeAll
  void start(@TempDir Path folder) {
    agent = new HostAgent(folder);
    processes = new GuestProcesses(agent.channel());
  }

  @AfterAll
  void stop() {
    agent.close();
  }

  private Recording run(String... argv) {
    return run(false, argv);
  }

  private Recording run(boolean stdin, String... argv) {
    return agent.start(
        ExecCommand.program(List.of(argv), Optional.empty(), Map.of("A", "b c"), stdin, 64 << 10));
  }

  @Test
  void aProgramIsFoundAndHasItsWordsAsTheyAre() {
    Recording env = run("env").await();
    assertThat(env.stdout()).contains("A=b c\n");
    assertThat(env.pid).isPositive();
    assertThat(run("printf", "%s|", "a b", "", "$HOME").await().stdout()).isEqualTo("a b||$HOME|");
    assertThat(run("/bin/sh", "-c", "exit 7").await().code()).isEqualTo(7);
    assertThat(run("sh", "-c", "echo $0").await().stdout()).isEqualTo("sh\n");
  }

  @Test
  void whatCannotStartSaysWhy() {
    Recording none = run("no-such-program").await();
    assertThat(none.pid).isZero();
    assertThat(none.message).contains("no-such-program");
    Recording folder =
        agent.start(
            ExecCommand.program(
                List.of("true"), Optional.of("/nowhere"), Map.of(), false, 64 << 10));
    assertThat(folder.await().message).contains("/nowhere");
    assertThatThrownBy(() -> run("a\0b"))
        .isInstanceOfSatisfying(
            PodflareException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_FIELD));
  }

  @Test
  void exactlyTheSignalIsSentToOneOrToAll() {
    Recording alone =
        run("bash", "-c", "trap 'echo got' USR1; sleep 60 & echo up; while :; do wait; done");
    await().until(() -> alone.stdout().equals("up\n"));
    alone.exec().signal(10, Reach.ONE);
    await().until(() -> alone.stdout().equals("up\ngot\n"));
    alone.exec().signal(19, Reach.GROUP); // STOP: nothing continues it
    await().until(() -> state(alone.pid).equals("T"));
    alone.exec().signal(18, Reach.GROUP);
    await().until(() -> !state(alone.pid).equals("T"));
    alone.exec().signal(15, Reach.GROUP);
    assertThat(alone.await().code()).isEqualTo(143);
    assertThat(alone.reason).isEqualTo(DoneReason.KILLED);
    alone.exec().signal(9, Reach.GROUP); // after its end: nothing
  }

  @Test
  void allOfASessionCanBeKilled() {
    Recording call = run("bash", "-c", "set -m; sleep 4321 & echo $!; wait");
    await().until(() -> call.stdout().endsWith("\n"));
    long other = Long.parseLong(call.stdout().strip());
    call.exec().signal(9, Reach.SESSION);
    assertThat(call.await().code()).isEqualTo(137);
    await().until(() -> !state(other).equals("S"));
  }

  private String state(long pid) {
    return processes.list(HostAgent.PATIENCE).processes().stream()
        .filter(it -> it.pid() == pid)
        .map(GuestProcess::state)
        .findFirst()
        .orElse("");
  }

  @Test
  void inputStaysOpen() {
    Recording cat = run(true, "cat");
    cat.exec().stdin("one".getBytes(StandardCharsets.UTF_8));
    await().until(() -> cat.stdout().equals("one"));
    cat.exec().stdinEnd();
    assertThat(cat.await().code()).isZero();
  }

  @Test
  void whatRunsIsListedWithoutTheAgentAndTheKernel() {
    Recording one = run("bash", "-c", "echo up; exec -a 'x\n\u00e9' sleep 60");
    await().until(() -> one.stdout().equals("up\n"));
    await()
        .untilAsserted(() -> {
          GuestProcesses.Listing listing = processes.list(HostAgent.PATIENCE);
          assertThat(listing.truncated()).isFalse();
          GuestProcess found =
              listing.processes().stream()
                  .filter(it -> it.pid() == one.pid)
                  .findFirst()
                  .orElseThrow();
          assertThat(found.command()).isEqualTo("x\n\u00e9 60");
          assertThat(found.ppid()).isEqualTo(agent.pid());
          assertThat(found.residentBytes()).isPositive();
          assertThat(listing.processes())
              .extracting(GuestProcess::pid)
              .doesNotContain(agent.pid(), 2L)
              .isSorted();
        });
    one.exec().signal(9, Reach.ONE);
    one.await();
  }

  @Test
  void aPortThatListensIsFoundAtOnceAndOneThatDoesNotSoon() throws Exception {
    InetAddress four = InetAddress.ofLiteral("127.0.0.1");
    InetAddress six = InetAddress.ofLiteral("::1");
    try (ServerSocket open = new ServerSocket(0, 5, four);
        GuestProcesses.PortWait wait = processes.awaitPort(open.getLocalPort())) {
      assertThat(wait.found().get(20, TimeUnit.SECONDS)).containsExactly("127.0.0.1");
    }
    int free;
    try (ServerSocket picked = new ServerSocket(0, 5, six)) {
      free = picked.getLocalPort();
    }
    try (GuestProcesses.PortWait wait = processes.awaitPort(free);
        GuestProcesses.PortWait other = processes.awaitPort(free)) {
      assertThat(agent.bash("echo beside").stdout()).isEqualTo("beside\n");
      assertThat(wait.found()).isNotDone();
      try (ServerSocket late = new ServerSocket(free, 5, six)) {
        assertThat(wait.found().get(20, TimeUnit.SECONDS)).containsExactly("::1");
        assertThat(other.found().get(20, TimeUnit.SECONDS)).containsExactly("::1");
        assertThat(late.isBound()).isTrue();
      }
    }
  }

  @Test
  void aWaitThatIsGivenUpLeavesNothing() {
    List<GuestExec> before = agent.channel().running();
    List<GuestProcesses.PortWait> waits = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      waits.add(processes.awaitPort(1));
    }
    waits.forEach(GuestProcesses.PortWait::close);
    await().untilAsserted(() -> assertThat(agent.channel().running()).allMatch(before::contains));
  }

  @Test
  void aListThatTakesTooLongIsTakenBack() {
    assertThatThrownBy(() -> processes.list(Duration.ZERO))
        .isInstanceOfSatisfying(
            PodflareException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.TIMED_OUT));
    assertThat(processes.list(HostAgent.PATIENCE).processes()).isNotEmpty();
  }
}
