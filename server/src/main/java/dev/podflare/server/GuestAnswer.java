package dev.podflare.server;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import org.eclipse.jetty.http.HttpCompliance;
import org.eclipse.jetty.http.HttpException;
import org.eclipse.jetty.http.HttpField;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpParser;
import org.eclipse.jetty.http.HttpVersion;
import org.jspecify.annotations.Nullable;

/**
 * Reads one answer of a guest, as it comes and within 16 KiB: first the head, then pieces of the
 * body. What is no HTTP/1 is refused with {@code BAD_GUEST_ANSWER}. One thread.
 */
final class GuestAnswer {
  private static final int BUFFER = 16 * 1024;
  private static final int LONGEST_HEAD = 32 * 1024;
  private static final int MOST_INTERIM = 16;

  private final ReadableByteChannel channel;
  private final ByteBuffer buffer = ByteBuffer.allocate(BUFFER).flip();
  private final Events events = new Events();
  private final HttpParser parser = new HttpParser(events, LONGEST_HEAD, HttpCompliance.RFC9110);
  private int interim;

  /**
   * @param toHead whether it answers HEAD, and so has no body whatever its head says
   */
  GuestAnswer(ReadableByteChannel channel, boolean toHead) {
    this.channel = channel;
    parser.setHeadResponse(toHead);
  }

  /** Status and headers. */
  record Head(int status, HttpFields headers) {}

  /** Waits for the head; interim answers (1xx) are skipped, but for 101. */
  Head head() throws IOException {
    while (true) {
      advance();
      if (events.headComplete) {
        events.headComplete = false;
        if (events.status == 101 || events.status >= 200) {
          return new Head(events.status, events.headers.asImmutable());
        }
      }
      if (events.complete) {
        if (++interim > MOST_INTERIM) {
          throw bad("the guest sends interim answers only");
        }
        events.reset();
        parser.reset();
      }
    }
  }

  /** The next piece, good until the next call; null at the end of the answer. */
  @Nullable ByteBuffer next() throws IOException {
    while (!events.complete && events.piece == null) {
      advance();
    }
    ByteBuffer piece = events.piece;
    events.piece = null;
    return piece;
  }

  /** What was read beyond the head of an answer with status 101. */
  ByteBuffer rest() {
    return buffer;
  }

  private void advance() throws IOException {
    while (true) {
      boolean stopped = parse();
      if (events.failure != null) {
        throw bad("the guest's answer is no HTTP/1.1: " + events.failure);
      }
      if (stopped || events.complete) {
        return;
      }
      if (!buffer.hasRemaining()) {
        fill();
      }
    }
  }

  private boolean parse() {
    try {
      return parser.parseNext(buffer);
    } catch (AssertionError checked) {
      // Jetty asserts that only requests can be malformed; assertions are on in tests alone.
      throw bad("the guest's answer is no HTTP/1.1");
    }
  }

  private void fill() throws IOException {
    buffer.clear();
    int read = channel.read(buffer);
    buffer.flip();
    if (read < 0) {
      if (parser.isState(HttpParser.State.START)) {
        throw bad("the guest closed the connection before it answered");
      }
      parser.atEOF();
      boolean ignored = parse();
      if (!events.complete) {
        throw bad("the guest closed the connection within its answer");
      }
    }
  }

  static PodflareException bad(String sentence) {
    return new PodflareException(ErrorCode.BAD_GUEST_ANSWER, sentence);
  }

  /** What the parser has found; each stops it, so that one thing happens at a time. */
  private static final class Events implements HttpParser.ResponseHandler {
    private HttpFields.Mutable headers = HttpFields.build();
    private int status;
    private boolean headComplete;
    private boolean complete;
    private @Nullable ByteBuffer piece;
    private @Nullable String failure;

    void reset() {
      headers = HttpFields.build();
      headComplete = false;
      complete = false;
    }

    @Override
    public void startResponse(HttpVersion version, int code, String reason) {
      status = code;
    }

    @Override
    public void parsedHeader(HttpField field) {
      headers.add(field);
    }

    @Override
    public boolean headerComplete() {
      headComplete = true;
      return true;
    }

    @Override
    public boolean content(ByteBuffer content) {
      piece = content;
      return true;
    }

    @Override
    public boolean contentComplete() {
      return false;
    }

    @Override
    public boolean messageComplete() {
      complete = true;
      return true;
    }

    @Override
    public void earlyEOF() {
      failure = "it ends too early";
    }

    @Override
    public void badMessage(HttpException refused) {
      failure = String.valueOf(refused.getReason());
    }
  }
}
