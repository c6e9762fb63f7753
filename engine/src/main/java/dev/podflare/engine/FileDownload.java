package dev.podflare.engine;

import java.io.IOException;
import java.io.OutputStream;

/** A file that is being read. One thread; to be closed. */
public interface FileDownload extends AutoCloseable {
  FileInfo info();

  /** Offset of the first byte that comes. */
  long first();

  /** Bytes that come; of a file whose size is 0 there may be more, as in {@code /proc}. */
  long count();

  /** Passes all bytes on as they come. {@code TRANSFER_CUT} if they do not come whole. */
  void copyTo(OutputStream out) throws IOException;

  @Override
  void close();
}
