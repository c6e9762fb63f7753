package dev.podflare.tests;

import static dev.podflare.tests.GuestProbe.python;
import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.client.Language;
import dev.podflare.client.RunListener;
import dev.podflare.client.RunRequest;
import dev.podflare.client.RunResult;
import dev.podflare.client.Sandbox;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;

/** Input and output that hold each other up: nothing else may be held up by them. */
@OnPlatform
@Order(45)
class StandardInputTest {
  private static final int MEGABYTE = 1 << 20;

  private final Sandbox sandbox;

  StandardInputTest(TestPlatform platform) {
    this.sandbox = platform.create();
  }

  @AfterEach
  void delete() {
    sandbox.delete();
  }

  @Test
  void aMegabyteOfInputComesBack() {
    String text = "0123456789abcde\n".repeat(MEGABYTE / 16);
    RunResult result =
        sandbox.run(RunRequest.of("cat", Language.BASH).withStdin(text), new RunListener() {});
    assertThat(result.exitCode()).isZero();
    assertThat(result.stdout()).isEqualTo(text);
  }

  @Test
  void aProgramNeedNotReadItsInput() {
    RunResult result =
        sandbox.run(
            RunRequest.of("echo done; exit 3", Language.BASH).withStdin("x".repeat(2 * MEGABYTE)),
            new RunListener() {});
    assertThat(result.exitCode()).isEqualTo(3);
    assertThat(result.stdout()).isEqualTo("done\n");
  }

  @Test
  void whileAProgramDoesNotReadAllElseGoesOn() {
    String exec =
        sandbox.start(
            RunRequest.of("sleep 600", Language.BASH).withStdin("x".repeat(2 * MEGABYTE)));
    assertThat(python(sandbox, "print('beside')")).isEqualTo("beside");
    assertThat(sandbox.execution(exec).state()).isEqualTo("running");
    assertThat(sandbox.execs()).isNotEmpty();
    sandbox.cancel(exec);
    assertThat(sandbox.join(exec, 0, new RunListener() {}).exitCode()).isEqualTo(130);
  }
}
