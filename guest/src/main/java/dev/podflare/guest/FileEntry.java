package dev.podflare.guest;

import java.util.Optional;

/**
 * A file, folder or the like as the guest lists it. It is the guest's word: not to be trusted.
 *
 * @param index place in its list
 * @param type {@code file}, {@code directory}, {@code link} or {@code other}
 * @param size bytes of a file, else 0
 * @param mode permission bits
 * @param target of a link
 */
public record FileEntry(
    int index,
    String path,
    String type,
    long size,
    int mode,
    long inode,
    long changedNanos,
    long modifiedNanos,
    Optional<String> target) {

  /** Whether both are the same version of one file that two copies of a disk have. */
  public boolean isSameVersion(FileEntry other) {
    return inode == other.inode
        && changedNanos == other.changedNanos
        && modifiedNanos == other.modifiedNanos
        && size == other.size
        && mode == other.mode
        && type.equals(other.type);
  }
}
