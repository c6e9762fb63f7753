package dev.podflare.mcp;

import static java.util.Objects.requireNonNull;

import java.time.Instant;
import java.time.InstantSource;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BiConsumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A session of one key, and the streams of its requests. Thread-safe. */
public final class HttpSession implements AutoCloseable {
  /** Of a message: the stream's number and its own. */
  private static final Pattern EVENT_ID = Pattern.compile("(\\d{1,18})-(\\d{1,18})");

  /** A place in a stream. */
  public record Place(MessageStream stream, long after) {}

  private final String id;
  private final String owner;
  private final Conversation conversation;
  private final InstantSource clock;
  private final BiConsumer<HttpSession, MessageStream> whenEnded;
  private final Map<Long, MessageStream> streams = new ConcurrentHashMap<>();
  private final AtomicInteger atWork = new AtomicInteger();
  private final AtomicLong numbers = new AtomicLong();
  private volatile Instant heardAt;

  /** {@code whenEnded}: hears of streams that have ended and are kept. */
  HttpSession(
      String id,
      String owner,
      Conversation conversation,
      InstantSource clock,
      BiConsumer<HttpSession, MessageStream> whenEnded) {
    this.id = id;
    this.owner = owner;
    this.conversation = conversation;
    this.clock = clock;
    this.whenEnded = whenEnded;
    this.heardAt = clock.instant();
  }

  public String id() {
    return id;
  }

  /** Whether {@code initialize} was answered well. */
  public boolean hasBegun() {
    return conversation.isInitialized();
  }

  String owner() {
    return owner;
  }

  /** Answers at once; empty if it was cancelled. */
  public Optional<byte[]> answer(Incoming.Request request) {
    heard();
    AtomicReference<Optional<byte[]>> answer = new AtomicReference<>(Optional.empty());
    Outlet outlet =
        new Outlet() {
          @Override
          public void tell(byte[] message) {}

          @Override
          public void answer(byte[] message) {
            answer.set(Optional.of(message));
          }

          @Override
          public void end() {}
        };
    conversation.take(request, outlet).run();
    return requireNonNull(answer.get());
  }

  /** Calls that have not ended. */
  int atWork() {
    return atWork.get();
  }

  void reserve() {
    atWork.incrementAndGet();
  }

  /** Begins a call for which there is a place; it goes on whether or not anybody reads. */
  MessageStream begin(Incoming.Request request) {
    heard();
    long number = numbers.incrementAndGet();
    MessageStream stream = new MessageStream(number, this::ended);
    streams.put(number, stream);
    Thread.ofVirtual().name("mcp-call").start(conversation.take(request, stream));
    return stream;
  }

  private void ended(MessageStream stream) {
    atWork.decrementAndGet();
    whenEnded.accept(this, stream);
  }

  public void take(Incoming.Notification notification) {
    heard();
    conversation.take(notification);
  }

  /** Where to go on after an event; empty if that is not kept any more. */
  public Optional<Place> after(String eventId) {
    heard();
    Matcher matcher = EVENT_ID.matcher(eventId);
    if (!matcher.matches()) {
      return Optional.empty();
    }
    long after = Long.parseLong(matcher.group(2));
    return Optional.ofNullable(streams.get(Long.parseLong(matcher.group(1))))
        .filter(stream -> !stream.isOver(after))
        .map(stream -> new Place(stream, after));
  }

  void forget(MessageStream stream) {
    streams.remove(stream.id());
  }

  void heard() {
    heardAt = clock.instant();
  }

  /** When it was last at work or heard of. */
  Instant lastActive() {
    return conversation.isBusy() ? clock.instant() : heardAt;
  }

  @Override
  public void close() {
    conversation.close();
    streams.values().forEach(MessageStream::end);
    streams.clear();
  }
}
