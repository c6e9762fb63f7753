package dev.podflare.volume;

import java.nio.charset.StandardCharsets;
import java.sql.SQLException;
import java.util.List;

/**
 * A part of a folder's names, for READDIR and READDIRPLUS. A place is the number of an entry, which
 * no other ever has: names that come and go meanwhile shift nothing. One thread, once.
 */
final class Listing {
  static final int MOST_BYTES = 64 << 10;

  private static final int PAGE = 128;
  private static final int OWN_PLACES = 2;
  private static final int ATTRIBUTES = 88;
  private static final int HANDLE = 40;
  private static final String SELF = ".";
  private static final String PARENT = "..";

  private final VolumeTree tree;
  private final String volume;
  private final Inode folder;
  private final boolean plus;
  private final XdrWriter out = new XdrWriter(4096);
  private int most;

  Listing(VolumeTree tree, String volume, Inode folder, boolean plus) {
    this.tree = tree;
    this.volume = volume;
    this.folder = folder;
    this.plus = plus;
  }

  /** The answer with what comes after a place, in at most {@code bytes}. */
  byte[] from(long place, int bytes) throws SQLException {
    most = bytes - 16;
    out.number(NfsStatus.OK.number());
    NfsWords.after(out, volume, folder).size(0);
    int empty = out.length();
    boolean end = all(place);
    if (!end && out.length() == empty) {
      throw new NfsFault(NfsStatus.INVAL); // there is no room for a single one
    }
    return out.flag(false).flag(end).toBytes();
  }

  private boolean all(long place) throws SQLException {
    if (place < 1 && !add(1, SELF, folder)) {
      return false;
    }
    if (place < OWN_PLACES && !add(OWN_PLACES, PARENT, FileChanges.find(tree, folder.parent()))) {
      return false;
    }
    long after = Math.max(0, place - OWN_PLACES);
    while (true) {
      List<VolumeTree.Listed> page = tree.list(folder.number(), after, PAGE);
      for (VolumeTree.Listed listed : page) {
        if (!add(listed.place() + OWN_PLACES, listed.name(), listed.inode())) {
          return false;
        }
        after = listed.place();
      }
      if (page.size() < PAGE) {
        return true;
      }
    }
  }

  private boolean add(long place, String name, Inode inode) {
    int needed = 28 + name.length() + (plus ? ATTRIBUTES + HANDLE : 0);
    if (out.length() + needed > most) {
      return false;
    }
    out.flag(true)
        .size(inode.number())
        .opaque(name.getBytes(StandardCharsets.ISO_8859_1))
        .size(place);
    if (plus) {
      NfsWords.after(out, volume, inode);
      out.flag(true).opaque(new FileHandle(volume, inode.number()).bytes());
    }
    return true;
  }
}
