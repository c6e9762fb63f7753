package dev.podflare.qemu;

import dev.podflare.common.DataSize;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.linux.Memfd;
import dev.podflare.linux.PageRun;
import dev.podflare.linux.SparseFile;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;

/**
 * Guest RAM that many machines share: a template's, or a parent's for its children. While a
 * template boots, its machine writes into it; once sealed nobody can change it, and any number of
 * machines map it privately. Thread-safe.
 */
public final class MemoryImage implements AutoCloseable {
  /** Name of the memory file as it shows in {@code /proc/PID/maps}. */
  static final String NAME = "podflare-ram";

  private final Memfd file;
  private final List<PageRun> added;

  private MemoryImage(Memfd file, List<PageRun> added) {
    this.file = file;
    this.added = List.copyOf(added);
  }

  /** An empty image, to boot a template in. */
  public static MemoryImage create(DataSize size) {
    return create(size, List.of());
  }

  private static MemoryImage create(DataSize size, List<PageRun> added) {
    return new MemoryImage(Memfd.create(NAME, size.bytes()), added);
  }

  /**
   * The image of a machine that runs already, kept for as long as this is open.
   *
   * @param added pages in which it differs from the stored image that it was made of
   */
  public static MemoryImage adopt(Path file, DataSize size, List<PageRun> added) {
    return new MemoryImage(Memfd.adopt(file, size.bytes()), added);
  }

  /** Loads a stored image and seals it. The file must be of {@code size} bytes. */
  public static MemoryImage load(Path stored, DataSize size) {
    MemoryImage image = create(size);
    try (FileChannel target = image.file.open(StandardOpenOption.WRITE)) {
      SparseFile.copyData(stored, target);
    } catch (IOException | RuntimeException e) {
      image.close();
      throw new PodflareException(ErrorCode.INTERNAL, "cannot load memory image " + stored, e);
    }
    image.seal();
    return image;
  }

  /**
   * A sealed image of its own: this one's content with {@code pages} in their places. Machines that
   * map it share these pages, while each machine that they are written into has its own.
   */
  public MemoryImage with(OwnPages pages) {
    MemoryImage image = create(size(), PageRun.union(added, pages.runs()));
    try (FileChannel target = image.file.open(StandardOpenOption.WRITE)) {
      SparseFile.copyData(file.path(), target);
      pages.writeTo(target);
      image.seal();
      return image;
    } catch (IOException e) {
      image.close();
      throw new PodflareException(ErrorCode.HOST_FULL, "no memory for a memory image: " + e, e);
    } catch (RuntimeException e) {
      image.close();
      throw e;
    }
  }

  /** Pages in which it differs from the stored image that it was made of. */
  List<PageRun> added() {
    return added;
  }

  /** Memory that its content takes of the host. */
  public DataSize data() {
    return new DataSize(SparseFile.dataRuns(file.path()).stream().mapToLong(PageRun::length).sum());
  }

  /** Writes the image, without its zero pages, to a new file. Returns the bytes written. */
  public DataSize store(Path target) {
    try (FileChannel out =
        FileChannel.open(target, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      long written = SparseFile.copyWithoutZeros(file.path(), out);
      // The last page may be a hole: the file must still have the image's size.
      java.nio.ByteBuffer end = java.nio.ByteBuffer.allocate(1);
      try (FileChannel in = file.open(StandardOpenOption.READ)) {
        in.read(end, file.size() - 1);
      }
      out.write(end.flip(), file.size() - 1);
      out.force(true);
      return new DataSize(written);
    } catch (IOException e) {
      throw new PodflareException(ErrorCode.INTERNAL, "cannot store memory image " + target, e);
    }
  }

  /** No machine may have it mapped shared any more. */
  public void seal() {
    file.seal();
  }

  public DataSize size() {
    return new DataSize(file.size());
  }

  /** What other processes of root open while this one lives. */
  public Path path() {
    return file.path();
  }

  @Override
  public void close() {
    file.close();
  }
}
