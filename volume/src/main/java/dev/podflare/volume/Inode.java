package dev.podflare.volume;

import org.jspecify.annotations.Nullable;

/**
 * A file, folder or link of a volume, as its table of files has it. Times are nanoseconds since
 * 1970. Immutable.
 *
 * @param number never used twice within a volume
 * @param parent folder that a folder is in; 0 for all else
 * @param target of a symbolic link: a character for each byte
 * @param verifier with which a file was made exclusively
 */
record Inode(
    long number,
    Kind kind,
    int mode,
    int user,
    int group,
    long size,
    int links,
    long accessed,
    long modified,
    long changed,
    long parent,
    @Nullable String target,
    long verifier) {

  /** What it is; the order is that of the protocol, from 1 on. Devices are never made. */
  enum Kind {
    FILE(1),
    FOLDER(2),
    LINK(5),
    SOCKET(6),
    PIPE(7);

    private final int number;

    Kind(int number) {
      this.number = number;
    }

    int number() {
      return number;
    }

    static Kind of(int number) {
      for (Kind kind : values()) {
        if (kind.number == number) {
          return kind;
        }
      }
      throw new IllegalStateException("no kind of file: " + number);
    }
  }

  boolean folder() {
    return kind == Kind.FOLDER;
  }

  Inode withNumber(long other) {
    return new Inode(
        other, kind, mode, user, group, size, links, accessed, modified, changed, parent, target,
        verifier);
  }

  Inode withMode(int other) {
    return new Inode(
        number, kind, other, user, group, size, links, accessed, modified, changed, parent, target,
        verifier);
  }

  Inode withOwner(int otherUser, int otherGroup) {
    return new Inode(
        number,
        kind,
        mode,
        otherUser,
        otherGroup,
        size,
        links,
        accessed,
        modified,
        changed,
        parent,
        target,
        verifier);
  }

  Inode withSize(long other) {
    return new Inode(
        number, kind, mode, user, group, other, links, accessed, modified, changed, parent, target,
        verifier);
  }

  Inode withLinks(int other) {
    return new Inode(
        number, kind, mode, user, group, size, other, accessed, modified, changed, parent, target,
        verifier);
  }

  Inode withParent(long other) {
    return new Inode(
        number, kind, mode, user, group, size, links, accessed, modified, changed, other, target,
        verifier);
  }

  Inode withTimes(long otherAccessed, long otherModified) {
    return new Inode(
        number,
        kind,
        mode,
        user,
        group,
        size,
        links,
        otherAccessed,
        otherModified,
        changed,
        parent,
        target,
        verifier);
  }

  /**
   * Changed now. Guests see by this time that something has changed, so it is never the same twice
   * and never goes back, whatever the clock does.
   */
  Inode changedAt(long now) {
    return new Inode(
        number,
        kind,
        mode,
        user,
        group,
        size,
        links,
        accessed,
        modified,
        Math.max(now, changed + 1),
        parent,
        target,
        verifier);
  }

  /** Its content has changed now. */
  Inode modifiedAt(long now) {
    long then = Math.max(now, changed + 1);
    return new Inode(
        number, kind, mode, user, group, size, links, accessed, then, then, parent, target,
        verifier);
  }
}
