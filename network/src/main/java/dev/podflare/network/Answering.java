package dev.podflare.network;

import dev.podflare.network.EgressPolicy.Default;
import java.io.IOException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Stream;
import org.xbill.DNS.AAAARecord;
import org.xbill.DNS.ARecord;
import org.xbill.DNS.CNAMERecord;
import org.xbill.DNS.DClass;
import org.xbill.DNS.Flags;
import org.xbill.DNS.Message;
import org.xbill.DNS.Name;
import org.xbill.DNS.Opcode;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Record;
import org.xbill.DNS.Section;
import org.xbill.DNS.TextParseException;
import org.xbill.DNS.Type;

/**
 * What each query is answered. Everything that policy refuses, and everything that the cache has,
 * is answered at once; only the rest waits for an upstream. Thread-safe.
 */
final class Answering {
  private static final int MOST_PINNED = 64;
  private static final int FIRST_META_TYPE = 128;

  /** What to do with a query. */
  sealed interface Step {
    record Drop() implements Step {}

    record Reply(Message message) implements Step {}

    /** Nobody knows yet; {@link Answering#forward} has to be called. */
    record Forward(Question question) implements Step {}
  }

  private final SlotAccess slots;
  private final AnswerCache cache;
  private final Upstreams upstreams;
  private final Duration pinGrace;
  private final InstantSource clock;

  Answering(
      SlotAccess slots,
      AnswerCache cache,
      Upstreams upstreams,
      Duration pinGrace,
      InstantSource clock) {
    this.slots = slots;
    this.cache = cache;
    this.upstreams = upstreams;
    this.pinGrace = pinGrace;
    this.clock = clock;
  }

  /** Never blocks. */
  Step first(Inet4Address slot, Message query) {
    Optional<EgressPolicy> policy = slots.policy(slot);
    if (policy.isEmpty() || query.getHeader().getFlag(Flags.QR)) {
      return new Step.Drop();
    }
    if (query.getHeader().getOpcode() != Opcode.QUERY) {
      return reply(query, Rcode.NOTIMP);
    }
    Record asked = query.getQuestion();
    if (query.getHeader().getCount(0) != 1 || asked == null) {
      return reply(query, Rcode.FORMERR);
    }
    Question question = Question.of(query, asked);
    return switch (policy.get().decideName(question.name())) {
      case REFUSED -> refuse(slot, question, Rcode.REFUSED, policy.get());
      case NO_SUCH_NAME -> refuse(slot, question, Rcode.NXDOMAIN, policy.get());
      case FORWARD -> allowed(slot, policy.get(), question, asked.getDClass());
    };
  }

  private Step allowed(Inet4Address slot, EgressPolicy policy, Question question, int dclass) {
    boolean meta = question.type() >= FIRST_META_TYPE && question.type() <= Type.ANY;
    if (dclass != DClass.IN || meta) {
      return reply(question.query(), Rcode.REFUSED);
    }
    return switch (question.type()) {
      // HTTPS and SVCB carry addresses and the keys that hide names.
      case Type.A6, Type.HTTPS, Type.SVCB -> reply(question.query(), Rcode.NOERROR);
      case Type.AAAA ->
          slots.ipv6() ? known(slot, policy, question) : reply(question.query(), Rcode.NOERROR);
      default -> known(slot, policy, question);
    };
  }

  private Step known(Inet4Address slot, EgressPolicy policy, Question question) {
    return cache
        .find(question.key())
        .<Step>map(answer -> new Step.Reply(answer(slot, policy, question, answer)))
        .orElseGet(() -> new Step.Forward(question));
  }

  /** Asks an upstream; blocks until the deadline of {@link Upstreams}. */
  Message forward(Inet4Address slot, Question question) {
    Optional<Answer> answer = upstreams.ask(question.key());
    answer.ifPresent(it -> cache.put(question.key(), it));
    // The policy may have changed while the upstream was thinking.
    Optional<EgressPolicy> policy = slots.policy(slot);
    if (answer.isEmpty() || policy.isEmpty()) {
      return Replies.empty(question.query(), Rcode.SERVFAIL);
    }
    return switch (policy.get().decideName(question.name())) {
      case FORWARD -> answer(slot, policy.get(), question, answer.get());
      case NO_SUCH_NAME -> Replies.empty(question.query(), Rcode.NXDOMAIN);
      case REFUSED -> Replies.empty(question.query(), Rcode.REFUSED);
    };
  }

  /**
   * Addresses of a name, as the slot is told them when it asks; those of IPv6 if it has no others.
   * Blocks as {@link #forward}.
   */
  List<InetAddress> addresses(Inet4Address slot, String name) {
    List<InetAddress> found = addresses(slot, name, Type.A);
    return found.isEmpty() && slots.ipv6() ? addresses(slot, name, Type.AAAA) : found;
  }

  private List<InetAddress> addresses(Inet4Address slot, String name, int type) {
    Message query;
    try {
      query = Message.newQuery(Record.newRecord(Name.fromString(name + "."), type, DClass.IN));
    } catch (TextParseException e) {
      return List.of();
    }
    return switch (first(slot, query)) {
      case Step.Drop drop -> List.of();
      case Step.Reply reply -> addresses(reply.message());
      case Step.Forward forward -> addresses(forward(slot, forward.question()));
    };
  }

  private static List<InetAddress> addresses(Message reply) {
    return addresses(reply.getSection(Section.ANSWER)).toList();
  }

  private static Stream<InetAddress> addresses(List<Record> records) {
    return records.stream().map(Answering::address).flatMap(Optional::stream);
  }

  /** Of records that hold one; a mapped one in an AAAA record reads as one of IPv4. */
  private static Optional<InetAddress> address(Record record) {
    return switch (record) {
      case ARecord a -> Optional.of(a.getAddress());
      case AAAARecord aaaa -> Optional.of(aaaa.getAddress());
      default -> Optional.empty();
    };
  }

  private Message answer(Inet4Address slot, EgressPolicy policy, Question question, Answer answer) {
    Optional<String> alias = refusedAlias(policy, answer);
    if (alias.isPresent()) {
      refused(slot, Optional.of(question.name()), Optional.empty(), "alias of " + alias.get());
      return Replies.empty(question.query(), Rcode.NXDOMAIN);
    }
    List<Record> reachable =
        answer.records().stream().filter(it -> reachable(slot, question, it)).toList();
    if (policy.pins(question.name())) {
      pin(slot, question, reachable, answer.timeToLive());
    }
    return Replies.of(
        question, new Answer(answer.rcode(), reachable, answer.authority(), answer.timeToLive()));
  }

  private static Optional<String> refusedAlias(EgressPolicy policy, Answer answer) {
    return answer.records().stream()
        .filter(CNAMERecord.class::isInstance)
        .map(it -> ((CNAMERecord) it).getTarget().canonicalize().toString(true))
        .filter(policy::refusesName)
        .findFirst();
  }

  /** A name that leads into the host's networks is how a web page becomes an insider. */
  private boolean reachable(Inet4Address slot, Question question, Record record) {
    Optional<InetAddress> address = address(record);
    boolean mapped = record instanceof AAAARecord && address.orElseThrow() instanceof Inet4Address;
    if (mapped || address.filter(slots::alwaysDenied).isPresent()) {
      refused(slot, Optional.of(question.name()), address, "always denied");
      return false;
    }
    return true;
  }

  private void pin(
      Inet4Address slot, Question question, List<Record> records, Duration timeToLive) {
    List<InetAddress> addresses = addresses(records).limit(MOST_PINNED).toList();
    if (!addresses.isEmpty()) {
      slots.pin(slot, question.name(), addresses, timeToLive.plus(pinGrace));
    }
  }

  private Step refuse(Inet4Address slot, Question question, int rcode, EgressPolicy policy) {
    String rule =
        !policy.dns()
            ? "dns off"
            : policy.fallback() == Default.DENY && !policy.refusesName(question.name())
                ? "default deny"
                : "deny " + question.name();
    refused(slot, Optional.of(question.name()), Optional.empty(), rule);
    return reply(question.query(), rcode);
  }

  void refused(
      Inet4Address slot, Optional<String> name, Optional<InetAddress> address, String rule) {
    slots.refused(
        slot, new Refusal(clock.instant(), "dns", name, address, OptionalInt.empty(), rule));
  }

  private static Step reply(Message query, int rcode) {
    return new Step.Reply(Replies.empty(query, rcode));
  }

  /** Reads a query; empty if it is none. */
  static Optional<Message> parse(byte[] wire) {
    try {
      return Optional.of(new Message(wire));
    } catch (IOException | RuntimeException e) {
      return Optional.empty();
    }
  }
}
