package dev.podflare.volume;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.List;
import java.util.Optional;
import java.util.zip.CRC32C;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * NFS, version 3 (RFC 1813), without locks and without device files.
 *
 * <p>What changes names or attributes is done once, even if the guest has not heard the answer and
 * asks again, after a daemon that was killed too: the answer is kept in the transaction that makes
 * the change. Thread-safe.
 */
final class NfsProgram {
  static final int NUMBER = 100003;
  static final int VERSION = 3;

  private static final Logger LOG = LoggerFactory.getLogger(NfsProgram.class);

  /** How many "no attributes" an answer has that refuses, by procedure. */
  private static final int[] ABSENT = {
    0, 0, 2, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 4, 3, 1, 1, 1, 1, 1, 2
  };

  private static final int LONGEST_TARGET = 1024;
  private static final int FILE_SYNC = 2;
  private static final int LINKS_AND_SYMLINKS_AND_TIMES = 1 | 2 | 8 | 16;

  private final Volumes volumes;
  private final VolumeConfig config;
  private final long verifier = bootVerifier();

  NfsProgram(Volumes volumes, VolumeConfig config) {
    this.volumes = volumes;
    this.config = config;
  }

  /**
   * What was written is in the host's memory, which outlives the daemon: only another boot of the
   * host makes guests write again what they had not made durable.
   */
  private static long bootVerifier() {
    try {
      String boot = Files.readString(Path.of("/proc/sys/kernel/random/boot_id"));
      return Long.parseUnsignedLong(boot.replace("-", "").substring(0, 16), 16);
    } catch (IOException e) {
      return System.nanoTime(); // then they do after each restart
    }
  }

  /** Who asks, and for what. */
  record Request(VolumeClients.Client client, Credentials who, int call, int procedure) {}

  /** Empty: there is no such procedure. */
  Optional<byte[]> answer(Request request, XdrReader in) throws BadCallException {
    if (request.procedure() < 0 || request.procedure() >= ABSENT.length) {
      return Optional.empty();
    }
    if (request.procedure() == 0) {
      return Optional.of(new byte[0]);
    }
    try {
      return Optional.of(new Call(request, in).run());
    } catch (NfsFault fault) {
      return Optional.of(refusal(request.procedure(), fault.status()));
    } catch (RuntimeException e) {
      LOG.warn("procedure {} failed", request.procedure(), e);
      return Optional.of(refusal(request.procedure(), NfsStatus.IO));
    }
  }

  private static byte[] refusal(int procedure, NfsStatus status) {
    XdrWriter out = new XdrWriter().number(status.number());
    for (int i = 0; i < ABSENT[procedure]; i++) {
      out.flag(false);
    }
    return out.toBytes();
  }

  private static XdrWriter ok() {
    return new XdrWriter().number(NfsStatus.OK.number());
  }

  /** One call. One thread, once. */
  private final class Call {
    private final Request request;
    private final XdrReader in;
    private final long digest;
    private final FileHandle handle;
    private final Volume volume;
    private final String id;
    private final boolean readOnly;

    Call(Request request, XdrReader in) throws BadCallException {
      this.request = request;
      this.in = in;
      CRC32C sum = new CRC32C();
      sum.update(in.rest());
      digest = (long) request.procedure() << 32 | sum.getValue();
      handle = FileHandle.read(in);
      id = handle.volume();
      VolumeMount mount = request.client().mounts().get(id);
      // A volume that is another's and one that is gone look alike.
      volume =
          Optional.ofNullable(mount)
              .flatMap(it -> volumes.find(id))
              .orElseThrow(() -> new NfsFault(NfsStatus.STALE));
      readOnly = mount == null || mount.readOnly();
    }

    byte[] run() throws BadCallException {
      return switch (request.procedure()) {
        case 1 -> look(tree -> NfsWords.attributes(ok(), id, self(tree)).toBytes());
        case 2 -> setAttributes();
        case 3 -> lookup();
        case 4 -> access();
        case 5 -> readLink();
        case 6 -> read();
        case 7 -> write();
        case 8 -> create();
        case 9 -> makeFolder();
        case 10 -> makeLink();
        case 11 -> makeSpecial();
        case 12 -> remove(false);
        case 13 -> remove(true);
        case 14 -> rename();
        case 15 -> link();
        case 16 -> list(false);
        case 17 -> list(true);
        case 18 -> space();
        case 19 -> limits();
        case 20 -> nameLimits();
        default -> commit();
      };
    }

    private byte[] look(Volume.Action<byte[]> action) {
      return volume.look(action);
    }

    private Inode self(VolumeTree tree) throws SQLException {
      return FileChanges.find(tree, handle.inode());
    }

    /** What is done to files; gives the answer. */
    private interface Doing {
      byte[] run(FileChanges changes, VolumeTree tree) throws SQLException;
    }

    private byte[] change(Doing doing) {
      requireWritable();
      return volume.change(change -> {
        VolumeTree tree = change.tree();
        String machine = request.client().machine();
        Optional<byte[]> before = tree.replied(machine, request.call(), digest);
        if (before.isPresent()) {
          return before.get();
        }
        byte[] reply = doing.run(new FileChanges(change, request.who()), tree);
        tree.remember(machine, request.call(), digest, reply);
        return reply;
      });
    }

    private void requireWritable() {
      if (readOnly) {
        throw new NfsFault(NfsStatus.ROFS);
      }
    }

    /** A folder before and after it was changed. */
    private XdrWriter changed(XdrWriter out, VolumeTree tree, Inode before) throws SQLException {
      return NfsWords.change(out, id, before, FileChanges.find(tree, before.number()));
    }

    private byte[] setAttributes() throws BadCallException {
      Attributes wanted = Attributes.read(in);
      Optional<long[]> guard = NfsWords.guard(in);
      return change((changes, tree) -> {
        Inode before = self(tree);
        if (guard.isPresent() && !NfsWords.isChangeTime(before, guard.get()[0], guard.get()[1])) {
          throw new NfsFault(NfsStatus.NOT_SYNC);
        }
        Inode now = changes.setAttributes(before, wanted);
        return NfsWords.change(ok(), id, before, now).toBytes();
      });
    }

    private byte[] lookup() throws BadCallException {
      byte[] name = Names.read(in);
      return look(tree -> {
        Inode folder = FileChanges.folder(tree, handle.inode());
        FileChanges.require(request.who().may(folder, 1));
        Inode found = lookup(tree, folder, name);
        XdrWriter out = ok().opaque(new FileHandle(id, found.number()).bytes());
        NfsWords.after(out, id, found);
        return NfsWords.after(out, id, folder).toBytes();
      });
    }

    private static Inode lookup(VolumeTree tree, Inode folder, byte[] name) throws SQLException {
      if (Names.isSelf(name)) {
        return folder;
      }
      if (Names.isParent(name)) {
        return FileChanges.find(tree, folder.parent());
      }
      return tree.lookup(folder.number(), name).orElseThrow(() -> new NfsFault(NfsStatus.NOENT));
    }

    private byte[] access() throws BadCallException {
      int wanted = in.number();
      return look(tree -> {
        Inode inode = self(tree);
        int allowed = wanted & Access.of(inode, request.who(), readOnly);
        return NfsWords.after(ok(), id, inode).number(allowed).toBytes();
      });
    }

    private byte[] readLink() {
      return look(tree -> {
        Inode inode = self(tree);
        byte[] target = FileChanges.target(inode);
        return NfsWords.after(ok(), id, inode).opaque(target).toBytes();
      });
    }

    private byte[] read() throws BadCallException {
      long offset = in.size();
      long wanted = in.unsigned();
      Inode inode =
          volume.look(tree -> FileChanges.readableFile(tree, handle.inode(), request.who()));
      long left = Math.max(0, inode.size() - offset);
      int count = (int) Math.min(Math.min(wanted, config.transfer()), left);
      byte[] bytes = new byte[count];
      try {
        volume.data().read(inode.number(), offset, ByteBuffer.wrap(bytes));
      } catch (IOException e) {
        throw new NfsFault(NfsStatus.IO);
      }
      XdrWriter out = new XdrWriter(count + 256).number(NfsStatus.OK.number());
      NfsWords.after(out, id, inode).number(count).flag(count == left);
      return out.opaque(bytes).toBytes();
    }

    private byte[] write() throws BadCallException {
      long offset = in.size();
      long count = in.unsigned();
      int stable = in.number();
      ByteBuffer bytes = in.slice(config.transfer());
      if (count != bytes.remaining()) {
        throw new NfsFault(NfsStatus.INVAL);
      }
      requireWritable();
      if (offset > FileChanges.LARGEST_FILE - count) {
        throw new NfsFault(NfsStatus.FBIG);
      }
      Inode[] versions =
          volume.change(change -> {
            FileChanges changes = new FileChanges(change, request.who());
            Inode before = changes.writableFile(handle.inode());
            return new Inode[] {before, changes.write(before, offset, bytes)};
          });
      if (stable != 0) {
        makeDurable();
      }
      return NfsWords.change(ok(), id, versions[0], versions[1])
          .number(count)
          .number(stable == 0 ? 0 : FILE_SYNC)
          .size(verifier)
          .toBytes();
    }

    private void makeDurable() {
      try {
        volume.data().sync(handle.inode());
      } catch (IOException e) {
        throw new NfsFault(NfsStatus.IO);
      }
      volume.sync();
    }

    private byte[] commit() throws BadCallException {
      long unusedOffset = in.raw();
      int unusedCount = in.number();
      Inode inode = volume.look(tree -> FileChanges.file(tree, handle.inode()));
      makeDurable();
      return NfsWords.change(ok(), id, inode, inode).size(verifier).toBytes();
    }

    private byte[] create() throws BadCallException {
      byte[] name = Names.read(in);
      int how = in.number();
      Attributes attributes = how == 2 ? Attributes.NONE : Attributes.read(in);
      long exclusive = how == 2 ? in.raw() : 0;
      if (how < 0 || how > 2) {
        throw new BadCallException("no way to create: " + how);
      }
      return make(changes ->
          how == 2
              ? changes.createExclusively(handle.inode(), name, exclusive)
              : changes.create(handle.inode(), name, attributes, how == 1));
    }

    /** Makes a file. */
    private interface Making {
      Inode run(FileChanges changes) throws SQLException;
    }

    private byte[] make(Making making) {
      return change((changes, tree) -> {
        Inode before = FileChanges.folder(tree, handle.inode());
        XdrWriter out = NfsWords.made(ok(), id, making.run(changes));
        return changed(out, tree, before).toBytes();
      });
    }

    private byte[] makeFolder() throws BadCallException {
      byte[] name = Names.read(in);
      FileChanges.Wish wish = FileChanges.Wish.of(Inode.Kind.FOLDER, Attributes.read(in));
      return make(changes -> changes.make(handle.inode(), name, wish));
    }

    private byte[] makeLink() throws BadCallException {
      byte[] name = Names.read(in);
      Attributes attributes = Attributes.read(in);
      byte[] target = in.opaque(4096);
      if (target.length == 0 || target.length > LONGEST_TARGET) {
        throw new NfsFault(target.length == 0 ? NfsStatus.INVAL : NfsStatus.NAMETOOLONG);
      }
      FileChanges.Wish wish =
          new FileChanges.Wish(
              Inode.Kind.LINK, attributes, new String(target, StandardCharsets.ISO_8859_1), 0);
      return make(changes -> changes.make(handle.inode(), name, wish));
    }

    private byte[] makeSpecial() throws BadCallException {
      byte[] name = Names.read(in);
      Inode.Kind kind =
          switch (in.number()) {
            case 6 -> Inode.Kind.SOCKET;
            case 7 -> Inode.Kind.PIPE;
            case 3, 4 -> throw new NfsFault(NfsStatus.NOTSUPP); // devices
            default -> throw new NfsFault(NfsStatus.BADTYPE);
          };
      FileChanges.Wish wish = FileChanges.Wish.of(kind, Attributes.read(in));
      return make(changes -> changes.make(handle.inode(), name, wish));
    }

    private byte[] remove(boolean folder) throws BadCallException {
      byte[] name = Names.read(in);
      return change((changes, tree) -> {
        Inode before = FileChanges.folder(tree, handle.inode());
        changes.remove(handle.inode(), name, folder);
        return changed(ok(), tree, before).toBytes();
      });
    }

    private byte[] rename() throws BadCallException {
      byte[] name = Names.read(in);
      FileHandle to = FileHandle.read(in);
      byte[] newName = Names.read(in);
      requireSameVolume(to);
      return change((changes, tree) -> {
        Inode source = FileChanges.folder(tree, handle.inode());
        Inode target = FileChanges.folder(tree, to.inode());
        changes.rename(handle.inode(), name, to.inode(), newName);
        return changed(changed(ok(), tree, source), tree, target).toBytes();
      });
    }

    private byte[] link() throws BadCallException {
      FileHandle folder = FileHandle.read(in);
      byte[] name = Names.read(in);
      requireSameVolume(folder);
      return change((changes, tree) -> {
        Inode before = FileChanges.folder(tree, folder.inode());
        Inode linked = changes.link(handle.inode(), folder.inode(), name);
        return changed(NfsWords.after(ok(), id, linked), tree, before).toBytes();
      });
    }

    private void requireSameVolume(FileHandle other) {
      if (!other.volume().equals(id)) {
        throw new NfsFault(NfsStatus.INVAL);
      }
    }

    private byte[] list(boolean plus) throws BadCallException {
      long cookie = in.size();
      long unusedVerifier = in.raw();
      long unusedNames = plus ? in.unsigned() : 0;
      int most = (int) Math.min(in.unsigned(), Listing.MOST_BYTES);
      return look(tree -> {
        Inode folder = FileChanges.folder(tree, handle.inode());
        FileChanges.require(request.who().may(folder, 4));
        return new Listing(tree, id, folder, plus).from(cookie, most);
      });
    }

    private byte[] space() {
      VolumeUsage usage = volume.usage();
      long free = Math.max(0, volume.mostBytes() - usage.bytes());
      long freeFiles = Math.max(0, volume.mostFiles() - usage.files());
      return look(tree ->
          NfsWords.after(ok(), id, self(tree))
              .size(volume.mostBytes())
              .size(free)
              .size(free)
              .size(volume.mostFiles())
              .size(freeFiles)
              .size(freeFiles)
              .number(0)
              .toBytes());
    }

    private byte[] limits() {
      int most = config.transfer();
      return look(tree -> {
        XdrWriter out = NfsWords.after(ok(), id, self(tree));
        for (int size : List.of(most, most, 4096, most, most, 4096, Listing.MOST_BYTES)) {
          out.number(size);
        }
        // Not the volume's limit: guests' kernels would say "too large" where it is "no more room".
        return out.size(FileChanges.LARGEST_FILE)
            .number(0)
            .number(1)
            .number(LINKS_AND_SYMLINKS_AND_TIMES)
            .toBytes();
      });
    }

    private byte[] nameLimits() {
      return look(tree ->
          NfsWords.after(ok(), id, self(tree))
              .number(FileChanges.MOST_LINKS)
              .number(Names.LONGEST)
              .flag(true)
              .flag(true)
              .flag(false)
              .flag(true)
              .toBytes());
    }
  }
}
