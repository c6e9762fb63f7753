package dev.podflare.client;

import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
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

  /**
   * The bytes of a file as they come; to be closed. A connection that breaks is made again and goes
   * on where it was, unless the file is another one by then: {@code bad_answer}.
   */
  public InputStream read(String path) {
    return new FileDownload(http, at("", path), 0, OptionalLong.empty());
  }

  /** All from an offset on; to be closed. */
  public InputStream read(String path, long offset) {
    return new FileDownload(http, at("", path), offset, OptionalLong.empty());
  }

  /** {@code count} bytes from an offset on, fewer at the end of the file; to be closed. */
  public InputStream read(String path, long offset, long count) {
    return new FileDownload(http, at("", path), offset, OptionalLong.of(offset + count));
  }

  public WrittenFile write(String path, byte[] bytes) {
    return write(path, bytes, FileWriteOptions.DEFAULTS);
  }

  /** Much of it goes on where a connection broke. */
  public WrittenFile write(String path, byte[] bytes, FileWriteOptions options) {
    return write(path, FileUpload.Source.of(bytes), options);
  }

  /** A file of this machine. A large one goes on where a connection broke. */
  public WrittenFile write(String path, Path local, FileWriteOptions options) throws IOException {
    return write(path, FileUpload.Source.of(local), options);
  }

  private WrittenFile write(String path, FileUpload.Source source, FileWriteOptions options) {
    boolean apart = options.uploadId().isPresent() || options.onlyNew();
    if (!apart && source.size() >= FileUpload.RESUMABLE_BYTES) {
      return new FileUpload(http, base, path).write(source, options);
    }
    return write(path, source.publisher(0), options, !apart);
  }

  /** {@code bytes}: opened once; a transfer that breaks off is not begun again. */
  public WrittenFile write(String path, Supplier<InputStream> bytes, FileWriteOptions options) {
    return write(path, BodyPublishers.ofInputStream(bytes), options, false);
  }

  private WrittenFile write(
      String path, BodyPublisher body, FileWriteOptions options, boolean repeatable) {
    ApiRequest request =
        ApiRequest.upload(at("", path) + options.query(), body).repeated(repeatable);
    ApiRequest whole = options.onlyNew() ? request.with("If-None-Match", "*") : request;
    return Json.read(http.call(whole), WrittenFile.class);
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
    return makeFolder(path, Optional.empty(), true);
  }

  /**
   * Makes a folder.
   *
   * @param mode permission bits, octal
   * @param parents also what is missing above, and a folder that is there is no error
   */
  public FileEntry makeFolder(String path, Optional<String> mode, boolean parents) {
    Map<String, Object> body = new LinkedHashMap<>();
    body.put("path", path);
    mode.ifPresent(it -> body.put("mode", it));
    body.put("parents", parents);
    ApiRequest request = ApiRequest.of("POST", base + "/mkdir", body).repeated(parents);
    return Json.read(http.call(request), FileEntry.class);
  }

  /** {@code target}: the new path itself. Code {@code file_exists} if it is there. */
  public FileEntry move(String path, String target, boolean overwrite) {
    return http.post(
        base + "/move",
        Map.of("from", path, "to", target, "overwrite", overwrite),
        FileEntry.class);
  }

  public void delete(String path, boolean recursive) {
    String all = at("", path) + "&recursive=" + recursive;
    http.call(ApiRequest.of("DELETE", all).repeated(false));
  }

  /** What is in a folder as a tar archive; to be closed. */
  public InputStream archive(String path) {
    return http.open(at("/archive", path)).body();
  }

  /** Unpacks a tar archive into a folder, which is made. */
  public Unpacked unpack(String path, Supplier<InputStream> tar, boolean keepLinks) {
    String links = keepLinks ? "&links=keep" : "";
    return Json.read(
        http.call(
            ApiRequest.upload(at("/archive", path) + links, BodyPublishers.ofInputStream(tar))),
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
    try (DeadlineBody body = http.open(query).body()) {
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
