package dev.podflare.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.sun.management.OperatingSystemMXBean;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.linux.Links;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Slots made ahead, used again, and gone at the end. */
class SlotPoolTest {
  private static final String INSTANCE = "5e115105";

  /** {@code ./podflare test --long} sets it. */
  private static final boolean LONG = "1".equals(System.getenv("PODFLARE_LONG"));

  private Internet internet;
  private Network network;

  @BeforeEach
  void open() {
    internet = Internet.create();
    network =
        Network.open(NetworkConfig.defaults().withHostNamespace(internet.host.path()), INSTANCE);
  }

  @AfterEach
  void close() {
    network.close();
    internet.close();
  }

  private SlotPool pool(int ready, int limit) {
    return SlotPool.open(network, new SlotPoolConfig(ready, limit, Duration.ofSeconds(5)));
  }

  @Test
  void aSlotIsReadyScrubbedAndUsedAgain() {
    internet.tcp(internet.outside, Internet.SERVER, 80);
    try (SlotPool pool = pool(1, 1)) {
      await().until(() -> pool.ready() == 1);
      Slot slot = pool.take();
      slot.apply(EgressPolicy.OPEN);
      try (Guest guest = internet.guest(slot)) {
        assertThat(guest.tcp(Internet.SERVER, 80)).isEqualTo("open");
        assertThat(guest.tcp(Internet.METADATA, 80)).isEqualTo("refused");
      }
      pool.give(slot);
      Slot again = pool.take();

      assertThat(again).isSameAs(slot);
      assertThat(again.report().bytesUp()).isZero();
      assertThat(again.report().last()).isEmpty();
      assertThat(again.report().refused().values()).containsOnly(0L);
      assertThat(network.access().policy(again.outer())).isEmpty();
      assertThat(internet.guest(again).tcp(Internet.SERVER, 80)).isEqualTo("refused");
    }
  }

  @Test
  void aSlotThatAHypervisorStillHoldsIsNotUsedAgain() {
    internet.tcp(internet.outside, Internet.SERVER, 80);
    try (SlotPool pool = pool(0, 2)) {
      Slot held = pool.take();
      held.apply(EgressPolicy.OPEN);
      Guest guest = internet.guest(held);
      assertThatThrownBy(held::scrub)
          .isInstanceOfSatisfying(
              PodflareException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.WRONG_STATE));
      assertThat(guest.tcp(Internet.SERVER, 80)).isEqualTo("refused");
      pool.give(held);
      await().until(() -> !Files.exists(held.namespace()));
      assertThat(pool.take()).isNotSameAs(held);
    }
  }

  @Test
  void noMoreThanTheLimit() {
    try (SlotPool pool = SlotPool.open(network, new SlotPoolConfig(1, 2, Duration.ofMillis(50)))) {
      Slot one = pool.take();
      Slot two = pool.take();
      assertThat(one.outer()).isNotEqualTo(two.outer());
      assertThatThrownBy(pool::take)
          .isInstanceOfSatisfying(
              PodflareException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.HOST_FULL));
      assertThat(pool.taken()).isEqualTo(2);
    }
  }

  /** Also says what a slot and a change of policy cost, for whoever reads the log. */
  @Test
  void manySlotsMadeUsedScrubbedAndClosed() throws Exception {
    int many = LONG ? 500 : 50;
    List<Slot> slots = new ArrayList<>();
    long cpu = processCpuMillis();
    long start = System.nanoTime();
    for (int i = 0; i < many; i++) {
      slots.add(network.makeSlot());
    }
    report("making a slot", many, start, cpu);

    List<Long> changes = new ArrayList<>();
    EgressPolicy listed =
        EgressPolicy.parse(
            EgressPolicy.Default.DENY,
            List.of("example.com", "203.0.113.0/24:443", "192.0.2.7"),
            List.of("203.0.113.9"),
            true);
    for (Slot slot : slots) {
      long before = System.nanoTime();
      slot.apply(listed);
      changes.add(System.nanoTime() - before);
    }
    Collections.sort(changes);
    System.out.printf(
        "a change of policy with %d slots: p50 %.2f ms, p99 %.2f ms%n",
        many, changes.get(many / 2) / 1e6, changes.get(many * 99 / 100) / 1e6);

    cpu = processCpuMillis();
    start = System.nanoTime();
    for (Slot slot : slots) {
      slot.scrub();
    }
    report("scrubbing a slot", many, start, cpu);
    assertThat(links()).isEqualTo(many + 3);
    Path folder = new Plan(INSTANCE, Cidr.parse("10.213.0.0/16")).folder();

    network.close();
    assertThat(links()).isEqualTo(2);
    assertThat(Files.exists(folder)).isFalse();
    assertThat(Files.readString(Path.of("/proc/self/mountinfo"))).doesNotContain(folder.toString());
    assertThat(internet.host.nft("list ruleset")).isEmpty();
  }

  private int links() {
    return internet.host.call(() -> {
      try (Links links = Links.open()) {
        return links.all().size();
      }
    });
  }

  private static long processCpuMillis() {
    return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getProcessCpuTime()
        / 1_000_000;
  }

  private static void report(String what, int count, long startNanos, long cpuMillis) {
    System.out.printf(
        "%s: %.2f ms of processor time, %.2f ms of time%n",
        what,
        (processCpuMillis() - cpuMillis) / (double) count,
        (System.nanoTime() - startNanos) / 1e6 / count);
  }
}
