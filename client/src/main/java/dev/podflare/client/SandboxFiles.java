package dev.podflare.client;

import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.function.Supplier;

/**
 * The files of a sandbox, streamed both ways. Paths are absolute, or begin at {@code /root}. Every
 * method may throw {@link ApiException} with the codes that {@code openapi.yaml} lists, {@code
 * file_not_found} for one. Thread-safe.
 */
public final class SandboxFiles {
  private final HttpCaller http;
  private final String base;

  SandboxFiles(HttpCaller http, String base) {
    this.http = http;
    this.base = base;
  }

  /** The bytes of a file as they come; to be closed. */
  public InputStream read(String path) {
    return http.open("GET", at("", path), Optional.empty()).body();
  }

  /** {@code count} bytes from an offset on, fewer at the end of the file; to be closed. */
  public InputStream read(String path, long offset, long count) {
    return http.openRange(at("", path), "bytes=" + offset + "-" + (offset + count - 1)).body();
  }

  public WrittenFile write(String path, byte[] bytes) {
    return write(path, BodyPublishers.ofByteArray(bytes), FileWriteOptions.DEFAULTS);
  }

  /** A file of this machine. */
  public WrittenFile write(String path, Path local, FileWriteOptions options) throws IOException {
    return write(path, BodyPublishers.ofFile(local), options);
  }

  /** {@code bytes}: opened once, and again if the connection has to be made anew. */
  public WrittenFile write(String path, Supplier<InputStream> bytes, FileWriteOptions options) {
    return write(path, BodyPublishers.ofInputStream(bytes), options);
  }

  private WrittenFile write(String path, BodyPublisher body, FileWriteOptions options) {
    String[] headers = options.onlyNew() ? new String[] {"If-None-Match", "*"} : new String[0];
    return Json.read(http.upload(at("", path) + options.query(), body, headers), WrittenFile.class);
  }

  /** All entries of a folder. */
  public List<FileEntry> list(String path) {
    List<FileEntry> all = new ArrayList<>();
    Optional<String> cursor = Optional.empty();
    do {
      FilePage page = page(path, 1, 10_000, cursor);
      all.addAll(page.entries());
      cursor = page.nextCursor();
    } while (cursor.isPresent());
    return all;
  }

  /**
   * A page of a list.
   *
   * @param depth 1: only what is in the folder itself
   * @param limit 1 to 10,000
   */
  public FilePage page(String path, int depth, int limit, Optional<String> cursor) {
    String query = "&depth=" + depth + "&limit=" + limit;
    String from = cursor.map(it -> "&cursor=" + Wire.encode(it)).orElse("");
    return http.get(at("/list", path) + query + from, FilePage.class);
  }

  public FileEntry stat(String path) {
    return http.get(at("/stat", path), FileEntry.class);
  }

  /** Also makes what is missing above; a folder that is there is no error. */
  public FileEntry makeFolder(String path) {
    return http.post(base + "/mkdir", Map.of("path", path), FileEntry.class);
  }

  /** {@code target}: the new path itself. Code {@code file_exists} if it is there. */
  public FileEntry move(String path, String target, boolean overwrite) {
    return http.post(
        base + "/move",
        Map.of("from", path, "to", target, "overwrite", overwrite),
        FileEntry.class);
  }

  public void delete(String path, boolean recursive) {
    byte[] ignored = http.call("DELETE", at("", path) + "&recursive=" + recursive);
  }

  /** What is in a folder as a tar archive; to be closed. */
  public InputStream archive(String path) {
    return http.open("GET", at("/archive", path), Optional.empty()).body();
  }

  /** Unpacks a tar archive into a folder, which is made. */
  public Unpacked unpack(String path, Supplier<InputStream> tar, boolean keepLinks) {
    String links = keepLinks ? "&links=keep" : "";
    return Json.read(
        http.upload(at("/archive", path) + links, BodyPublishers.ofInputStream(tar)),
        Unpacked.class);
  }

  /** {@code size}: bytes of all files. */
  public record Unpacked(long entries, long size) {}

  /**
   * Tells of changes until the listener has had enough, or what is watched is gone.
   *
   * @param more hears of a change, and whether it wants more is its answer
   */
  public void watch(String path, boolean recursive, Predicate<FileChange> more) {
    String query = at("/watch", path) + "&recursive=" + recursive;
    try (DeadlineBody body = http.open("GET", query, Optional.empty()).body()) {
      LineReader.read(
          body,
          node -> {
            FileChange change = Json.MAPPER.treeToValue(node, FileChange.class);
            return !more.test(change) || change.type().equals("gone");
          });
    } catch (IOException broken) {
      throw http.failure(broken);
    }
  }

  private String at(String call, String path) {
    return base + call + "?path=" + Wire.encode(path);
  }
}
