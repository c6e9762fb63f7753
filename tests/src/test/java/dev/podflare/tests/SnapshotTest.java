package dev.podflare.tests;

import static dev.podflare.tests.GuestProbe.bash;
import static dev.podflare.tests.GuestProbe.python;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.podflare.client.ApiException;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxInfo;
import dev.podflare.client.SandboxOptions;
import dev.podflare.client.SnapshotInfo;
import dev.podflare.client.SnapshotOptions;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;

/** Checkpoints with a name, which can be restored any number of times. */
@OnPlatform
@Order(48)
class SnapshotTest {
  private final TestPlatform platform;

  SnapshotTest(TestPlatform platform) {
    this.platform = platform;
  }

  private static SnapshotOptions named(String name) {
    return SnapshotOptions.named(name);
  }

  @Test
  void aSandboxIsRolledBackAndOthersAreMadeOfTheSameSnapshot() {
    SandboxOptions options = SandboxOptions.builder().metadata(Map.of("a", "b")).build();
    try (Sandbox sandbox = platform.client.create(options)) {
      python(sandbox, "x = 1; f = open('/root/f', 'w'); f.write('one')");
      SnapshotInfo first = sandbox.snapshot(named("first"));
      python(sandbox, "x = 2; f.write('two'); f.flush()");
      sandbox.snapshot(named("second"));
      SandboxInfo before = sandbox.info();

      assertThat(sandbox.rollback("first").state()).isEqualTo("ready");

      assertThat(python(sandbox, "f.flush(); print(x, open('/root/f').read())")).isEqualTo("1 one");
      assertThat(sandbox.info().expiresAt()).isEqualTo(before.expiresAt());
      assertThat(sandbox.info().metadata()).isEqualTo(before.metadata());
      sandbox.rollback("second");
      assertThat(python(sandbox, "print(x, open('/root/f').read())")).isEqualTo("2 onetwo");
      sandbox.rollback(first.id());
      assertThat(python(sandbox, "print(x)")).isEqualTo("1");
      for (int i = 0; i < 2; i++) {
        try (Sandbox copy = from("first")) {
          assertThat(python(copy, "x += 1; print(x)")).isEqualTo("2");
          assertThat(copy.info().metadata()).isEqualTo(before.metadata());
          assertThat(bash(copy, "hostname")).isEqualTo(copy.id().replace('_', '-'));
        }
      }
      deleteAll();
    }
  }

  private Sandbox from(String snapshot) {
    return platform.client.create(SandboxOptions.builder().snapshot(snapshot).build());
  }

  private void deleteAll() {
    platform.client.snapshots().list().forEach(it -> platform.client.snapshots().delete(it.id()));
    assertThat(platform.client.snapshots().list()).isEmpty();
  }

  @Test
  void twoCopiesOfASnapshotAreNoTwins() {
    try (Sandbox sandbox = platform.create()) {
      sandbox.snapshot(named("twins"));
      try (Sandbox one = from("twins");
          Sandbox other = from("twins")) {
        String random = "head -c 16 /dev/urandom | od -An -tx1; cat /etc/machine-id";
        assertThat(bash(one, random)).isNotEqualTo(bash(other, random));
      }
      deleteAll();
    }
  }

  @Test
  void namesAreTakenOnceAndWhatIsNotThereIsSaid() {
    try (Sandbox sandbox = platform.create()) {
      sandbox.snapshot(named("taken"));
      refused(() -> sandbox.snapshot(named("taken")), "snapshot_exists");
      platform.client.snapshots().delete("taken");
      sandbox.snapshot(named("taken"));
      refused(() -> sandbox.snapshot(named(" ")), "invalid_field");
      refused(() -> sandbox.rollback("none"), "snapshot_not_found");
      refused(() -> from("none"), "snapshot_not_found");
      refused(
          () -> platform.client.create(SandboxOptions.builder().snapshot("taken").vcpus(1).build()),
          "invalid_field");
      deleteAll();
    }
  }

  private static void refused(Runnable call, String code) {
    assertThatThrownBy(call::run)
        .isInstanceOfSatisfying(ApiException.class, e -> assertThat(e.code()).isEqualTo(code));
  }

  @Test
  void aSnapshotOutlivesItsSandboxUntilItExpires() {
    Sandbox sandbox = platform.create();
    python(sandbox, "x = 9");
    sandbox.snapshot(named("stays"));
    sandbox.snapshot(named("goes").withExpiresIn(Duration.ofSeconds(1)));
    sandbox.delete();
    try (Sandbox copy = from("stays")) {
      assertThat(python(copy, "print(x)")).isEqualTo("9");
    }
    await()
        .atMost(TestPlatform.PATIENCE)
        .until(() ->
            platform.client.snapshots().list().stream()
                .noneMatch(it -> it.name().filter("goes"::equals).isPresent()));
    deleteAll();
  }
}
