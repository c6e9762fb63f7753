package dev.podflare.qemu;

/**
 * What a host's guests measure time by: its processors' time stamp counter. A guest learns the rate
 * at its boot, and where it is restored over another rate its clock is fast or slow.
 *
 * @param processor model, whose counters run alike
 * @param kilohertz the rate, as far as the host tells it
 */
public record HostCounter(String processor, long kilohertz) {
  /** Clocks of guests are set every half a minute: until then they would be off by 30 ms. */
  private static final long PARTS = 1000;

  /** Whether a guest that was booted over this one can go on over the other. */
  public boolean fits(HostCounter other) {
    return processor.equals(other.processor)
        || Math.abs(kilohertz - other.kilohertz) <= kilohertz / PARTS;
  }
}
