package dev.podflare.volume;

import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * Attributes that a guest wants to be set.
 *
 * @param size empty: as it is
 * @param accessed empty: as it is; {@link #NOW}: the host's time
 */
record Attributes(
    OptionalInt mode,
    OptionalInt user,
    OptionalInt group,
    OptionalLong size,
    OptionalLong accessed,
    OptionalLong modified) {
  static final long NOW = Long.MIN_VALUE;
  static final Attributes NONE =
      new Attributes(
          OptionalInt.empty(),
          OptionalInt.empty(),
          OptionalInt.empty(),
          OptionalLong.empty(),
          OptionalLong.empty(),
          OptionalLong.empty());

  private static final int BITS = 07777;
  private static final long NANOS = 1_000_000_000L;

  static Attributes read(XdrReader in) throws BadCallException {
    OptionalInt mode = in.flag() ? OptionalInt.of(in.number() & BITS) : OptionalInt.empty();
    OptionalInt user = in.flag() ? OptionalInt.of(in.number()) : OptionalInt.empty();
    OptionalInt group = in.flag() ? OptionalInt.of(in.number()) : OptionalInt.empty();
    OptionalLong size = in.flag() ? OptionalLong.of(in.size()) : OptionalLong.empty();
    return new Attributes(mode, user, group, size, time(in), time(in));
  }

  private static OptionalLong time(XdrReader in) throws BadCallException {
    return switch (in.number()) {
      case 0 -> OptionalLong.empty();
      case 1 -> OptionalLong.of(NOW);
      case 2 -> OptionalLong.of(in.unsigned() * NANOS + in.unsigned() % NANOS);
      default -> throw new BadCallException("no way to set a time");
    };
  }
}
