package dev.podflare.volume;

import java.nio.ByteBuffer;
import java.util.HexFormat;
import java.util.Optional;

/** Words of the protocol that many answers have (RFC 1813, 2.6). Stateless. */
final class NfsWords {
  private static final long NANOS = 1_000_000_000L;
  private static final long LATEST = 0xffff_ffffL;

  private NfsWords() {}

  /** Attributes of a file. */
  static XdrWriter attributes(XdrWriter out, String volume, Inode inode) {
    long volumeNumber = ByteBuffer.wrap(HexFormat.of().parseHex(volume)).getLong();
    out.number(inode.kind().number()).number(inode.mode()).number(inode.links());
    out.number(inode.user()).number(inode.group());
    out.size(inode.size()).size(inode.size());
    out.number(0).number(0); // no device
    out.size(volumeNumber).size(inode.number());
    time(out, inode.accessed());
    time(out, inode.modified());
    return time(out, inode.changed());
  }

  private static XdrWriter time(XdrWriter out, long nanos) {
    long seconds = Math.clamp(Math.floorDiv(nanos, NANOS), 0, LATEST);
    return out.number(seconds).number(Math.floorMod(nanos, NANOS));
  }

  /** Attributes as many answers have them: with the word that they are there. */
  static XdrWriter after(XdrWriter out, String volume, Inode inode) {
    return attributes(out.flag(true), volume, inode);
  }

  /** By which a guest sees whether only it has changed something meanwhile. */
  static XdrWriter change(XdrWriter out, String volume, Inode before, Inode now) {
    out.flag(true).size(before.size());
    time(out, before.modified());
    time(out, before.changed());
    return after(out, volume, now);
  }

  /** Whether this is the time of change that a guest has seen. */
  static boolean isChangeTime(Inode inode, long seconds, long nanos) {
    return Math.floorDiv(inode.changed(), NANOS) == seconds
        && Math.floorMod(inode.changed(), NANOS) == nanos;
  }

  /** A new file in an answer: its handle and attributes. */
  static XdrWriter made(XdrWriter out, String volume, Inode inode) {
    out.flag(true).opaque(new FileHandle(volume, inode.number()).bytes());
    return after(out, volume, inode);
  }

  /** The guard of a change of attributes: the time of change that is expected. */
  static Optional<long[]> guard(XdrReader in) throws BadCallException {
    return in.flag() ? Optional.of(new long[] {in.unsigned(), in.unsigned()}) : Optional.empty();
  }
}
