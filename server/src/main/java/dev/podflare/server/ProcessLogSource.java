package dev.podflare.server;

import dev.podflare.engine.ExecEvent;
import dev.podflare.engine.ExecStream;
import java.time.Duration;
import java.util.Optional;

/** The log of a process as lines: what is there, or also what comes. One thread. */
final class ProcessLogSource implements EventStream.Source {
  private final ExecStream stream;
  private final boolean follow;
  private boolean ended;

  ProcessLogSource(ExecStream stream, boolean follow) {
    this.stream = stream;
    this.follow = follow;
  }

  @Override
  public boolean ended() {
    return ended;
  }

  @Override
  public boolean writeNext(EventWriter writer, Duration wait) throws InterruptedException {
    Optional<ExecEvent> event = stream.next(follow ? wait : Duration.ZERO);
    event.ifPresent(writer::write);
    ended = stream.ended() || (!follow && event.isEmpty());
    return event.isPresent();
  }

  @Override
  public void close() {
    stream.close();
  }
}
