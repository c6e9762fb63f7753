package dev.podflare.volume;

/** What guests may call their files: any bytes but those that mean something else. Stateless. */
final class Names {
  static final int LONGEST = 255;

  private Names() {}

  /** A name as it came; it is kept as it is. */
  static byte[] read(XdrReader in) throws BadCallException {
    byte[] name = in.opaque(4096);
    if (name.length > LONGEST) {
      throw new NfsFault(NfsStatus.NAMETOOLONG);
    }
    return name;
  }

  static boolean isSelf(byte[] name) {
    return name.length == 1 && name[0] == '.';
  }

  static boolean isParent(byte[] name) {
    return name.length == 2 && name[0] == '.' && name[1] == '.';
  }

  /** Refuses what cannot be the name of a file of its own. */
  static void requireOwn(byte[] name) {
    if (name.length == 0) {
      throw new NfsFault(NfsStatus.INVAL);
    }
    if (isSelf(name) || isParent(name)) {
      throw new NfsFault(NfsStatus.EXIST);
    }
    for (byte character : name) {
      if (character == '/' || character == 0) {
        throw new NfsFault(NfsStatus.INVAL);
      }
    }
  }
}
