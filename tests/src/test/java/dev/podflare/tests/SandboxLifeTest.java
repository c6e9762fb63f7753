package dev.podflare.tests;

import static dev.podflare.tests.GuestProbe.assertUsable;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.podflare.client.ApiException;
import dev.podflare.client.KeyInfo;
import dev.podflare.client.Language;
import dev.podflare.client.ListFilter;
import dev.podflare.client.Podflare;
import dev.podflare.client.RunListener;
import dev.podflare.client.RunRequest;
import dev.podflare.client.RunResult;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxInfo;
import dev.podflare.client.SandboxOptions;
import dev.podflare.client.SandboxPatch;
import dev.podflare.server.testing.Answer;
import dev.podflare.server.testing.ApiClient;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** From create to the tombstone. */
@OnPlatform
@Order(30)
class SandboxLifeTest {
  private final TestPlatform platform;

  SandboxLifeTest(TestPlatform platform) {
    this.platform = platform;
  }

  @Test
  void itsVariablesAreThereBetweenCallsAndInCopiesAndWhatTheUserChangesIsTheUsers() {
    SandboxOptions options =
        SandboxOptions.builder().env(Map.of("ONE", "1", "TWO", "2", "PATH_OF", "/usr")).build();
    try (Sandbox sandbox = platform.client.create(options)) {
      String late =
          """
          import os, threading, time
          def look():
              time.sleep(0.5)
              seen.append([os.environ.get(name) for name in ("ONE", "TWO")])
          seen = []
          thread = threading.Thread(target=look)
          thread.start()
          os.environ["TWO"] = "mine"
          """;
      assertThat(sandbox.runCode(late).exitCode()).isZero();
      assertThat(sandbox.runCode("thread.join(); print(seen)").stdout())
          .isEqualTo("[['1', 'mine']]\n");
      String show = "import os; print(os.environ['ONE'], os.environ['TWO'], os.environ['PATH_OF'])";
      List<Sandbox> copies = sandbox.fork(1);
      try (Sandbox copy = copies.getFirst()) {
        copy.runCode("import os; os._exit(1)"); // another interpreter, which has them anew
        assertThat(copy.runCode(show).stdout()).isEqualTo("1 2 /usr\n");
      }
      assertThat(sandbox.runCode(show).stdout()).isEqualTo("1 mine /usr\n");
      assertThat(sandbox.runCode("echo $ONE $TWO", Language.BASH).stdout()).isEqualTo("1 2\n");
    }
  }

  @Test
  void createListGetPatchDelete() {
    Map<String, String> metadata = Map.of("purpose", "life", "run", "" + System.nanoTime());
    Sandbox sandbox =
        platform.client.create(
            SandboxOptions.builder()
                .metadata(metadata)
                .env(Map.of("GREETING", "hello"))
                .timeout(Duration.ofMinutes(9))
                .build());
    assertUsable(sandbox);
    assertThat(GuestProbe.bash(sandbox, "echo $GREETING")).isEqualTo("hello");
    SandboxInfo info = sandbox.info();
    assertThat(info.state()).isEqualTo("ready");
    assertThat(info.template()).contains("minimal");
    assertThat(info.vcpus()).isEqualTo(2);
    assertThat(info.ramMib()).isEqualTo(512);
    assertThat(info.metadata()).isEqualTo(metadata);
    assertThat(info.timeoutSeconds()).isEqualTo(540);
    assertThat(info.ownMemoryBytes()).isPositive();
    ListFilter mine =
        new ListFilter(
            Optional.of("ready"),
            Optional.of("minimal"),
            metadata,
            Optional.of(10),
            Optional.empty());
    assertThat(platform.client.listAll(mine, 10))
        .extracting(SandboxInfo::id)
        .containsExactly(sandbox.id());
    SandboxInfo patched =
        sandbox.patch(
            SandboxPatch.NOTHING
                .withTimeout(Duration.ofMinutes(20))
                .withIdleTimeout(Duration.ofMinutes(7))
                .withMetadata(Map.of("purpose", "changed")));
    assertThat(patched.metadata()).isEqualTo(Map.of("purpose", "changed"));
    assertThat(patched.idleTimeoutSeconds()).isEqualTo(420);
    assertThat(patched.expiresAt().orElseThrow()).isAfter(Instant.now().plusSeconds(1000));
    assertThat(sandbox.info().metadata()).isEqualTo(patched.metadata());
    assertThat(sandbox.info().expiresAt()).isEqualTo(patched.expiresAt());
    sandbox.delete();
    sandbox.delete();
    assertThat(TestPlatform.goneReason(sandbox)).contains("deleted");
    assertThat(platform.client.listAll(mine, 10)).isEmpty();
  }

  @Test
  void deletionAnswersNoContentAgainAndAgain() {
    String path = "/v1/sandboxes/" + platform.create().id();
    for (int i = 0; i < 3; i++) {
      Answer answer = platform.api.call("DELETE", path, "");
      assertThat(answer.status()).isEqualTo(204);
      assertThat(answer.body()).isEmpty();
    }
    Answer gone = platform.api.get(path);
    assertThat(gone.status()).isEqualTo(410);
    JsonNode body = ApiClient.json(gone);
    assertThat(body.get("code").stringValue()).isEqualTo("gone");
    assertThat(body.at("/details/reason").stringValue()).isEqualTo("deleted");
    assertThat(platform.api.post(path + "/exec", "{\"code\":\"1\"}").status()).isEqualTo(410);
  }

  @Test
  void lifetimeEndsItWhateverItDoes() {
    Sandbox sandbox =
        platform.client.create(SandboxOptions.builder().timeout(Duration.ofSeconds(3)).build());
    RunResult result = sandbox.runCode("import time; time.sleep(600)");
    assertThat(result.reason()).isEqualTo("sandbox_closed");
    assertThat(platform.awaitGone(sandbox)).isEqualTo("timeout");
  }

  @Test
  void idleEndsItButNotWhileSomethingRuns() {
    Sandbox sandbox =
        platform.client.create(SandboxOptions.builder().idleTimeout(Duration.ofSeconds(2)).build());
    RunResult result = sandbox.runCode("import time; time.sleep(6); print('awake')");
    assertThat(result.stdout()).isEqualTo("awake\n");
    String background = sandbox.start(RunRequest.of("sleep 5; echo done", Language.BASH));
    assertThat(sandbox.join(background, 0, new RunListener() {}).stdout()).isEqualTo("done\n");
    assertThat(platform.awaitGone(sandbox)).isEqualTo("idle");
  }

  @Test
  void aKilledGuestIsToldToWhoWaitsForIt() throws Exception {
    Sandbox sandbox = platform.createWarm();
    try (RawStream python =
            RawStream.exec(
                platform,
                sandbox.id(),
                Map.of("code", "print('on', flush=True)\nwhile True: pass", "framing", "chunks"));
        RawStream bash =
            RawStream.exec(
                platform,
                sandbox.id(),
                Map.of("code", "echo on; sleep 600", "language", "bash", "framing", "chunks"))) {
      for (RawStream stream : List.of(python, bash)) {
        assertThat(stream.event().get("type").stringValue()).isEqualTo("started");
        assertThat(stream.event().get("data").stringValue()).isEqualTo("on\n");
      }
      ProcessHandle.of(platform.machine(sandbox).pid()).orElseThrow().destroyForcibly();
      for (RawStream stream : List.of(python, bash)) {
        JsonNode exit = stream.events().getLast();
        assertThat(exit.get("type").stringValue()).isEqualTo("exit");
        assertThat(exit.get("reason").stringValue()).isEqualTo("sandbox_closed");
        assertThat(exit.get("data").intValue()).isNotZero();
      }
    }
    assertThat(platform.awaitGone(sandbox)).isEqualTo("guest_crashed");
  }

  @Test
  void aGuestThatPowersOffHasCrashed() {
    Sandbox sandbox = platform.createWarm();
    sandbox.start(RunRequest.of("echo o > /proc/sysrq-trigger", Language.BASH));
    assertThat(platform.awaitGone(sandbox)).isEqualTo("guest_crashed");
  }

  @Test
  void anotherKeySeesNothing() {
    KeyInfo other = platform.client.keys().create("other", false, List.of());
    try (Podflare stranger = platform.client(other.key().orElseThrow());
        Sandbox sandbox = platform.create()) {
      Sandbox seen = stranger.sandbox(sandbox.id());
      for (Runnable call :
          List.<Runnable>of(
              seen::info,
              seen::delete,
              seen::execs,
              () -> seen.runCode("1"),
              () -> seen.patch(SandboxPatch.NOTHING.withTimeout(Duration.ofMinutes(1))))) {
        ApiException refused = catchThrowableOfType(ApiException.class, call::run);
        assertThat(refused.status()).isEqualTo(404);
        assertThat(refused.code()).isEqualTo("sandbox_not_found");
      }
      assertThat(stranger.listAll(ListFilter.ALL, 10)).isEmpty();
      assertUsable(sandbox);
    } finally {
      platform.client.keys().delete(other.id());
    }
  }

  @Test
  void idempotencyKeyGivesTheSameSandbox() {
    String header = "key-" + System.nanoTime();
    String body = "{\"metadata\":{\"a\":\"b\"}}";
    Answer first = platform.api.post("/v1/sandboxes", body, "Idempotency-Key", header);
    Answer second = platform.api.post("/v1/sandboxes", body, "Idempotency-Key", header);
    assertThat(second.body()).isEqualTo(first.body());
    assertThat(second.header("idempotency-replayed")).contains("true");
    Answer other = platform.api.post("/v1/sandboxes", "{}", "Idempotency-Key", header);
    assertThat(other.status()).isEqualTo(409);
    assertThat(ApiClient.json(other).get("code").stringValue()).isEqualTo("idempotency_conflict");
    platform.client.sandbox(ApiClient.json(first).get("id").stringValue()).delete();
  }
}
