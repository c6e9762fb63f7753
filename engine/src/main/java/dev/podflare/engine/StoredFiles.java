package dev.podflare.engine;

import dev.podflare.linux.PageRun;
import dev.podflare.linux.SparseFile;
import dev.podflare.store.checkpoint.CheckpointWriter;
import dev.podflare.store.checkpoint.StoredCheckpoint;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;

/** Sparse files as parts of stored checkpoints. Stateless. */
final class StoredFiles {
  private static final int BLOCK = 1 << 20;

  private StoredFiles() {}

  /** The file's data; holes cost nothing. */
  static void write(CheckpointWriter writer, String part, Path file) throws IOException {
    ByteBuffer block = ByteBuffer.allocateDirect(BLOCK);
    try (FileChannel in = FileChannel.open(file, StandardOpenOption.READ)) {
      for (PageRun run : SparseFile.dataRuns(file)) {
        for (long at = run.offset(); at < run.end(); ) {
          block.clear().limit((int) Math.min(BLOCK, run.end() - at));
          int read = in.read(block, at);
          if (read <= 0) {
            throw new IOException(file + " ended at " + at);
          }
          writer.write(part, at, block.flip());
          at += read;
        }
      }
      writer.size(part, in.size());
    }
  }

  /** Makes the file, as one that nobody may write any more. */
  static Path read(StoredCheckpoint stored, String part, Path file) throws IOException {
    try (FileChannel out =
        FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      stored.read(part, (offset, bytes) -> write(out, offset, bytes));
      out.truncate(stored.size(part));
      if (out.size() < stored.size(part)) {
        out.write(ByteBuffer.allocate(1), stored.size(part) - 1);
      }
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("r--r--r--"));
    return file;
  }

  private static void write(FileChannel out, long offset, ByteBuffer bytes) {
    try {
      for (long at = offset; bytes.hasRemaining(); ) {
        at += out.write(bytes, at);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
