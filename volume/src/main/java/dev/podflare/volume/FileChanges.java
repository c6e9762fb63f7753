package dev.podflare.volume;

import dev.podflare.common.FullDisk;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.sql.SQLException;
import java.util.Optional;

/**
 * What guests do to the files of a volume, as POSIX has it, within one change of its table. One
 * thread, once.
 */
final class FileChanges {
  /** Far more than a volume may have. */
  static final long LARGEST_FILE = 1L << 44;

  private static final int READ = 4;
  private static final int WRITE = 2;
  private static final int SEARCH = 1;
  private static final int STICKY = 01000;
  private static final int SET_GROUP = 02000;
  private static final int PRIVILEGES = 06000;
  static final int MOST_LINKS = 32_000;
  private static final int DEEPEST = 4096;

  private final Volume.Change change;
  private final VolumeTree tree;
  private final VolumeData data;
  private final Credentials who;

  FileChanges(Volume.Change change, Credentials who) {
    this.change = change;
    this.tree = change.tree();
    this.data = change.data();
    this.who = who;
  }

  static Inode find(VolumeTree tree, long number) throws SQLException {
    return tree.find(number).orElseThrow(() -> new NfsFault(NfsStatus.STALE));
  }

  static Inode folder(VolumeTree tree, long number) throws SQLException {
    Inode folder = find(tree, number);
    if (!folder.folder()) {
      throw new NfsFault(NfsStatus.NOTDIR);
    }
    return folder;
  }

  static void require(boolean allowed) {
    if (!allowed) {
      throw new NfsFault(NfsStatus.ACCES);
    }
  }

  /** A folder in which names may be changed. */
  private Inode writable(long number) throws SQLException {
    Inode folder = folder(tree, number);
    require(who.may(folder, WRITE | SEARCH));
    return folder;
  }

  /** Writes down that the names of a folder have changed. */
  private Inode touched(Inode folder, int moreLinks) throws SQLException {
    Inode now = folder.withLinks(folder.links() + moreLinks).modifiedAt(change.now());
    tree.put(now);
    return now;
  }

  /** What is to be made; {@code target}: a character for each byte. */
  record Wish(Inode.Kind kind, Attributes attributes, String target, long verifier) {
    static Wish of(Inode.Kind kind, Attributes attributes) {
      return new Wish(kind, attributes, "", 0);
    }
  }

  /** Makes something new; the name must be free. */
  Inode make(long folderNumber, byte[] name, Wish wish) throws SQLException {
    Names.requireOwn(name);
    Inode folder = writable(folderNumber);
    if (tree.lookup(folderNumber, name).isPresent()) {
      throw new NfsFault(NfsStatus.EXIST);
    }
    change.addFile();
    change.addName();
    boolean inherits = (folder.mode() & SET_GROUP) != 0;
    boolean isFolder = wish.kind() == Inode.Kind.FOLDER;
    boolean isLink = wish.kind() == Inode.Kind.LINK;
    int mode = wish.attributes().mode().orElse(isFolder ? 0755 : 0644);
    int group = inherits ? folder.group() : who.group();
    Inode fresh =
        new Inode(
            0,
            wish.kind(),
            isLink ? 0777 : isFolder && inherits ? mode | SET_GROUP : mode,
            who.user(),
            group,
            isLink ? wish.target().length() : 0,
            isFolder ? 2 : 1,
            change.now(),
            change.now(),
            change.now(),
            isFolder ? folderNumber : 0,
            isLink ? wish.target() : null,
            wish.verifier());
    if (isLink) {
      change.grow(wish.target().length());
    }
    Inode made = tree.add(fresh);
    tree.link(folderNumber, name, made.number());
    Inode ignored = touched(folder, isFolder ? 1 : 0);
    Attributes rest = wish.attributes();
    Attributes owner =
        new Attributes(
            Attributes.NONE.mode(),
            rest.user(),
            rest.group(),
            Attributes.NONE.size(),
            rest.accessed(),
            rest.modified());
    return isLink || !who.root() ? made : set(made, owner);
  }

  /** Sets attributes of one that the asker may do that to. */
  Inode setAttributes(Inode inode, Attributes wanted) throws SQLException {
    boolean toNow =
        (wanted.accessed().isEmpty() || wanted.accessed().getAsLong() == Attributes.NOW)
            && (wanted.modified().isEmpty() || wanted.modified().getAsLong() == Attributes.NOW);
    boolean times = wanted.accessed().isPresent() || wanted.modified().isPresent();
    if (wanted.mode().isPresent() || (times && !toNow)) {
      requireOwner(inode);
    }
    if (times && toNow) {
      require(who.owns(inode) || who.may(inode, WRITE));
    }
    if (wanted.user().isPresent() && wanted.user().getAsInt() != inode.user() && !who.root()) {
      throw new NfsFault(NfsStatus.PERM);
    }
    if (wanted.group().isPresent() && wanted.group().getAsInt() != inode.group()) {
      requireOwner(inode);
      if (!who.root() && !who.groups().contains(wanted.group().getAsInt())) {
        throw new NfsFault(NfsStatus.PERM);
      }
    }
    if (wanted.size().isPresent()) {
      require(who.owns(inode) || who.may(inode, WRITE));
    }
    return set(inode, wanted);
  }

  private void requireOwner(Inode inode) {
    if (!who.owns(inode)) {
      throw new NfsFault(NfsStatus.PERM);
    }
  }

  private Inode set(Inode inode, Attributes wanted) throws SQLException {
    Inode now = inode.changedAt(change.now());
    if (wanted.size().isPresent()) {
      now = resize(now, wanted.size().getAsLong());
    }
    if (wanted.user().isPresent() || wanted.group().isPresent()) {
      now = now.withOwner(wanted.user().orElse(inode.user()), wanted.group().orElse(inode.group()));
      if (!who.root()) {
        now = now.withMode(now.mode() & ~PRIVILEGES);
      }
    }
    if (wanted.mode().isPresent()) {
      now = now.withMode(wanted.mode().getAsInt());
    }
    now =
        now.withTimes(
            time(wanted.accessed().orElse(inode.accessed())),
            time(wanted.modified().orElse(now.modified())));
    tree.put(now);
    return now;
  }

  private long time(long wanted) {
    return wanted == Attributes.NOW ? change.now() : wanted;
  }

  private Inode resize(Inode inode, long size) {
    if (inode.kind() != Inode.Kind.FILE) {
      throw new NfsFault(inode.folder() ? NfsStatus.ISDIR : NfsStatus.INVAL);
    }
    if (size > LARGEST_FILE) {
      throw new NfsFault(NfsStatus.FBIG);
    }
    if (size == inode.size()) {
      return inode;
    }
    change.grow(size - inode.size());
    try {
      // Also where it grows: what is beyond the old size is of a write that never counted.
      data.truncate(inode.number(), Math.min(size, inode.size()));
    } catch (IOException e) {
      throw new NfsFault(NfsStatus.IO);
    }
    return inode.withSize(size).modifiedAt(change.now());
  }

  /** Writes into a file. */
  Inode write(Inode inode, long offset, ByteBuffer bytes) throws SQLException {
    long end = offset + bytes.remaining();
    change.fill(bytes.remaining());
    if (end > inode.size()) {
      change.grow(end - inode.size());
    }
    try {
      data.write(inode.number(), inode.size(), offset, bytes);
    } catch (IOException e) {
      throw new NfsFault(FullDisk.isMeant(e) ? NfsStatus.NOSPC : NfsStatus.IO);
    }
    Inode now = inode.withSize(Math.max(end, inode.size())).modifiedAt(change.now());
    if (!who.root()) {
      now = now.withMode(now.mode() & ~PRIVILEGES);
    }
    tree.put(now);
    return now;
  }

  /** Takes a name away, and the file with its last one. */
  void remove(long folderNumber, byte[] name, boolean wantsFolder) throws SQLException {
    requireRemovable(name);
    Inode folder = writable(folderNumber);
    Inode inode = named(folderNumber, name);
    requireUnstuck(folder, inode);
    if (wantsFolder != inode.folder()) {
      throw new NfsFault(wantsFolder ? NfsStatus.NOTDIR : NfsStatus.ISDIR);
    }
    drop(folderNumber, name, inode);
    Inode ignored = touched(folder, inode.folder() ? -1 : 0);
  }

  private static void requireRemovable(byte[] name) {
    if (Names.isSelf(name)) {
      throw new NfsFault(NfsStatus.INVAL);
    }
    if (Names.isParent(name)) {
      throw new NfsFault(NfsStatus.NOTEMPTY);
    }
    Names.requireOwn(name);
  }

  private Inode named(long folder, byte[] name) throws SQLException {
    return tree.lookup(folder, name).orElseThrow(() -> new NfsFault(NfsStatus.NOENT));
  }

  private void requireUnstuck(Inode folder, Inode inode) {
    if ((folder.mode() & STICKY) != 0 && !who.owns(folder) && !who.owns(inode)) {
      throw new NfsFault(NfsStatus.PERM);
    }
  }

  private void drop(long folder, byte[] name, Inode inode) throws SQLException {
    if (inode.folder() && !tree.list(inode.number(), 0, 1).isEmpty()) {
      throw new NfsFault(NfsStatus.NOTEMPTY);
    }
    tree.unlink(folder, name);
    change.removeName();
    if (inode.folder() || inode.links() <= 1) {
      change.remove(inode);
    } else {
      tree.put(inode.withLinks(inode.links() - 1).changedAt(change.now()));
    }
  }

  /** In one step for all who look; what had the new name before is gone. */
  void rename(long from, byte[] name, long to, byte[] newName) throws SQLException {
    requireRemovable(name);
    Names.requireOwn(newName);
    Inode source = writable(from);
    Inode target = writable(to);
    Inode inode = named(from, name);
    requireUnstuck(source, inode);
    Optional<Inode> replaced = tree.lookup(to, newName);
    if (replaced.isPresent() && replaced.get().number() == inode.number()) {
      return; // two names of one file: as POSIX has it, nothing happens
    }
    if (inode.folder()) {
      requireNotWithin(target, inode.number());
    }
    int lost = 0;
    if (replaced.isPresent()) {
      Inode old = replaced.get();
      requireUnstuck(target, old);
      if (inode.folder() != old.folder()) {
        throw new NfsFault(inode.folder() ? NfsStatus.NOTDIR : NfsStatus.ISDIR);
      }
      drop(to, newName, old);
      lost = old.folder() ? 1 : 0;
    }
    tree.unlink(from, name);
    tree.link(to, newName, inode.number());
    Inode moved = inode.folder() ? inode.withParent(to) : inode;
    tree.put(moved.changedAt(change.now()));
    int folders = inode.folder() ? 1 : 0;
    if (from == to) {
      Inode ignored = touched(source, -lost);
    } else {
      Inode ignored = touched(source, -folders);
      Inode unusedToo = touched(target, folders - lost);
    }
  }

  /** A folder must not get into itself. */
  private void requireNotWithin(Inode folder, long inode) throws SQLException {
    Inode at = folder;
    for (int depth = 0; depth < DEEPEST; depth++) {
      if (at.number() == inode) {
        throw new NfsFault(NfsStatus.INVAL);
      }
      if (at.number() == VolumeTree.ROOT) {
        return;
      }
      at = find(tree, at.parent());
    }
    throw new NfsFault(NfsStatus.NAMETOOLONG);
  }

  /** Another name for a file. */
  Inode link(long number, long folderNumber, byte[] name) throws SQLException {
    Names.requireOwn(name);
    Inode folder = writable(folderNumber);
    Inode inode = find(tree, number);
    if (inode.folder()) {
      throw new NfsFault(NfsStatus.ISDIR);
    }
    if (inode.links() >= MOST_LINKS) {
      throw new NfsFault(NfsStatus.MLINK);
    }
    if (tree.lookup(folderNumber, name).isPresent()) {
      throw new NfsFault(NfsStatus.EXIST);
    }
    change.addName();
    tree.link(folderNumber, name, number);
    Inode now = inode.withLinks(inode.links() + 1).changedAt(change.now());
    tree.put(now);
    Inode ignored = touched(folder, 0);
    return now;
  }

  /** A file for a create: the one that is there, or a new one. */
  Inode create(long folder, byte[] name, Attributes attributes, boolean guarded)
      throws SQLException {
    Optional<Inode> there = existing(folder, name);
    if (there.isEmpty()) {
      Inode made = make(folder, name, Wish.of(Inode.Kind.FILE, attributes));
      return attributes.size().orElse(0) > 0 ? setAttributes(made, sizeOf(attributes)) : made;
    }
    if (guarded) {
      throw new NfsFault(NfsStatus.EXIST);
    }
    if (there.get().folder()) {
      throw new NfsFault(NfsStatus.ISDIR);
    }
    return attributes.size().isPresent() && there.get().kind() == Inode.Kind.FILE
        ? setAttributes(there.get(), sizeOf(attributes))
        : there.get();
  }

  private static Attributes sizeOf(Attributes attributes) {
    return new Attributes(
        Attributes.NONE.mode(),
        Attributes.NONE.user(),
        Attributes.NONE.group(),
        attributes.size(),
        Attributes.NONE.accessed(),
        Attributes.NONE.modified());
  }

  private Optional<Inode> existing(long folderNumber, byte[] name) throws SQLException {
    Names.requireOwn(name);
    require(who.may(folder(tree, folderNumber), SEARCH));
    return tree.lookup(folderNumber, name);
  }

  /** The same for one that must be new, however often it is asked for with this verifier. */
  Inode createExclusively(long folder, byte[] name, long verifier) throws SQLException {
    Optional<Inode> there = existing(folder, name);
    if (there.isPresent()) {
      if (there.get().kind() == Inode.Kind.FILE && there.get().verifier() == verifier) {
        return there.get();
      }
      throw new NfsFault(NfsStatus.EXIST);
    }
    return make(folder, name, new Wish(Inode.Kind.FILE, Attributes.NONE, "", verifier));
  }

  /** A file whose bytes the asker may change. Its owner always may, since it may be open. */
  Inode writableFile(long number) throws SQLException {
    Inode inode = file(tree, number);
    require(who.owns(inode) || who.may(inode, WRITE));
    return inode;
  }

  static Inode file(VolumeTree tree, long number) throws SQLException {
    Inode inode = find(tree, number);
    if (inode.kind() != Inode.Kind.FILE) {
      throw new NfsFault(inode.folder() ? NfsStatus.ISDIR : NfsStatus.INVAL);
    }
    return inode;
  }

  static Inode readableFile(VolumeTree tree, long number, Credentials who) throws SQLException {
    Inode inode = file(tree, number);
    // A program that may be run may be read by whoever runs it.
    require(who.owns(inode) || who.may(inode, READ) || who.may(inode, SEARCH));
    return inode;
  }

  static byte[] target(Inode inode) {
    String target = inode.target();
    if (target == null) {
      throw new NfsFault(NfsStatus.INVAL);
    }
    return target.getBytes(StandardCharsets.ISO_8859_1);
  }
}
