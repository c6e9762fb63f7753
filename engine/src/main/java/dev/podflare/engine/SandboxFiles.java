package dev.podflare.engine;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * The files of one sandbox, as they are in its guest, for one caller. Each call finds the sandbox
 * anew, and wakes it if any call may. What its guest refuses has a code of its own ({@code
 * FILE_NOT_FOUND}, {@code DISK_FULL} and the like); {@code TRANSFER_CUT} if the machine ended or
 * was replaced in the middle; {@code GUEST_TOO_OLD}; {@code TOO_MANY_FILE_CALLS}. Nothing is whole
 * in memory but one page of a list. An {@link IOException} is always of the caller's own stream.
 */
public interface SandboxFiles {
  /** Most entries of one page. */
  int MOST_ENTRIES = 10_000;

  FileDownload read(FilePath path, FileRange range);

  /** Parents are made. */
  WrittenFile write(FileUpload upload, InputStream bytes) throws IOException;

  /**
   * A page of what is in a folder.
   *
   * @param depth 1: only what is in the folder itself
   * @param limit 1 to {@link #MOST_ENTRIES}
   */
  FilePage list(FilePath path, int depth, int limit, Optional<FilePath> after);

  /** {@code uploadId}: of what is kept of that upload, which shows where to go on. */
  FileInfo stat(FilePath path, Optional<String> uploadId);

  /** {@code parents}: also makes what is missing above, and one that is there is no error. */
  FileInfo makeFolder(FilePath path, OptionalInt mode, boolean parents);

  FileInfo move(FilePath path, FilePath target, boolean overwrite);

  /** {@code uploadId}: only what is kept of that upload. */
  void delete(FilePath path, boolean recursive, Optional<String> uploadId);

  /** Writes a tar archive of what is in the folder; {@code begins} runs before its first byte. */
  void archive(FilePath path, OutputStream tar, Runnable begins) throws IOException;

  /**
   * Unpacks a tar archive into a folder, which is made. {@code BAD_ARCHIVE} if something in it
   * would lead out; what came before that is there then.
   *
   * @param keepLinks makes symbolic links that lead out all the same; none is ever followed
   */
  Unpacked unpack(FilePath path, InputStream tar, boolean keepLinks) throws IOException;

  FileChanges watch(FilePath path, boolean recursive);

  /** {@code size}: bytes of all files. */
  record Unpacked(long entries, long size) {}
}
