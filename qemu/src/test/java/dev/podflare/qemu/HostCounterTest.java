package dev.podflare.qemu;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class HostCounterTest {
  @Test
  void aGuestGoesOnWhereTheCounterRunsAlike() {
    HostCounter here = new HostCounter("one", 2_600_000);
    assertThat(here.fits(new HostCounter("other", 2_601_000))).isTrue();
    assertThat(here.fits(new HostCounter("other", 2_610_000))).isFalse();
    assertThat(here.fits(new HostCounter("other", 3_100_000))).isFalse();
    assertThat(here.fits(new HostCounter("one", 3_100_000))).as("told as it runs now").isTrue();
  }
}
