package dev.podflare.client;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.UUID;

/**
 * An upload that goes on where a connection broke: what came is kept by the server under an id. One
 * thread, used once.
 */
final class FileUpload {
  /** What is smaller is sent anew. */
  static final long RESUMABLE_BYTES = 4 << 20;

  /** Bytes that can be read again from anywhere. */
  interface Source {
    long size();

    InputStream from(long offset) throws IOException;

    static Source of(byte[] bytes) {
      return new Source() {
        @Override
        public long size() {
          return bytes.length;
        }

        @Override
        public InputStream from(long offset) {
          return new ByteArrayInputStream(bytes, (int) offset, bytes.length - (int) offset);
        }
      };
    }

    static Source of(Path file) throws IOException {
      long size = Files.size(file);
      return new Source() {
        @Override
        public long size() {
          return size;
        }

        @Override
        public InputStream from(long offset) throws IOException {
          InputStream in = Files.newInputStream(file);
          in.skipNBytes(offset);
          return in;
        }
      };
    }

    /** What is left from an offset on. */
    default BodyPublisher publisher(long offset) {
      if (offset == size()) {
        return BodyPublishers.noBody();
      }
      BodyPublisher stream =
          BodyPublishers.ofInputStream(() -> {
            try {
              return from(offset);
            } catch (IOException unreadable) {
              throw new UncheckedIOException(unreadable);
            }
          });
      return BodyPublishers.fromPublisher(stream, size() - offset);
    }
  }

  private final HttpCaller http;
  private final String files;
  private final String path;

  /** {@code files}: path of the sandbox's files; {@code path}: in the guest. */
  FileUpload(HttpCaller http, String files, String path) {
    this.http = http;
    this.files = files;
    this.path = path;
  }

  WrittenFile write(Source source, FileWriteOptions options) {
    String id = UUID.randomUUID().toString().replace("-", "");
    Patience patience = Patience.ofStream(http.config().rejoinTimeout());
    long offset = 0;
    while (true) {
      try {
        String query = options.withUpload(id, offset, true).query();
        ApiRequest request =
            ApiRequest.upload(
                files + "?path=" + Wire.encode(path) + query, source.publisher(offset));
        return Json.read(http.call(request), WrittenFile.class);
      } catch (ApiException cut) {
        http.sleep(pause(patience, cut, offset));
        long kept = kept(id);
        if (kept > offset) {
          patience.heard(true);
        }
        offset = kept;
      }
    }
  }

  private static Duration pause(Patience patience, ApiException cut, long offset) {
    if (cut.code().equals("offset_mismatch")) {
      Object kept = cut.details().getOrDefault("offset", cut.details().get("size"));
      if (kept instanceof Number other && other.longValue() != offset) {
        return Duration.ZERO;
      }
      throw cut;
    }
    boolean passing = cut.status() == 0 || cut.code().equals("transfer_cut");
    if (!passing) {
      throw cut;
    }
    return patience.pause(cut, true).orElseThrow(() -> cut);
  }

  private long kept(String id) {
    try {
      String query = "/stat?path=" + Wire.encode(path) + "&upload_id=" + id;
      return http.get(files + query, FileEntry.class).size();
    } catch (ApiException refused) {
      if (refused.code().equals("file_not_found")) {
        return 0;
      }
      throw refused;
    }
  }
}
