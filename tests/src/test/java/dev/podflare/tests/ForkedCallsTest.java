package dev.podflare.tests;

import static dev.podflare.tests.GuestProbe.assertUsable;
import static dev.podflare.tests.GuestProbe.bash;
import static dev.podflare.tests.GuestProbe.python;
import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.client.ExecutionInfo;
import dev.podflare.client.Language;
import dev.podflare.client.RunListener;
import dev.podflare.client.RunRequest;
import dev.podflare.client.RunResult;
import dev.podflare.client.Sandbox;
import dev.podflare.server.testing.ApiClient;
import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Calls that run while their sandbox is forked: each child has a copy that goes on. */
@OnPlatform
@Order(36)
class ForkedCallsTest {
  private final TestPlatform platform;

  ForkedCallsTest(TestPlatform platform) {
    this.platform = platform;
  }

  @ParameterizedTest
  @EnumSource(
      value = Language.class,
      names = {"PYTHON", "BASH"})
  void aCallGoesOnInTheParentAndFromTheForkInEachChild(Language language) {
    try (Sandbox parent = platform.createWarm()) {
      String call = parent.start(RunRequest.of(count(language), language));
      awaitOutput(parent);
      List<Sandbox> children = parent.fork(2);
      for (Sandbox child : children) {
        ExecutionInfo copy = onlyExecution(child);
        assertThat(copy.id()).isNotEqualTo(call);
        assertThat(copy.language()).contains(language.wireName());
        assertThat(copy.state()).isEqualTo("running");
      }
      stop(parent);
      RunResult whole = parent.join(call, 0, new RunListener() {});
      assertCounts(whole.stdout(), 0);
      for (Sandbox child : children) {
        stop(child);
        RunResult rest = child.join(child.execs().getLast().id(), 0, new RunListener() {});
        int first = Integer.parseInt(rest.stdout().lines().findFirst().orElseThrow());
        assertThat(first).isPositive();
        assertCounts(rest.stdout(), first);
        assertThat(rest.exitCode()).isEqualTo(whole.exitCode());
        assertThat(rest.reason()).isEqualTo("exited");
        assertUsable(child);
        child.close();
      }
    }
  }

  @Test
  void theCopyIsCancelledAloneAndKeepsTheTimeItHad() {
    try (Sandbox parent = platform.createWarm()) {
      String call =
          parent.start(
              RunRequest.of("import time; kept = 1\nwhile True: time.sleep(0.1)", Language.PYTHON)
                  .withTimeout(Duration.ofSeconds(20)));
      awaitRunning(parent);
      Sandbox child = parent.fork(1).getFirst();
      ExecutionInfo copy = onlyExecution(child);
      assertThat(copy.startedAt()).isEqualTo(parent.execution(call).startedAt());
      child.cancel(copy.id());
      assertThat(child.join(copy.id(), 0, new RunListener() {}).reason()).isEqualTo("cancelled");
      assertThat(python(child, "print(kept)")).isEqualTo("1");
      assertThat(parent.execution(call).state()).isEqualTo("running");
      Sandbox other = parent.fork(1).getFirst();
      String last = onlyExecution(other).id();
      parent.cancel(call);
      assertThat(parent.join(call, 0, new RunListener() {}).reason()).isEqualTo("cancelled");
      assertThat(other.join(last, 0, new RunListener() {}).reason()).isEqualTo("timeout");
      assertUsable(other);
      other.close();
      child.close();
    }
  }

  @Test
  void aChildsCopyGoesOnInItsOwnChildAndUnderTheParentsIdOnceMerged() {
    try (Sandbox parent = platform.createWarm()) {
      parent.start(RunRequest.of(count(Language.PYTHON), Language.PYTHON));
      awaitOutput(parent);
      Sandbox child = parent.fork(1).getFirst();
      Sandbox grandchild = child.fork(1).getFirst();
      String copy = onlyExecution(grandchild).id();
      parent.mergeInto(grandchild);
      stop(parent);
      String output = parent.join(copy, 0, new RunListener() {}).stdout();
      assertCounts(output, Integer.parseInt(output.lines().findFirst().orElseThrow()));
      child.close();
    }
  }

  @Test
  void parentAndChildReadTheirOwnInputFromThere() {
    try (Sandbox parent = platform.createWarm()) {
      String started =
          ApiClient.json(
                  platform.api.post(
                      path(parent, "/exec"),
                      """
                      {"code": "read a; read b; echo $a $b", "language": "bash",
                       "stdin_open": true, "background": true}
                      """))
              .get("exec_id")
              .stringValue();
      write(parent, started, "same");
      Sandbox child = parent.fork(1).getFirst();
      String copy = onlyExecution(child).id();
      write(child, copy, "child");
      write(parent, started, "parent");
      assertThat(parent.join(started, 0, new RunListener() {}).stdout()).isEqualTo("same parent");
      assertThat(child.join(copy, 0, new RunListener() {}).stdout()).isEqualTo("same child");
      child.close();
    }
  }

  private void write(Sandbox sandbox, String exec, String text) {
    String body = "{\"data\": \"" + text + "\\n\"}";
    assertThat(platform.api.post(path(sandbox, "/execs/" + exec + "/stdin"), body).status())
        .isEqualTo(204);
  }

  private static String path(Sandbox sandbox, String rest) {
    return "/v1/sandboxes/" + sandbox.id() + rest;
  }

  /** Counts until {@link #stop}. */
  private static String count(Language language) {
    return switch (language) {
      case PYTHON -> GuestProbe.COUNT;
      case BASH -> GuestProbe.countInBash(3);
    };
  }

  private static void stop(Sandbox sandbox) {
    assertThat(bash(sandbox, "touch /root/stop; echo beside")).isEqualTo("beside");
  }

  private static void assertCounts(String output, int first) {
    List<String> lines = output.lines().toList();
    assertThat(lines)
        .isEqualTo(
            IntStream.range(first, first + lines.size()).mapToObj(Integer::toString).toList());
  }

  private static ExecutionInfo onlyExecution(Sandbox sandbox) {
    assertThat(sandbox.execs()).hasSize(1);
    return sandbox.execs().getFirst();
  }

  private static void awaitRunning(Sandbox sandbox) {
    Awaitility.await()
        .atMost(TestPlatform.PATIENCE)
        .until(() -> sandbox.execs().getFirst().state().equals("running"));
  }

  private void awaitOutput(Sandbox sandbox) {
    Awaitility.await()
        .atMost(TestPlatform.PATIENCE)
        .until(() -> platform.api.get(path(sandbox, "/replay")).text().contains("stdout"));
  }
}
