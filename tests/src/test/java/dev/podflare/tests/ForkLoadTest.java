package dev.podflare.tests;

import static dev.podflare.tests.GuestProbe.assertUsable;
import static dev.podflare.tests.GuestProbe.python;
import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.client.ApiException;
import dev.podflare.client.Language;
import dev.podflare.client.RunListener;
import dev.podflare.client.RunRequest;
import dev.podflare.client.RunResult;
import dev.podflare.client.Sandbox;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;

/** Many forks while others work, and many children of one parent. */
@OnPlatform
@Order(40)
class ForkLoadTest {
  private static final int LINES = 400;

  private final TestPlatform platform;

  ForkLoadTest(TestPlatform platform) {
    this.platform = platform;
  }

  @Test
  void fourParentsForkEightEachWhileEightOthersRunCode() throws Exception {
    List<Sandbox> parents = create(4);
    List<Sandbox> workers = create(8);
    try (var executor = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<RunResult>> runs = new ArrayList<>();
      for (Sandbox worker : workers) {
        runs.add(executor.submit(() -> count(worker)));
      }
      List<Future<List<Sandbox>>> forks = new ArrayList<>();
      for (Sandbox parent : parents) {
        python(parent, "import os; kept = os.urandom(8).hex()");
        forks.add(executor.submit(admitted(() -> parent.fork(8))));
      }
      for (int i = 0; i < parents.size(); i++) {
        String kept = python(parents.get(i), "print(kept)");
        List<Sandbox> children = forks.get(i).get();
        assertThat(children).hasSizeBetween(0, 8);
        for (Sandbox child : children) {
          assertThat(python(child, "print(kept)")).isEqualTo(kept);
          child.delete();
        }
      }
      for (Future<RunResult> run : runs) {
        assertThat(run.get().exitCode()).isZero();
        assertThat(run.get().stdout().lines())
            .containsExactlyElementsOf(
                IntStream.range(0, LINES).mapToObj(Integer::toString).toList());
      }
    } finally {
      workers.forEach(Sandbox::delete);
      parents.forEach(Sandbox::delete);
    }
  }

  private List<Sandbox> create(int count) {
    return IntStream.range(0, count).mapToObj(_ -> platform.create()).toList();
  }

  private static RunResult count(Sandbox worker) {
    String code =
        "import time\nfor i in range(" + LINES + "):\n  print(i, flush=True); time.sleep(0.01)";
    return worker.run(RunRequest.of(code, Language.PYTHON), new RunListener() {});
  }

  /** A host that is full may say so; nothing else may go wrong. */
  private static Callable<List<Sandbox>> admitted(Callable<List<Sandbox>> fork) {
    return () -> {
      try {
        return fork.call();
      } catch (ApiException refused) {
        assertThat(refused.code()).isIn("host_full", "too_many_sandboxes", "too_much_memory");
        return List.of();
      }
    };
  }

  @Test
  void noTwoChildrenOfOneParentHaveSecretsInCommon() {
    int rounds = LongRun.choose(1, 5);
    Set<String> secrets = new HashSet<>();
    int children = 0;
    try (Sandbox parent = platform.createWarm()) {
      python(parent, "import os, ssl, uuid");
      for (int round = 0; round < rounds; round++) {
        List<Sandbox> twins = parent.fork(20);
        for (Sandbox twin : twins) {
          secrets.addAll(
              python(
                      twin,
                      "print(os.urandom(16).hex(), uuid.uuid4(), ssl.RAND_bytes(16).hex(),"
                          + " open('/etc/machine-id').read().strip(), sep='\\n')")
                  .lines()
                  .toList());
          children++;
          twin.delete();
        }
      }
      assertUsable(parent);
    }
    assertThat(secrets).hasSize(4 * children);
  }
}
