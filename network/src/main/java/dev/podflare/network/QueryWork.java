package dev.podflare.network;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.util.Optional;
import java.util.function.Consumer;
import org.xbill.DNS.Message;
import org.xbill.DNS.Rcode;

/** The way of one query, whichever protocol brought it: limits, answer, bytes. Thread-safe. */
final class QueryWork {
  private final Answering answering;
  private final SlotIntake intake;
  private final SlotAccess slots;
  private final ResolverStats stats;

  QueryWork(Answering answering, SlotIntake intake, SlotAccess slots, ResolverStats stats) {
    this.answering = answering;
    this.intake = intake;
    this.slots = slots;
    this.stats = stats;
  }

  /** The slot that an address stands for; empty for a stranger, who is to get no answer. */
  Optional<Inet4Address> slot(InetAddress asker) {
    Optional<Inet4Address> slot = slots.slot(asker).filter(it -> slots.policy(it).isPresent());
    if (slot.isPresent()) {
      return slot;
    }
    stats.strangers.increment();
    return Optional.empty();
  }

  /** Runs the work if the slot may have one more TCP connection. */
  boolean whileConnected(Inet4Address slot, Runnable work) {
    return intake.whileConnected(slot, work);
  }

  /**
   * Answers at once if it can, else calls {@code later} with work that blocks and ends by
   * answering. What is over the limits or no query is not answered at all.
   */
  void take(
      Inet4Address slot,
      byte[] wire,
      boolean tcp,
      Consumer<byte[]> answer,
      Consumer<Runnable> later) {
    if (!intake.takeQuery(slot)) {
      stats.limited.increment();
      answering.refused(slot, Optional.empty(), Optional.empty(), "too many queries");
      return;
    }
    stats.queries.increment();
    Optional<Message> query = Answering.parse(wire);
    if (query.isEmpty()) {
      stats.malformed.increment();
      return;
    }
    switch (answering.first(slot, query.get())) {
      case Answering.Step.Drop drop -> stats.malformed.increment();
      case Answering.Step.Reply reply ->
          answer.accept(Replies.wire(reply.message(), query.get(), tcp));
      case Answering.Step.Forward forward ->
          later.accept(() -> forward(slot, forward.question(), tcp, answer));
    }
  }

  private void forward(Inet4Address slot, Question question, boolean tcp, Consumer<byte[]> answer) {
    boolean room =
        intake.whileWaiting(
            slot,
            () -> {
              stats.forwarded.increment();
              Message reply = answering.forward(slot, question);
              answer.accept(Replies.wire(reply, question.query(), tcp));
            });
    if (!room) {
      stats.limited.increment();
      Message busy = Replies.empty(question.query(), Rcode.SERVFAIL);
      answer.accept(Replies.wire(busy, question.query(), tcp));
    }
  }
}
