package dev.podflare.volume;

/** What somebody may do with a file, in the bits of the protocol's ACCESS. Stateless. */
final class Access {
  private static final int READ = 1;
  private static final int LOOKUP = 2;
  private static final int MODIFY = 4;
  private static final int EXTEND = 8;
  private static final int DELETE = 16;
  private static final int EXECUTE = 32;
  private static final int ANY_EXECUTE = 0111;

  private Access() {}

  static int of(Inode inode, Credentials who, boolean readOnly) {
    int bits = who.may(inode, 4) ? READ : 0;
    if (!readOnly && who.may(inode, 2)) {
      bits |= MODIFY | EXTEND | (inode.folder() ? DELETE : 0);
    }
    // Root may search everything, but runs only what is a program at all.
    boolean program = inode.folder() || (inode.mode() & ANY_EXECUTE) != 0;
    if (program && who.may(inode, 1)) {
      bits |= inode.folder() ? LOOKUP : EXECUTE;
    }
    return bits;
  }
}
