package dev.podflare.engine;

import dev.podflare.guest.FileOperation;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Optional;

/** A file that comes from a guest. One thread. */
final class LocalDownload implements FileDownload {
  private static final byte[] ZEROS = new byte[32 << 10];

  private final FileOperation operation;
  private final FileInfo info;
  private final long first;
  private final long count;

  LocalDownload(FileOperation operation, FileInfo info, long first, long count) {
    this.operation = operation;
    this.info = info;
    this.first = first;
    this.count = count;
  }

  @Override
  public FileInfo info() {
    return info;
  }

  @Override
  public long first() {
    return first;
  }

  @Override
  public long count() {
    return count;
  }

  @Override
  public void copyTo(OutputStream out) throws IOException {
    while (true) {
      Optional<FileOperation.Piece> piece = operation.read();
      if (piece.isEmpty()) {
        return;
      }
      out.write(piece.get().bytes());
      for (long left = piece.get().zeros(); left > 0; left -= ZEROS.length) {
        out.write(ZEROS, 0, (int) Math.min(left, ZEROS.length));
      }
    }
  }

  @Override
  public void close() {
    operation.close();
  }
}
