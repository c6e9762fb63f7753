package dev.podflare.network;

import static org.assertj.core.api.Assertions.assertThat;

/** Two daemons on one host, whose guests both need what the first one has turned on. */
final class TwoDaemons {
  private TwoDaemons() {}

  /**
   * The first one ends: guests of the second still reach the internet. Then the second ends.
   *
   * @param server that is reached
   * @param setting that has to stay on
   */
  static void endOneAfterTheOther(
      Internet internet, NetworkConfig config, String instance, String server, String setting)
      throws Exception {
    internet.tcp(internet.outside, server, 80);
    NetworkConfig other = config.withRange(Cidr.parse("10.214.0.0/24"));
    Network first = Network.open(config, instance);
    try (Network second = Network.open(other, "2d" + instance.substring(2))) {
      Slot slot = second.makeSlot();
      slot.apply(EgressPolicy.OPEN);
      Guest guest = internet.guest(slot);
      assertThat(guest.tcp(server, 80)).isEqualTo("open");
      first.close();
      assertThat(internet.host.call(() -> Sysctl.read(setting))).hasValue("1");
      assertThat(guest.tcp(server, 80)).isEqualTo("open");
    }
  }
}
