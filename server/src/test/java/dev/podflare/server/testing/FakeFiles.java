package dev.podflare.server.testing;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.engine.FileChanges;
import dev.podflare.engine.FileDownload;
import dev.podflare.engine.FileInfo;
import dev.podflare.engine.FilePage;
import dev.podflare.engine.FilePath;
import dev.podflare.engine.FileRange;
import dev.podflare.engine.FileUpload;
import dev.podflare.engine.SandboxFiles;
import dev.podflare.engine.WrittenFile;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;

/** Files in memory: no folders, no modes. One at a time. */
final class FakeFiles implements SandboxFiles {
  private final TreeMap<String, byte[]> files = new TreeMap<>();

  private byte[] bytes(FilePath path) {
    byte[] bytes = files.get(path.latin());
    if (bytes == null) {
      throw new PodflareException(ErrorCode.FILE_NOT_FOUND, "there is no " + path);
    }
    return bytes;
  }

  private static FileInfo info(String latin, byte[] bytes) {
    return new FileInfo(
        new FilePath(latin),
        "file",
        bytes.length,
        0644,
        0,
        0,
        "root",
        Instant.EPOCH,
        Optional.empty(),
        "t" + bytes.length);
  }

  @Override
  public FileDownload read(FilePath path, FileRange range) {
    byte[] bytes = bytes(path);
    long size = bytes.length;
    long first =
        range.first().orElse(range.last().isPresent() ? size - range.last().getAsLong() : 0);
    long last =
        range.first().isPresent() ? Math.min(range.last().orElse(size), size - 1) : size - 1;
    if (first >= size && size > 0) {
      throw new PodflareException(ErrorCode.RANGE_NOT_SATISFIABLE, "the file is shorter");
    }
    return new FileDownload() {
      @Override
      public FileInfo info() {
        return FakeFiles.info(path.latin(), bytes);
      }

      @Override
      public long first() {
        return first;
      }

      @Override
      public long count() {
        return last - first + 1;
      }

      @Override
      public void copyTo(OutputStream out) throws IOException {
        boolean torn = path.latin().endsWith("torn");
        out.write(bytes, (int) first, (int) count() - (torn ? 1 : 0));
        if (torn) {
          throw new PodflareException(ErrorCode.TRANSFER_CUT, "torn");
        }
      }

      @Override
      public void close() {}
    };
  }

  @Override
  public WrittenFile write(FileUpload upload, InputStream bytes) throws IOException {
    if (upload.onlyNew() && files.containsKey(upload.path().latin())) {
      throw new PodflareException(ErrorCode.PRECONDITION_FAILED, "there is a file already");
    }
    if (upload.path().latin().startsWith("/full/")) {
      throw new PodflareException(ErrorCode.DISK_FULL, "no space left");
    }
    byte[] all = bytes.readAllBytes();
    files.put(upload.path().latin(), all);
    return new WrittenFile(
        all.length, upload.last() ? Optional.of("0".repeat(64)) : Optional.empty());
  }

  @Override
  public FilePage list(FilePath path, int depth, int limit, Optional<FilePath> after) {
    String base = path.latin() + "/";
    List<FileInfo> all =
        files
            .tailMap(base + after.map(FilePath::latin).orElse(""), after.isEmpty())
            .entrySet()
            .stream()
            .filter(each -> each.getKey().startsWith(base))
            .map(each -> info(each.getKey().substring(base.length()), each.getValue()))
            .toList();
    return all.size() <= limit
        ? new FilePage(all, Optional.empty())
        : new FilePage(all.subList(0, limit), Optional.of(all.get(limit - 1).name()));
  }

  @Override
  public FileInfo stat(FilePath path, Optional<String> uploadId) {
    return info(path.latin(), bytes(path));
  }

  @Override
  public FileInfo makeFolder(FilePath path, OptionalInt mode, boolean parents) {
    return info(path.latin(), new byte[0]);
  }

  @Override
  public FileInfo move(FilePath path, FilePath target, boolean overwrite) {
    if (files.containsKey(target.latin()) && !overwrite) {
      throw new PodflareException(ErrorCode.FILE_EXISTS, "it is there already");
    }
    files.put(target.latin(), bytes(path));
    files.remove(path.latin());
    return stat(target, Optional.empty());
  }

  @Override
  public void delete(FilePath path, boolean recursive, Optional<String> uploadId) {
    byte[] ignored = bytes(path);
    files.remove(path.latin());
  }

  @Override
  public void archive(FilePath path, OutputStream tar, Runnable begins) throws IOException {
    byte[] bytes = bytes(path);
    begins.run();
    tar.write(bytes);
  }

  @Override
  public Unpacked unpack(FilePath path, InputStream tar, boolean keepLinks) throws IOException {
    byte[] bytes = tar.readAllBytes();
    if (bytes.length % 512 != 0) {
      throw new PodflareException(ErrorCode.BAD_ARCHIVE, "it is no tar archive");
    }
    return new Unpacked(1, bytes.length);
  }

  @Override
  public FileChanges watch(FilePath path, boolean recursive) {
    Deque<FileChanges.FileChange> changes = new ArrayDeque<>();
    changes.add(
        new FileChanges.FileChange("created", Optional.of(FilePath.of("new")), recursive, 0));
    return new FileChanges() {
      @Override
      public boolean ended() {
        return changes.isEmpty();
      }

      @Override
      public Optional<FileChange> next(Duration wait) {
        return Optional.ofNullable(changes.poll());
      }

      @Override
      public void close() {}
    };
  }
}
