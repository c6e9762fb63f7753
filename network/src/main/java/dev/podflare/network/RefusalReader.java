package dev.podflare.network;

import dev.podflare.linux.PacketLog;
import java.net.Inet4Address;
import java.nio.ByteBuffer;
import java.time.Clock;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalInt;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Turns the packet filter's log into refusals of slots. The filter logs at most 20 a second for
 * each slot; its counters have all. One thread of its own.
 */
final class RefusalReader implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(RefusalReader.class);
  private static final int LEAST_HEADER = 20;
  private static final int ICMP = 1;
  private static final int TCP = 6;
  private static final int UDP = 17;

  private final PacketLog log;
  private final Cidr range;
  private final Slots slots;
  private final Clock clock;
  private final Thread thread;

  RefusalReader(PacketLog log, Cidr range, Slots slots, Clock clock) {
    this.log = log;
    this.range = range;
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
      Packet.read(entry.packet(), range)
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
  private record Packet(int protocol, Inet4Address slot, Inet4Address remote, OptionalInt port) {
    static Optional<Packet> read(ByteBuffer bytes, Cidr range) {
      int header = bytes.remaining() < LEAST_HEADER ? 0 : (bytes.get(0) & 15) * 4;
      if (header < LEAST_HEADER) {
        return Optional.empty();
      }
      Inet4Address source = address(bytes, 12);
      Inet4Address destination = address(bytes, 16);
      boolean outbound = range.contains(source);
      int protocol = Byte.toUnsignedInt(bytes.get(9));
      boolean ports = protocol == TCP || protocol == UDP;
      int at = header + (outbound ? 2 : 0);
      OptionalInt port =
          ports && bytes.remaining() >= at + 2
              ? OptionalInt.of(Short.toUnsignedInt(bytes.getShort(at)))
              : OptionalInt.empty();
      return Optional.of(
          new Packet(
              protocol, outbound ? source : destination, outbound ? destination : source, port));
    }

    private static Inet4Address address(ByteBuffer bytes, int at) {
      byte[] four = new byte[4];
      bytes.get(at, four);
      return (Inet4Address) Addresses.of(four);
    }

    String protocolName() {
      return switch (protocol) {
        case ICMP -> "icmp";
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
