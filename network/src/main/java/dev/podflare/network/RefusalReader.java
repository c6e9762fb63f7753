package dev.podflare.network;

import dev.podflare.linux.PacketLog;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.time.Clock;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Turns the packet filter's log into refusals of slots. The filter logs at most 20 a second for
 * each slot; its counters have all. One thread of its own.
 */
final class RefusalReader implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(RefusalReader.class);
  private static final int LEAST_HEADER = 20;
  private static final int HEADER6 = 40;
  private static final int FRAGMENT = 44;

  /** Hop-by-hop options, routing, fragment, destination options. */
  private static final Set<Integer> OPTIONS = Set.of(0, 43, FRAGMENT, 60);

  private static final int ICMP = 1;
  private static final int ICMP6 = 58;
  private static final int TCP = 6;
  private static final int UDP = 17;

  private final PacketLog log;
  private final Plan plan;
  private final Slots slots;
  private final Clock clock;
  private final Thread thread;

  RefusalReader(PacketLog log, Plan plan, Slots slots, Clock clock) {
    this.log = log;
    this.plan = plan;
    this.slots = slots;
    this.clock = clock;
    this.thread = Thread.ofPlatform().name("network-refusals").daemon().unstarted(this::read);
  }

  void start() {
    thread.start();
  }

  private void read() {
    while (log.next(this::take)) {
      // Until it is closed.
    }
  }

  private void take(PacketLog.Entry entry) {
    try {
      Packet.read(entry.packet(), plan)
          .ifPresent(packet ->
              slots
                  .find(packet.slot())
                  .ifPresent(state -> state.keep(refusal(entry, packet, state))));
    } catch (RuntimeException e) {
      LOG.warn("a logged packet could not be read", e);
    }
  }

  private Refusal refusal(PacketLog.Entry entry, Packet packet, SlotState state) {
    return new Refusal(
        clock.instant(),
        packet.protocolName(),
        Optional.empty(),
        Optional.of(packet.remote()),
        packet.port(),
        rule(entry.prefix(), packet, state));
  }

  private static String rule(String prefix, Packet packet, SlotState state) {
    return switch (prefix) {
      case "always" -> "always denied";
      case "unchecked" -> "cannot be checked";
      default ->
          state
              .policy()
              .map(policy ->
                  policy.decideConnection(
                      Optional.empty(), packet.remote(), packet.port().orElse(0), false))
              .filter(ruling -> !ruling.allowed())
              .map(Ruling::rule)
              .orElse("default deny");
    };
  }

  /** The part of a packet that says who asked whom. */
  private record Packet(int protocol, Inet4Address slot, InetAddress remote, OptionalInt port) {
    static Optional<Packet> read(ByteBuffer bytes, Plan plan) {
      int version = bytes.remaining() < LEAST_HEADER ? 0 : (bytes.get(0) >> 4) & 15;
      int header = version == 4 ? (bytes.get(0) & 15) * 4 : HEADER6;
      if ((version != 4 && version != 6) || header < LEAST_HEADER || bytes.remaining() < header) {
        return Optional.empty();
      }
      return version == 4
          ? read(bytes, plan, header, Byte.toUnsignedInt(bytes.get(9)), 12, 4)
          : read6(bytes, plan);
    }

    /** Walks over what may stand between the header and what it carries. */
    private static Optional<Packet> read6(ByteBuffer bytes, Plan plan) {
      int next = Byte.toUnsignedInt(bytes.get(6));
      int at = HEADER6;
      while (OPTIONS.contains(next) && bytes.remaining() >= at + 2) {
        int size = next == FRAGMENT ? 8 : (Byte.toUnsignedInt(bytes.get(at + 1)) + 1) * 8;
        next = Byte.toUnsignedInt(bytes.get(at));
        at += size;
      }
      return read(bytes, plan, at, next, 8, 16);
    }

    private static Optional<Packet> read(
        ByteBuffer bytes, Plan plan, int end, int protocol, int ends, int length) {
      InetAddress source = address(bytes, ends, length);
      InetAddress destination = address(bytes, ends + length, length);
      boolean outbound = plan.outer(source).isPresent();
      boolean ports = protocol == TCP || protocol == UDP;
      int at = end + (outbound ? 2 : 0);
      OptionalInt port =
          ports && bytes.remaining() >= at + 2
              ? OptionalInt.of(Short.toUnsignedInt(bytes.getShort(at)))
              : OptionalInt.empty();
      return plan.outer(outbound ? source : destination)
          .map(slot -> new Packet(protocol, slot, outbound ? destination : source, port));
    }

    private static InetAddress address(ByteBuffer bytes, int at, int length) {
      byte[] address = new byte[length];
      bytes.get(at, address);
      return Addresses.of(address);
    }

    String protocolName() {
      return switch (protocol) {
        case ICMP, ICMP6 -> "icmp";
        case TCP -> "tcp";
        case UDP -> "udp";
        default -> "ip " + protocol;
      };
    }
  }

  @Override
  public void close() {
    log.close();
    try {
      thread.join(Duration.ofSeconds(5));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
