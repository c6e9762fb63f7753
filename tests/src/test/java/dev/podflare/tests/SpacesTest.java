package dev.podflare.tests;

import static dev.podflare.tests.GuestProbe.assertUsable;
import static dev.podflare.tests.GuestProbe.bash;
import static dev.podflare.tests.GuestProbe.python;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.podflare.client.ApiException;
import dev.podflare.client.FamilyMember;
import dev.podflare.client.Language;
import dev.podflare.client.NetworkPolicy;
import dev.podflare.client.ResumeOptions;
import dev.podflare.client.RunListener;
import dev.podflare.client.RunRequest;
import dev.podflare.client.RunResult;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxInfo;
import dev.podflare.client.SandboxOptions;
import dev.podflare.client.SpaceInfo;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;

/** Sandboxes that are frozen into the store and come back. */
@OnPlatform
@Order(47)
class SpacesTest {
  private static final String BUSY =
      """
      import socket, subprocess, threading, time
      x = {"a": [1, 2, 3]}
      f = open("/root/f", "w"); f.write("buffered ")
      g = (i * i for i in range(100)); next(g); next(g)
      n = 0
      def count():
          global n
          while True:
              n += 1
              time.sleep(0.01)
      threading.Thread(target=count, daemon=True).start()
      p = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
      p.stdin.write(b"before "); p.stdin.flush()
      here, there = socket.socketpair(); here.send(b"in flight")
      server = socket.create_server(("127.0.0.1", 0))
      client = socket.create_connection(server.getsockname())
      peer, _ = server.accept()
      client.send(b"over tcp")
      """;
  private static final String CHECK =
      """
      f.write("and flushed"); f.flush()
      p.stdin.write(b"after"); p.stdin.close()
      print(x, open("/root/f").read(), next(g), p.stdout.read(), there.recv(99), peer.recv(99))
      """;
  private static final String CHECKED =
      "{'a': [1, 2, 3]} buffered and flushed 4 b'before after' b'in flight' b'over tcp'";

  private final TestPlatform platform;

  SpacesTest(TestPlatform platform) {
    this.platform = platform;
  }

  private Sandbox persistent() {
    return platform.client.create(SandboxOptions.builder().persistent(true).build());
  }

  @Test
  void anyCallWakesAFrozenSandboxAndAllOfItGoesOn() {
    SandboxOptions options =
        SandboxOptions.builder()
            .persistent(true)
            .env(Map.of("TOKEN", "t"))
            .metadata(Map.of("job", "7"))
            .network(NetworkPolicy.shut())
            .build();
    try (Sandbox sandbox = platform.client.create(options)) {
      python(sandbox, BUSY);
      bash(sandbox, "echo tmpfs > /dev/shm/t; echo disk > /root/d");
      SandboxInfo before = sandbox.info();

      SpaceInfo space = sandbox.freeze();

      assertThat(space.sandboxId()).isEqualTo(sandbox.id());
      assertThat(sandbox.freeze().id()).isEqualTo(space.id());
      assertThat(sandbox.info().state()).isEqualTo("frozen");
      assertThat(platform.client.spaces().list()).extracting(SpaceInfo::id).contains(space.id());
      assertThat(platform.engine.probe().hasMachine(sandbox.id())).isFalse();

      int n = Integer.parseInt(python(sandbox, "print(n)"));
      assertThat(python(sandbox, CHECK)).isEqualTo(CHECKED);
      assertThat(Integer.parseInt(python(sandbox, "time.sleep(0.5); print(n)"))).isGreaterThan(n);
      assertThat(bash(sandbox, "cat /dev/shm/t /root/d; echo $TOKEN")).isEqualTo("tmpfs\ndisk\nt");
      double clock = Double.parseDouble(python(sandbox, "print(time.time())"));
      assertThat(Math.abs(clock - System.currentTimeMillis() / 1e3)).isLessThan(2.0);
      SandboxInfo after = sandbox.info();
      assertThat(after.state()).isEqualTo("ready");
      assertThat(after.metadata()).isEqualTo(before.metadata());
      assertThat(after.network()).isEqualTo(before.network());
      assertThat(after.createdAt()).isEqualTo(before.createdAt());
      assertThat(after.expiresAt().orElseThrow()).isAfter(before.expiresAt().orElseThrow());
      assertThat(platform.client.spaces().list()).extracting(SpaceInfo::id).isEmpty();
    }
  }

  @Test
  void aSpaceGoesOnAsANewSandboxAndIsUsedUp() {
    Sandbox sandbox = persistent();
    python(sandbox, BUSY);
    SpaceInfo space = sandbox.freeze();
    try (Sandbox copy =
            platform.client.spaces().resume(space.id(), ResumeOptions.AS_IT_WAS.withKeep(true));
        Sandbox next = platform.client.spaces().resume(space.id())) {
      assertThat(python(copy, CHECK)).isEqualTo(CHECKED);
      assertThat(python(next, CHECK)).isEqualTo(CHECKED);
      assertThat(bash(next, "hostname")).isEqualTo(next.id().replace('_', '-'));
      assertThat(TestPlatform.goneReason(sandbox)).contains("resumed");
      refused(() -> platform.client.spaces().get(space.id()), "space_not_found");
      refused(() -> platform.client.spaces().resume(space.id()), "space_not_found");
      platform.client.spaces().delete(space.id());
    }
  }

  private static void refused(Runnable call, String code) {
    assertThatThrownBy(call::run)
        .isInstanceOfSatisfying(ApiException.class, e -> assertThat(e.code()).isEqualTo(code));
  }

  @Test
  void idlePersistentSandboxesAreFrozenAndThoseWhoseLifetimeIsOver() {
    SandboxOptions idle =
        SandboxOptions.builder().persistent(true).idleTimeout(Duration.ofSeconds(1)).build();
    SandboxOptions brief =
        SandboxOptions.builder().persistent(true).timeout(Duration.ofSeconds(2)).build();
    try (Sandbox one = platform.client.create(idle);
        Sandbox other = platform.client.create(brief)) {
      python(one, "x = 1");
      await()
          .atMost(TestPlatform.PATIENCE)
          .until(
              () -> one.info().state().equals("frozen") && other.info().state().equals("frozen"));
      assertThat(python(one, "print(x)")).isEqualTo("1");
      assertUsable(other); // with a lifetime of its own again
    }
  }

  @Test
  void aCallThatRanGoesOnAndCanBeJoinedAgain() throws Exception {
    try (Sandbox sandbox = persistent()) {
      String call =
          sandbox.start(
              RunRequest.of("for i in 1 2 3 4 5 6; do echo $i; sleep 1; done", Language.BASH));
      Thread.sleep(1500);
      sandbox.freeze();
      sandbox.resume();
      RunResult result = sandbox.join(call, 0, new RunListener() {});
      assertThat(result.exitCode()).isZero();
      assertThat(result.stdout()).endsWith("5\n6\n");
    }
  }

  @Test
  void withoutAutoResumeAFrozenSandboxIsResumedByHand() {
    try (Sandbox sandbox =
        platform.client.create(
            SandboxOptions.builder().persistent(true).autoResume(false).build())) {
      python(sandbox, "x = 3");
      sandbox.pause();
      sandbox.freeze();
      refused(() -> sandbox.runCode("print(x)"), "wrong_state");
      refused(() -> sandbox.fork(1), "wrong_state");
      assertThat(sandbox.resume().state()).isEqualTo("ready");
      assertThat(python(sandbox, "print(x)")).isEqualTo("3");
    }
  }

  @Test
  void familiesOutliveAFreeze() {
    try (Sandbox parent = persistent()) {
      python(parent, "x = 1");
      Sandbox child = parent.fork(1).getFirst();
      python(child, "x = 2");
      child.freeze();
      parent.freeze();
      List<FamilyMember> members = parent.tree();
      assertThat(members).extracting(FamilyMember::state).containsOnly("frozen");
      assertThat(python(child, "print(x)")).isEqualTo("2");
      parent.mergeInto(child);
      assertThat(python(parent, "print(x)")).isEqualTo("2");
    }
  }

  @Test
  void aChildWithAnImageOfItsOwnIsFrozenWhole() {
    try (Sandbox parent = persistent()) {
      python(parent, "import os, hashlib; data = os.urandom(160 << 20)");
      String digest = python(parent, "print(hashlib.sha256(data).hexdigest())");
      List<Sandbox> children = parent.fork(4);
      Sandbox child = children.getFirst();
      child.freeze();
      assertThat(python(child, "print(hashlib.sha256(data).hexdigest())")).isEqualTo(digest);
      Sandbox grandchild = child.fork(1).getFirst();
      assertThat(python(grandchild, "print(hashlib.sha256(data).hexdigest())")).isEqualTo(digest);
      grandchild.delete();
      children.forEach(Sandbox::delete);
    }
  }

  @Test
  void aSpaceAndItsSandboxAreDeletedTogether() {
    Sandbox one = persistent();
    SpaceInfo space = one.freeze();
    platform.client.spaces().delete(space.id());
    platform.client.spaces().delete(space.id());
    assertThat(TestPlatform.goneReason(one)).contains("deleted");
    Sandbox other = persistent();
    String gone = other.freeze().id();
    other.delete();
    assertThat(TestPlatform.goneReason(other)).contains("deleted");
    refused(() -> platform.client.spaces().get(gone), "space_not_found");
  }

  @Test
  void roundsOfFreezingLoseNothing() {
    int rounds = LongRun.choose(6, 100);
    try (Sandbox sandbox = persistent()) {
      python(sandbox, "import hashlib, os; state = []");
      bash(sandbox, "mkdir /root/files");
      for (int round = 0; round < rounds; round++) {
        python(sandbox, "state.append(os.urandom(100_000))");
        bash(sandbox, "head -c 100k /dev/urandom > /root/files/" + round);
        String before = digests(sandbox);
        sandbox.freeze();
        assertThat(digests(sandbox)).as("round %d", round).isEqualTo(before);
      }
    }
  }

  private static String digests(Sandbox sandbox) {
    return python(sandbox, "print(hashlib.sha256(b''.join(state)).hexdigest())")
        + bash(
            sandbox,
            "sync; echo 3 > /proc/sys/vm/drop_caches; cat /root/files/* | sha256sum; ls /root/files"
                + " | wc -l");
  }
}
