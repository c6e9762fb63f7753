package dev.podflare.engine;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.guest.FileOperation;
import dev.podflare.guest.TarReader;
import dev.podflare.guest.TarWriter;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Function;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@link SandboxFiles} by operations of the guest's files worker. Thread-safe. */
final class LocalFiles implements SandboxFiles {
  private static final JsonMapper JSON = JsonMapper.builder().build();
  private static final int LONGEST_LINE = 64 << 10;

  private final Opener opener;

  /** Begins an operation in the sandbox's guest, and sees to it that it can. */
  interface Opener {
    FileOperation open(Map<String, Object> request);
  }

  LocalFiles(Opener opener) {
    this.opener = opener;
  }

  @Override
  public FileDownload read(FilePath path, FileRange range) {
    Map<String, Object> request = request("read", path);
    range.first().ifPresent(first -> request.put("first", first));
    range.last().ifPresent(last -> request.put("last", last));
    FileOperation operation = opener.open(request);
    return heard(
        operation,
        head ->
            new LocalDownload(
                operation,
                GuestFileWords.info(head.path("entry")),
                head.path("first").asLong(0),
                head.path("count").asLong(0)));
  }

  @Override
  public WrittenFile write(FileUpload upload, InputStream bytes) throws IOException {
    Map<String, Object> request = request("write", upload.path());
    upload.mode().ifPresent(mode -> request.put("mode", mode));
    upload.uploadId().ifPresent(id -> request.put("upload", id));
    request.put("offset", upload.offset());
    request.put("exclusive", upload.onlyNew());
    request.put("partial", !upload.last());
    request.put("sync", upload.sync());
    try (FileOperation operation = opener.open(request)) {
      JsonNode ignored = operation.head();
      MessageDigest digest = sha256();
      byte[] piece = new byte[FileOperation.PIECE];
      for (int read = fill(bytes, piece); read > 0; read = fill(bytes, piece)) {
        digest.update(piece, 0, read);
        operation.write(piece, 0, read);
      }
      operation.writeEnd();
      JsonNode end = operation.end();
      String whole = HexFormat.of().formatHex(digest.digest());
      return new WrittenFile(
          end.path("size").asLong(0),
          upload.last() ? Optional.of(end.path("sha256").asString(whole)) : Optional.empty());
    }
  }

  private static int fill(InputStream bytes, byte[] piece) throws IOException {
    return bytes.readNBytes(piece, 0, piece.length);
  }

  @Override
  public FilePage list(FilePath path, int depth, int limit, Optional<FilePath> after) {
    Map<String, Object> request = request("list", path);
    request.put("depth", depth);
    request.put("limit", limit);
    after.ifPresent(last -> request.put("after", last.latin()));
    try (FileOperation operation = opener.open(request)) {
      List<FileInfo> entries = new ArrayList<>();
      ByteArrayOutputStream line = new ByteArrayOutputStream();
      for (var piece = operation.read(); piece.isPresent(); piece = operation.read()) {
        for (byte each : GuestFileWords.words(piece.get())) {
          if (each != '\n') {
            line.write(each);
            continue;
          }
          if (entries.size() >= limit) {
            throw GuestFileWords.bad();
          }
          entries.add(parse(line.toByteArray()));
          line.reset();
        }
        if (line.size() > LONGEST_LINE) {
          throw GuestFileWords.bad();
        }
      }
      JsonNode next = operation.end().path("next");
      return new FilePage(
          entries,
          next.isString()
              ? Optional.of(GuestFileWords.path(next.stringValue()))
              : Optional.empty());
    }
  }

  private static FileInfo parse(byte[] line) {
    try {
      return GuestFileWords.info(JSON.readTree(line));
    } catch (JacksonException e) {
      throw GuestFileWords.bad();
    }
  }

  @Override
  public FileInfo stat(FilePath path, Optional<String> uploadId) {
    Map<String, Object> request = request("stat", path);
    uploadId.ifPresent(id -> put(request, id));
    return entry(request);
  }

  @Override
  public FileInfo makeFolder(FilePath path, OptionalInt mode, boolean parents) {
    Map<String, Object> request = request("mkdir", path);
    mode.ifPresent(bits -> request.put("mode", bits));
    request.put("parents", parents);
    return entry(request);
  }

  @Override
  public FileInfo move(FilePath path, FilePath target, boolean overwrite) {
    Map<String, Object> request = request("move", path);
    request.put("to", target.latin());
    request.put("overwrite", overwrite);
    return entry(request);
  }

  @Override
  public void delete(FilePath path, boolean recursive, Optional<String> uploadId) {
    Map<String, Object> request = request("delete", path);
    request.put("recursive", recursive);
    uploadId.ifPresent(id -> put(request, id));
    JsonNode ignored = end(request);
  }

  @Override
  public void archive(FilePath path, OutputStream tar, Runnable begins) throws IOException {
    try (FileOperation operation = opener.open(request("pack", path))) {
      JsonNode ignored = operation.head();
      begins.run();
      TarWriter.copy(operation, tar);
    }
  }

  @Override
  public Unpacked unpack(FilePath path, InputStream tar, boolean keepLinks) throws IOException {
    try (FileOperation operation = opener.open(request("unpack", path))) {
      JsonNode ignored = operation.head();
      TarReader.copy(tar, operation, keepLinks);
      JsonNode end = operation.end();
      return new Unpacked(end.path("entries").asLong(0), end.path("size").asLong(0));
    }
  }

  @Override
  public FileChanges watch(FilePath path, boolean recursive) {
    Map<String, Object> request = request("watch", path);
    request.put("recursive", recursive);
    FileOperation operation = opener.open(request);
    return heard(operation, _ -> new LocalFileChanges(operation));
  }

  private static Map<String, Object> request(String name, FilePath path) {
    Map<String, Object> request = new HashMap<>();
    request.put("op", name);
    request.put("path", path.latin());
    return request;
  }

  private static void put(Map<String, Object> request, String uploadId) {
    FileUpload.checkId(uploadId);
    request.put("upload", uploadId);
  }

  private FileInfo entry(Map<String, Object> request) {
    return GuestFileWords.info(end(request).path("entry"));
  }

  private JsonNode end(Map<String, Object> request) {
    try (FileOperation operation = opener.open(request)) {
      return operation.end();
    }
  }

  private static <T> T heard(FileOperation operation, Function<JsonNode, T> use) {
    try {
      return use.apply(operation.head());
    } catch (RuntimeException e) {
      operation.close();
      throw e;
    }
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException impossible) {
      throw new PodflareException(ErrorCode.INTERNAL, "no SHA-256", impossible);
    }
  }
}
