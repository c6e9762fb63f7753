package dev.podflare.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.podflare.common.PodflareException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Map;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A guest that floods takes no more than its share. */
class SlotLimitsTest {
  private static final String INSTANCE = "5e115108";
  private static final int DATAGRAM = 1000;

  private Internet internet;

  @BeforeEach
  void open() {
    internet = Internet.create();
  }

  @AfterEach
  void close() {
    internet.close();
  }

  private Network network(SlotLimits limits) {
    return Network.open(
        NetworkConfig.defaults().withHostNamespace(internet.host.path()).withLimits(limits),
        INSTANCE);
  }

  /** Sends datagrams and gets them back until the check holds for what the slot refused. */
  private void flood(SlotLimits limits, Predicate<Map<String, Long>> check) throws Exception {
    try (Network network = network(limits);
        var server = internet.udp(internet.outside, Internet.SERVER, 9000)) {
      Slot slot = network.makeSlot();
      Slot neighbour = network.makeSlot();
      slot.apply(EgressPolicy.OPEN);
      neighbour.apply(EgressPolicy.OPEN);
      try (Guest guest = internet.guest(slot);
          Guest victim = internet.guest(neighbour);
          DatagramSocket socket = guest.datagrams(0)) {
        InetSocketAddress to = new InetSocketAddress(Internet.address(Internet.SERVER), 9000);
        await()
            .atMost(Duration.ofSeconds(10))
            .until(() -> {
              for (int i = 0; i < 500; i++) {
                socket.send(new DatagramPacket(new byte[DATAGRAM], DATAGRAM, to));
              }
              return check.test(slot.report().refused());
            });
        assertThat(victim.udp(Internet.SERVER, 9000)).isEqualTo("open");
        assertThat(server.heard.get()).isPositive();
      }
    }
  }

  @Test
  void bytesUp() throws Exception {
    flood(
        new SlotLimits(20_000, 50_000_000, 20_000, 512, 100),
        refused -> refused.getOrDefault("limited", 0L) > 100);
  }

  @Test
  void packets() throws Exception {
    flood(
        new SlotLimits(50_000_000, 50_000_000, 50, 512, 100),
        refused -> refused.getOrDefault("limited", 0L) > 100);
  }

  @Test
  void bytesDown() throws Exception {
    flood(
        new SlotLimits(50_000_000, 20_000, 20_000, 512, 100),
        refused ->
            refused.getOrDefault("limited_download", 0L) > 100
                && refused.getOrDefault("limited", 0L) == 0);
  }

  @Test
  void nothingWithinTheLimits() throws Exception {
    flood(
        SlotLimits.DEFAULT,
        refused ->
            refused.getOrDefault("limited", 1L) == 0
                && refused.getOrDefault("limited_download", 1L) == 0);
  }

  @Test
  void limitsThatMakeNoSenseAreRefused() {
    assertThatThrownBy(() -> new SlotLimits(1, 50_000_000, 20_000, 512, 100))
        .isInstanceOf(PodflareException.class)
        .hasMessageContaining("upload");
    assertThatThrownBy(() -> NetworkConfig.defaults().withRange(Cidr.parse("10.0.0.0/8")))
        .hasMessageContaining("/12");
  }
}
