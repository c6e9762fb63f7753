package dev.podflare.volume;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.stream.Stream;

/**
 * Who asks, as the guest says. It may say what it likes: its root is everybody in it. So this keeps
 * users of one guest apart, as far as that guest does, and protects nothing else. Immutable.
 *
 * @param groups all of them, the first one is that of new files
 */
record Credentials(int user, List<Integer> groups) {
  static final Credentials NOBODY = new Credentials(65534, List.of(65534));

  private static final int NONE = 0;
  private static final int SYS = 1;
  private static final int MOST_BYTES = 400;
  private static final int MOST_NAME = 255;
  private static final int MOST_GROUPS = 16;
  private static final int ROOT = 0;

  Credentials {
    groups = List.copyOf(groups);
  }

  /** Of a call's head: AUTH_NONE or AUTH_SYS (RFC 5531). */
  static Credentials read(XdrReader in) throws BadCallException {
    int flavor = in.number();
    ByteBuffer body = in.slice(MOST_BYTES);
    return switch (flavor) {
      case NONE -> NOBODY;
      case SYS -> system(new XdrReader(body));
      default -> throw new BadCallException("unknown credentials: " + flavor);
    };
  }

  private static Credentials system(XdrReader in) throws BadCallException {
    int unusedStamp = in.number();
    ByteBuffer unusedName = in.slice(MOST_NAME);
    int user = in.number();
    int group = in.number();
    int count = in.number();
    if (count < 0 || count > MOST_GROUPS) {
      throw new BadCallException(count + " groups");
    }
    Integer[] more = new Integer[count];
    for (int i = 0; i < count; i++) {
      more[i] = in.number();
    }
    return new Credentials(user, Stream.concat(Stream.of(group), Stream.of(more)).toList());
  }

  boolean root() {
    return user == ROOT;
  }

  /** {@code bits}: 4 read, 2 write, 1 execute or search. */
  boolean may(Inode inode, int bits) {
    if (root()) {
      return true;
    }
    int shift = inode.user() == user ? 6 : groups.contains(inode.group()) ? 3 : 0;
    return (inode.mode() >> shift & bits) == bits;
  }

  boolean owns(Inode inode) {
    return root() || inode.user() == user;
  }

  int group() {
    return groups.getFirst();
  }
}
