package dev.podflare.volume;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;

/**
 * The content of a volume's files: one file of the host for each that has any, by its number, in
 * folders of the daemon's alone. Nothing here has a name, an owner or a mode that a guest chose.
 * Thread-safe; what is done at once to the same bytes is done in any order.
 */
final class VolumeData {
  private static final Set<OpenOption> READ =
      Set.of(StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS);
  private static final Set<OpenOption> WRITE =
      Set.of(StandardOpenOption.WRITE, StandardOpenOption.CREATE, LinkOption.NOFOLLOW_LINKS);
  private static final Set<OpenOption> CHANGE =
      Set.of(StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS);

  private final Path folder;

  VolumeData(Path folder) {
    this.folder = folder;
  }

  private Path folderOf(long inode) {
    return folder.resolve("%02x".formatted(inode & 0xff));
  }

  private Path file(long inode) {
    return folderOf(inode).resolve(Long.toHexString(inode));
  }

  /**
   * Reads into all of {@code into}, which is full of zeros: what the file has not got is a hole.
   */
  void read(long inode, long offset, ByteBuffer into) throws IOException {
    try (FileChannel channel = FileChannel.open(file(inode), READ)) {
      long at = offset;
      while (into.hasRemaining()) {
        int count = channel.read(into, at);
        if (count < 0) {
          return;
        }
        at += count;
      }
    } catch (NoSuchFileException e) {
      return; // nothing was ever written: all of it is a hole
    }
  }

  /**
   * Writes; one at a time to each file.
   *
   * @param size what the file has by now; anything after that is of a write that never counted
   */
  void write(long inode, long size, long offset, ByteBuffer bytes) throws IOException {
    try (FileChannel channel = create(inode)) {
      if (channel.size() > size) {
        FileChannel ignored = channel.truncate(size);
      }
      long at = offset;
      while (bytes.hasRemaining()) {
        at += channel.write(bytes, at);
      }
    }
  }

  private FileChannel create(long inode) throws IOException {
    try {
      return FileChannel.open(file(inode), WRITE);
    } catch (NoSuchFileException e) {
      Files.createDirectories(folderOf(inode));
      return FileChannel.open(file(inode), WRITE);
    }
  }

  /** What is beyond {@code size} is gone, and reads as zeros if the file grows again. */
  void truncate(long inode, long size) throws IOException {
    try (FileChannel channel = FileChannel.open(file(inode), CHANGE)) {
      FileChannel ignored = channel.truncate(size);
    } catch (NoSuchFileException e) {
      return; // nothing was ever written
    }
  }

  /** What was written is on the host's disk when this returns. */
  void sync(long inode) throws IOException {
    try (FileChannel channel = FileChannel.open(file(inode), CHANGE)) {
      channel.force(true);
    } catch (NoSuchFileException e) {
      return;
    }
    forceFolder(inode);
  }

  private void forceFolder(long inode) throws IOException {
    force(folderOf(inode));
    force(folder);
  }

  static void force(Path folder) throws IOException {
    try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }

  void delete(long inode) throws IOException {
    boolean ignored = Files.deleteIfExists(file(inode));
  }
}
