package dev.podflare.client;

import java.io.IOException;
import java.io.InputStream;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * The bytes of a file. A connection that breaks is made again and goes on where it was, unless the
 * file is another one by then. One reader.
 */
final class FileDownload extends InputStream {
  private final HttpCaller http;
  private final String path;
  private final OptionalLong end;
  private final Patience patience;
  private long offset;
  private DeadlineBody body;
  private @Nullable String etag;

  /**
   * Asks at once.
   *
   * @param offset of the first byte
   * @param end offset after the last one; empty: the file's end
   */
  FileDownload(HttpCaller http, String path, long offset, OptionalLong end) {
    this.http = http;
    this.path = path;
    this.offset = offset;
    this.end = end;
    this.patience = Patience.ofStream(http.config().rejoinTimeout());
    this.body = open();
  }

  private DeadlineBody open() {
    ApiRequest request = ApiRequest.of("GET", path);
    if (offset > 0 || end.isPresent()) {
      String last = end.isPresent() ? "" + (end.getAsLong() - 1) : "";
      request = request.with("Range", "bytes=" + offset + "-" + last);
    }
    if (etag != null) {
      request = request.with("If-Range", etag);
    }
    ApiAnswer response = http.open(request);
    String now = response.header("ETag").orElse(null);
    boolean changed = etag != null && !Objects.equals(etag, now);
    if (changed || (offset > 0 && response.status() != 206)) {
      response.body().close();
      throw LineReader.bad(
          changed ? "another file than it began with" : "not the bytes from " + offset + " on");
    }
    etag = now;
    return response.body();
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] target, int from, int length) throws IOException {
    while (true) {
      try {
        int count = body.read(target, from, length);
        if (count > 0) {
          offset += count;
          patience.heard(true);
        }
        return count;
      } catch (IOException cut) {
        if (!again(http.failure(cut))) {
          throw cut;
        }
      }
    }
  }

  /** Whether it goes on; else it cannot, or has waited for long enough. */
  private boolean again(ApiException why) {
    Optional<ApiException> cut = Optional.of(why);
    while (cut.isPresent() && etag != null) {
      var pause = patience.pause(cut.get(), true);
      if (pause.isEmpty()) {
        return false;
      }
      http.sleep(pause.get());
      try {
        body.close();
        body = open();
        return true;
      } catch (ApiException refused) {
        if (refused.code().equals("range_not_satisfiable")) {
          body = DeadlineBody.ended();
          return true; // at its end
        }
        if (refused.status() != 0 || refused.code().equals(ApiException.BAD_ANSWER)) {
          throw refused;
        }
        cut = Optional.of(refused);
      }
    }
    return false;
  }

  @Override
  public void close() {
    body.close();
  }
}
