package dev.podflare.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.client.ApiException;
import dev.podflare.client.ContextInfo;
import dev.podflare.client.RunListener;
import dev.podflare.client.RunRequest;
import dev.podflare.client.RunResult;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxOptions;
import java.util.List;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;

/** Interpreters beside the first one are part of the guest. */
@OnPlatform
@Order(47)
class ContextLifeTest {
  private static final RunListener NOBODY = new RunListener() {};

  private final TestPlatform platform;

  ContextLifeTest(TestPlatform platform) {
    this.platform = platform;
  }

  private static RunResult run(Sandbox sandbox, String context, String code) {
    RunResult result = sandbox.run(RunRequest.in(context, code), NOBODY);
    assertThat(result.exitCode()).as(result.stderr()).isZero();
    return result;
  }

  @Test
  void whatTheTemplateLacksIsSaidWithWhatItHas() {
    try (Sandbox sandbox = platform.create()) {
      for (String language : List.of("java", "typescript", "r", "cobol")) {
        assertThatThrownBy(() -> sandbox.contexts().open(language))
            .isInstanceOfSatisfying(
                ApiException.class,
                it -> {
                  assertThat(it.code()).isEqualTo("language_not_available");
                  assertThat(it.details().get("languages")).hasToString("[python, bash]");
                });
      }
    }
  }

  @Test
  void forkAndFreezeKeepThem() {
    SandboxOptions options = SandboxOptions.builder().persistent(true).autoResume(true).build();
    try (Sandbox sandbox = platform.client.create(options)) {
      String shell = sandbox.contexts().open("bash").id();
      String python = sandbox.contexts().open("python").id();
      run(sandbox, shell, "cd /usr; v=parent");
      run(sandbox, python, "import os; n = [1]");
      try (Sandbox child = sandbox.fork(1).getFirst()) {
        run(child, shell, "v=child");
        run(child, python, "n.append(2)");
        assertThat(run(child, shell, "echo $v; pwd").stdout()).isEqualTo("child\n/usr\n");
        assertThat(child.contexts().list()).extracting(ContextInfo::id).contains(shell, python);
        assertThat(run(child, python, "n").results().getFirst().get("text/plain"))
            .isEqualTo("[1, 2]");
      }
      assertThat(run(sandbox, shell, "echo $v").stdout()).isEqualTo("parent\n");
      assertThat(sandbox.freeze().ownBytes()).isPositive();
      assertThat(run(sandbox, shell, "echo $v; pwd").stdout()).isEqualTo("parent\n/usr\n");
      assertThat(run(sandbox, python, "print(n)").stdout()).isEqualTo("[1]\n");
      sandbox.contexts().close(shell);
      assertThat(sandbox.contexts().list())
          .extracting(ContextInfo::language)
          .containsExactly("python");
    }
  }
}
