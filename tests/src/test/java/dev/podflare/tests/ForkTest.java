package dev.podflare.tests;

import static dev.podflare.tests.GuestProbe.assertUsable;
import static dev.podflare.tests.GuestProbe.bash;
import static dev.podflare.tests.GuestProbe.python;
import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.client.ApiException;
import dev.podflare.client.ForkOptions;
import dev.podflare.client.Forked;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxInfo;
import dev.podflare.client.SandboxOptions;
import dev.podflare.server.testing.Answer;
import dev.podflare.server.testing.ApiClient;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.stream.IntStream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** Forks of running sandboxes: what children have, what they do not share, what a parent feels. */
@OnPlatform
@Order(35)
class ForkTest {
  private final TestPlatform platform;

  ForkTest(TestPlatform platform) {
    this.platform = platform;
  }

  @Test
  void childrenAreTheParentAtOneInstantAndThenGoTheirOwnWay() {
    try (Sandbox parent = platform.createWarm()) {
      python(parent, WrittenState.prepare(12_000_000));
      String digest = python(parent, WrittenState.DIGEST);
      Forked forked = parent.fork(ForkOptions.of(3));
      assertThat(forked.children()).hasSize(3);
      assertThat(forked.parentPausedMs()).isPositive();
      assertThat(forked.timingsMs())
          .containsKeys("barrier", "checkpoint", "restore", "renew", "total");
      List<Sandbox> all = withParent(parent, forked.children());
      for (Sandbox sandbox : all) {
        assertThat(python(sandbox, WrittenState.DIGEST)).isEqualTo(digest);
        assertTicking(sandbox);
      }
      Set<String> onDisk = new HashSet<>();
      all.forEach(sandbox -> onDisk.add(bash(sandbox, WrittenState.FROM_THE_DISK)));
      assertThat(onDisk).hasSize(1);
      assertSecretsDiffer(all);
      assertDiverging(all);
      forked.children().forEach(Sandbox::close);
      assertUsable(parent);
    }
  }

  private static List<Sandbox> withParent(Sandbox parent, List<Sandbox> children) {
    List<Sandbox> all = new ArrayList<>(children);
    all.addFirst(parent);
    return all;
  }

  private static void assertTicking(Sandbox sandbox) {
    int before = Integer.parseInt(python(sandbox, "print(ticks)"));
    Awaitility.await()
        .atMost(TestPlatform.PATIENCE)
        .until(() -> Integer.parseInt(python(sandbox, "print(ticks)")) > before);
  }

  private static void assertSecretsDiffer(List<Sandbox> sandboxes) {
    Set<String> secrets = new HashSet<>();
    for (Sandbox sandbox : sandboxes) {
      secrets.add(python(sandbox, "print(os.urandom(16).hex())"));
      secrets.addAll(
          List.of(
              bash(sandbox, "cat /proc/sys/kernel/random/uuid /etc/machine-id; hostname")
                  .split("\n")));
    }
    assertThat(secrets).hasSize(4 * sandboxes.size());
  }

  /** Each writes into the same places of memory and disk; none sees another's. */
  private static void assertDiverging(List<Sandbox> sandboxes) {
    for (Sandbox sandbox : sandboxes) {
      python(sandbox, "name = '" + sandbox.id() + "'; big[:1000] = name.encode().ljust(1000)");
      bash(sandbox, "echo " + sandbox.id() + " > /root/flushed; sync");
    }
    for (Sandbox sandbox : sandboxes) {
      assertThat(python(sandbox, "print(name, big[:1000].decode().strip())"))
          .isEqualTo(sandbox.id() + " " + sandbox.id());
      assertThat(bash(sandbox, "echo 3 > /proc/sys/vm/drop_caches; cat /root/flushed"))
          .isEqualTo(sandbox.id());
    }
  }

  @Test
  void childrenInheritWhatTheParentWasCreatedWith() {
    SandboxOptions options =
        SandboxOptions.builder()
            .metadata(Map.of("job", "7"))
            .env(Map.of("GREETING", "hello"))
            .timeout(Duration.ofMinutes(9))
            .idleTimeout(Duration.ofMinutes(3))
            .build();
    try (Sandbox parent = platform.client.create(options);
        Sandbox heir = parent.fork(1).getFirst();
        Sandbox other =
            parent
                .fork(
                    ForkOptions.of(1)
                        .withTimeout(Duration.ofMinutes(2))
                        .withMetadata(Map.of("job", "8")))
                .children()
                .getFirst()) {
      SandboxInfo info = heir.info();
      assertThat(info.parent()).contains(parent.id());
      assertThat(info.metadata()).isEqualTo(Map.of("job", "7"));
      assertThat(info.expiresAt()).isEqualTo(parent.info().expiresAt());
      assertThat(info.idleTimeoutSeconds()).isEqualTo(180);
      assertThat(info.ownMemoryBytes()).isPositive();
      assertThat(bash(heir, "echo $GREETING")).isEqualTo("hello");
      assertThat(other.info().metadata()).isEqualTo(Map.of("job", "8"));
      assertThat(other.info().timeoutSeconds()).isEqualTo(120);
      assertThat(other.info().expiresAt().orElseThrow()).isBefore(Instant.now().plusSeconds(121));
    }
  }

  @Test
  void forksOfForksKnowAllTheirAncestorsWrote() {
    int generations = LongRun.choose(3, 10);
    List<Sandbox> line = new ArrayList<>(List.of(platform.createWarm()));
    try {
      python(line.getFirst(), "log = []");
      for (int i = 0; i < generations; i++) {
        Sandbox sandbox = line.getLast();
        python(sandbox, "log.append(" + i + "); open('/root/log', 'a').write('" + i + "\\n')");
        line.add(sandbox.fork(1).getFirst());
      }
      for (int i = 0; i <= generations; i++) {
        int wrote = Math.min(i + 1, generations);
        assertThat(python(line.get(i), "print(len(log), log == list(range(len(log))))"))
            .isEqualTo(wrote + " True");
        assertThat(bash(line.get(i), "sync; echo 3 > /proc/sys/vm/drop_caches; wc -l < /root/log"))
            .isEqualTo("" + wrote);
      }
      for (int i = 1; i <= generations; i++) {
        assertThat(line.get(i).info().parent()).contains(line.get(i - 1).id());
      }
    } finally {
      line.forEach(Sandbox::close);
    }
  }

  @Test
  void aParentMayEndBeforeItsChildren() {
    Sandbox parent = platform.createWarm();
    python(parent, WrittenState.prepare(12_000_000));
    String digest = python(parent, WrittenState.DIGEST);
    List<Sandbox> children = parent.fork(2);
    parent.delete();
    try {
      for (Sandbox child : children) {
        assertThat(child.info().parent()).contains(parent.id());
        assertThat(bash(child, "echo 3 > /proc/sys/vm/drop_caches; echo on")).isEqualTo("on");
        assertThat(python(child, WrittenState.DIGEST)).isEqualTo(digest);
      }
      try (Sandbox grandchild = children.getFirst().fork(1).getFirst()) {
        assertThat(python(grandchild, WrittenState.DIGEST)).isEqualTo(digest);
      }
    } finally {
      children.forEach(Sandbox::close);
    }
  }

  @Test
  void generatorsGoOnAsTheyWereUnlessReseeded() {
    try (Sandbox parent = platform.createWarm()) {
      python(parent, "import random; random.seed(5)");
      Forked same = parent.fork(ForkOptions.of(2));
      Forked fresh = parent.fork(ForkOptions.of(2).withReseed(true));
      String next = python(parent, "print(random.random())");
      assertThat(same.reseeded()).isEmpty();
      for (Sandbox child : same.children()) {
        assertThat(python(child, "print(random.random())")).isEqualTo(next);
      }
      assertThat(fresh.reseeded()).contains("python.random");
      Set<String> drawn = new HashSet<>(Set.of(next));
      fresh.children().forEach(child -> drawn.add(python(child, "print(random.random())")));
      assertThat(drawn).hasSize(3);
      same.children().forEach(Sandbox::close);
      fresh.children().forEach(Sandbox::close);
    }
  }

  @Test
  void aBusyInterpreterIsNotReseeded() throws Exception {
    try (Sandbox parent = platform.createWarm();
        RawStream running = loop(parent, "while True: pass")) {
      assertThat(running.event().get("type").stringValue()).isEqualTo("started");
      Answer refused =
          platform.api.post("/v1/sandboxes/" + parent.id() + "/fork", "{\"reseed\":true}");
      assertThat(refused.status()).isEqualTo(409);
      assertThat(ApiClient.json(refused).get("code").stringValue()).isEqualTo("wrong_state");
    }
  }

  private RawStream loop(Sandbox sandbox, String code) {
    return RawStream.exec(platform, sandbox.id(), Map.of("code", code, "framing", "chunks"));
  }

  @Test
  void aStreamOfTheParentHasNoGapAndNoRepeatAndItsCallsWait() throws Exception {
    int lines = 600;
    String code =
        "import time\nfor i in range(" + lines + "):\n  print(i, flush=True)\n  time.sleep(0.005)";
    try (Sandbox parent = platform.createWarm();
        RawStream stream = loop(parent, code);
        var executor = Executors.newVirtualThreadPerTaskExecutor()) {
      assertThat(stream.event().get("type").stringValue()).isEqualTo("started");
      CompletableFuture<List<Sandbox>> forks =
          CompletableFuture.supplyAsync(
              () -> IntStream.range(0, 3).mapToObj(_ -> parent.fork(1).getFirst()).toList(),
              executor);
      int calls = 0;
      while (!forks.isDone()) {
        assertThat(bash(parent, "echo " + calls)).isEqualTo("" + calls++);
      }
      StringBuilder text = new StringBuilder();
      for (JsonNode event : stream.events()) {
        if (event.get("type").stringValue().equals("stdout")) {
          text.append(event.get("data").stringValue());
        }
      }
      assertThat(text.toString().lines().toList())
          .isEqualTo(IntStream.range(0, lines).mapToObj(Integer::toString).toList());
      assertThat(calls).isPositive();
      forks
          .join()
          .forEach(child -> {
            assertThat(bash(child, "echo child")).isEqualTo("child");
            child.close();
          });
    }
  }

  @Test
  void eightChildrenRunSideBySide() {
    try (Sandbox parent = platform.createWarm()) {
      python(parent, "n = 0");
      List<Sandbox> children = parent.fork(8);
      for (int i = 0; i < 8; i++) {
        python(children.get(i), "n += " + i);
      }
      for (int i = 0; i < 8; i++) {
        assertThat(python(children.get(i), "print(n)")).isEqualTo("" + i);
      }
      assertThat(platform.client.capacity().sandboxes()).isGreaterThanOrEqualTo(9);
      children.forEach(Sandbox::close);
    }
  }

  @Test
  void forksAtTheSameTimeComeOneAfterAnother() {
    try (Sandbox parent = platform.createWarm();
        var executor = Executors.newVirtualThreadPerTaskExecutor()) {
      python(parent, "x = 'same'");
      List<CompletableFuture<List<Sandbox>>> forks =
          IntStream.range(0, 3)
              .mapToObj(_ -> CompletableFuture.supplyAsync(() -> parent.fork(1), executor))
              .toList();
      for (CompletableFuture<List<Sandbox>> fork : forks) {
        Sandbox child = fork.join().getFirst();
        assertThat(python(child, "print(x)")).isEqualTo("same");
        child.close();
      }
      assertUsable(parent);
    }
  }

  @Test
  void aParentThatIsDeletedMeanwhileLeavesChildrenOrNone() {
    int before = platform.client.capacity().sandboxes();
    Sandbox parent = platform.createWarm();
    try (var executor = Executors.newVirtualThreadPerTaskExecutor()) {
      CompletableFuture<List<Sandbox>> fork =
          CompletableFuture.supplyAsync(() -> parent.fork(2), executor);
      parent.delete();
      List<Sandbox> children =
          fork.exceptionally(
                  failure -> {
                    assertThat(failure)
                        .cause()
                        .isInstanceOf(ApiException.class)
                        .hasFieldOrPropertyWithValue("code", "gone");
                    return List.of();
                  })
              .join();
      assertThat(platform.client.capacity().sandboxes()).isEqualTo(before + children.size());
      for (Sandbox child : children) {
        assertUsable(child);
        child.close();
      }
    }
  }

  @Test
  void aNumberOutOfRangeIsRefusedWithTheRange() {
    try (Sandbox parent = platform.create()) {
      for (String n : List.of("0", "-1", "33", "1000000")) {
        Answer refused =
            platform.api.post("/v1/sandboxes/" + parent.id() + "/fork", "{\"n\":" + n + "}");
        assertThat(refused.status()).isEqualTo(400);
        assertThat(ApiClient.json(refused).get("code").stringValue()).isEqualTo("invalid_field");
      }
      Answer refused = platform.api.post("/v1/sandboxes/" + parent.id() + "/fork", "{\"n\":33}");
      assertThat(ApiClient.json(refused).get("error").stringValue()).contains("1 to 32");
      assertUsable(parent);
    }
  }
}
