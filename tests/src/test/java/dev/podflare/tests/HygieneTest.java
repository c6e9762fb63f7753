package dev.podflare.tests;

import static dev.podflare.tests.GuestProbe.bash;
import static dev.podflare.tests.GuestProbe.python;
import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.client.Sandbox;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.function.Function;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;

/** All sandboxes come of one frozen guest, and yet no two are twins. */
@OnPlatform
@Order(12)
class HygieneTest {
  private static final Duration CLOCK_BOUND = Duration.ofMillis(50);

  @Test
  void noTwoSandboxesAreTwins(TestPlatform platform) {
    platform.awaitPool(TestPlatform.POOL);
    try (Sandbox one = platform.create();
        Sandbox two = platform.create();
        Sandbox three = platform.create()) {
      List<Sandbox> all = List.of(one, two, three);
      assertDiffer(all, it -> python(it, "import os; print(os.urandom(32).hex())"));
      assertDiffer(
          all, it -> python(it, "import uuid, secrets; print(uuid.uuid4(), secrets.token_hex())"));
      assertDiffer(all, it -> bash(it, "cat /proc/sys/kernel/random/uuid"));
      assertDiffer(all, it -> bash(it, "head -c 32 /dev/urandom | od -An -tx1"));
      assertDiffer(all, it -> bash(it, "cat /etc/machine-id"));
      assertDiffer(all, it -> bash(it, "hostname"));
      assertDiffer(all, it -> bash(it, "mktemp -u"));
      assertThat(bash(one, "getent hosts $(hostname) | wc -l")).isEqualTo("1");
    }
  }

  /** A copy writes its names before anything else: nothing of it goes to its disk. */
  @Test
  void whatACopyGetsAnewIsNotOnItsDisk(TestPlatform platform) {
    try (Sandbox sandbox = platform.create()) {
      assertThat(bash(sandbox, "stat -L -f -c %T /etc/machine-id /etc/hosts"))
          .isEqualTo("tmpfs\ntmpfs");
    }
  }

  @Test
  void aCopyIsFoundByNameInHostsThatTheUserHasWritten(TestPlatform platform) {
    try (Sandbox parent = platform.create()) {
      bash(parent, "for i in $(seq 500); do echo 192.0.2.1 name-$i >> /etc/hosts; done");
      assertNamed(parent, 500);
      bash(parent, "sed -i s/192.0.2.1/192.0.2.2/ /etc/hosts"); // leaves another file there
      assertNamed(parent, 500);
      bash(parent, "echo 192.0.2.3 name-501 > /etc/hosts");
      assertNamed(parent, 1);
    }
  }

  private static void assertNamed(Sandbox parent, int names) {
    try (Sandbox child = parent.fork(1).getFirst()) {
      assertThat(bash(child, "getent hosts $(hostname) | wc -l; grep -c name- /etc/hosts"))
          .isEqualTo("1\n" + names);
    }
  }

  private static void assertDiffer(List<Sandbox> all, Function<Sandbox, String> secret) {
    assertThat(all).extracting(secret::apply).doesNotHaveDuplicates().allMatch(it -> !it.isBlank());
  }

  @Test
  void theClockIsTheHostsEvenAfterASleepInThePool(TestPlatform platform) throws Exception {
    platform.awaitPool(TestPlatform.POOL);
    Thread.sleep(6000); // the members sleep, and their clocks stand still
    try (Sandbox slept = platform.create()) {
      assertThat(slept.created().orElseThrow().source()).contains("pool");
      awaitClock(slept);
      Thread.sleep(4000);
      awaitClock(slept);
    }
    try (Sandbox fresh = platform.create()) {
      awaitClock(fresh);
    }
  }

  /** Ticks, to which a kernel falls back that mistrusts its counter, are lost under emulation. */
  @Test
  void timeIsTheProcessorsCounterNotTicks(TestPlatform platform) {
    try (Sandbox sandbox = platform.create()) {
      String source =
          bash(sandbox, "cat /sys/devices/system/clocksource/clocksource0/current_clocksource");
      assertThat(source).isIn("tsc", "kvm-clock");
    }
  }

  /** An argument that a kernel does not know is passed over in silence. */
  @Test
  void theKernelKnowsWhatItIsBootedWith(TestPlatform platform) {
    try (Sandbox sandbox = platform.create()) {
      assertThat(bash(sandbox, "dmesg"))
          .contains("Linux version")
          .doesNotContain("Unknown kernel", "Failed to set sysctl");
      assertThat(bash(sandbox, "cat /sys/kernel/mm/transparent_hugepage/enabled"))
          .doesNotContain("[always]");
    }
  }

  /** A busy host wakes a guest late; its clock is put right once that shows. */
  private static void awaitClock(Sandbox sandbox) {
    Awaitility.await().atMost(Duration.ofSeconds(5)).untilAsserted(() -> assertClock(sandbox));
  }

  /** The guest read its clock between two readings of ours. */
  private static void assertClock(Sandbox sandbox) {
    for (int i = 0; i < 8; i++) {
      Instant before = Instant.now();
      String seconds = python(sandbox, "import time; print(time.time_ns())");
      Instant after = Instant.now();
      Instant guest = Instant.EPOCH.plusNanos(Long.parseLong(seconds));
      assertThat(guest).isBetween(before.minus(CLOCK_BOUND), after.plus(CLOCK_BOUND));
    }
  }
}
