package dev.podflare.mcp;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A conversation over two streams, a message a line, until the client closes its end. One thread;
 * requests run on threads of their own.
 */
public final class StdioDoor {
  private static final Logger LOG = LoggerFactory.getLogger(StdioDoor.class);
  private static final int LONGEST_LINE = 64 << 20;

  /** How long requests that are at work when the client leaves have to end once cancelled. */
  private static final Duration LAST_WAIT = Duration.ofSeconds(15);

  private final InputStream in;
  private final OutputStream out;

  public StdioDoor(InputStream in, OutputStream out) {
    this.in = new BufferedInputStream(in);
    this.out = out;
  }

  /** Serves until the end of the input; closes the conversation. */
  public void serve(Conversation conversation) throws IOException {
    ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();
    try (conversation) {
      for (byte[] line = line(); line != null; line = line()) {
        if (line.length > 0) {
          take(conversation, line, executor);
        }
      }
    } finally {
      end(executor);
    }
  }

  private void take(Conversation conversation, byte[] line, ExecutorService executor) {
    try {
      switch (Incoming.parse(line)) {
        case Incoming.Request request -> {
          Runnable work = conversation.take(request, new Line());
          if (request.initializes()) {
            work.run(); // what comes next builds on it
          } else {
            executor.execute(work);
          }
        }
        case Incoming.Notification notification -> conversation.take(notification);
        case Incoming.Reply _ -> {}
      }
    } catch (McpException malformed) {
      write(malformed.message(null));
    }
  }

  private static void end(ExecutorService executor) {
    executor.shutdown();
    try {
      if (!executor.awaitTermination(LAST_WAIT.toMillis(), TimeUnit.MILLISECONDS)) {
        executor.shutdownNow();
      }
    } catch (InterruptedException hurried) {
      Thread.currentThread().interrupt();
    }
  }

  /** The next line without its end; null at the end of the input. */
  private byte @org.jspecify.annotations.Nullable [] line() throws IOException {
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    while (true) {
      int next = in.read();
      if (next < 0) {
        return null; // half a message is none
      }
      if (next == '\n') {
        return line.toByteArray();
      }
      if (line.size() >= LONGEST_LINE) {
        throw new IOException("a message of more than " + LONGEST_LINE + " bytes");
      }
      line.write(next);
    }
  }

  private synchronized void write(byte[] message) {
    try {
      out.write(message);
      out.write('\n');
      out.flush();
    } catch (IOException gone) {
      throw new UncheckedIOException(gone);
    }
  }

  /** What belongs to one request. */
  private final class Line implements Outlet {
    @Override
    public void tell(byte[] message) {
      answer(message);
    }

    @Override
    public void answer(byte[] message) {
      try {
        write(message);
      } catch (UncheckedIOException gone) {
        LOG.debug("the client is gone", gone);
      }
    }

    @Override
    public void end() {}
  }
}
