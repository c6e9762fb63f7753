package dev.podflare.network;

import com.github.benmanes.caffeine.cache.Ticker;
import dev.podflare.common.DataSize;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import org.xbill.DNS.DClass;
import org.xbill.DNS.Message;
import org.xbill.DNS.Name;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Record;
import org.xbill.DNS.Section;
import org.xbill.DNS.Type;

/** A resolver with a clock to turn, an upstream of the test's own, and two slots on loopback. */
final class ResolverRig implements AutoCloseable {
  static final Inet4Address SLOT = MemorySlots.v4("127.0.7.1");
  static final Inet4Address OTHER = MemorySlots.v4("127.0.7.2");
  static final Inet4Address STRANGER = MemorySlots.v4("127.0.7.3");
  static final Duration GRACE = Duration.ofSeconds(30);

  final AtomicLong nanos = new AtomicLong(1_000_000_000L);
  final MemorySlots slots;
  final Blindfold sees = new Blindfold();
  final TestDns upstream = new TestDns();
  final Resolver resolver;

  ResolverRig(List<String> exceptions, QueryLimits limits, DataSize cache) throws IOException {
    slots = new MemorySlots(exceptions, nanos::get);
    ResolverConfig config =
        new ResolverConfig(
            new InetSocketAddress(MemorySlots.v4("127.0.7.53"), 0),
            List.of(upstream.address()),
            Path.of("/etc/resolv.conf"),
            Duration.ofMillis(300),
            Duration.ofMillis(700),
            cache,
            Duration.ofDays(1),
            GRACE,
            limits);
    Ticker ticker = nanos::get;
    resolver =
        Resolver.start(config, sees.over(slots), Runnable::run, ticker, InstantSource.system());
  }

  static ResolverRig open() throws IOException {
    return new ResolverRig(List.of(), QueryLimits.defaults(), DataSize.ofMebibytes(1));
  }

  void pass(Duration time) {
    nanos.addAndGet(time.toNanos());
  }

  static Message query(String name, int type) {
    try {
      return Message.newQuery(Record.newRecord(Name.fromString(name, Name.root), type, DClass.IN));
    } catch (IOException e) {
      throw new IllegalArgumentException(name, e);
    }
  }

  Message ask(Inet4Address slot, String name, String type) throws IOException {
    return ask(slot, query(name, Type.value(type))).orElseThrow();
  }

  /** Empty if no answer comes within two seconds. */
  Optional<Message> ask(Inet4Address slot, Message query) throws IOException {
    try (DatagramSocket socket = new DatagramSocket(new InetSocketAddress(slot, 0))) {
      socket.setSoTimeout(2000);
      send(socket, query.toWire());
      DatagramPacket packet = new DatagramPacket(new byte[65535], 65535);
      socket.receive(packet);
      return Optional.of(new Message(Arrays.copyOf(packet.getData(), packet.getLength())));
    } catch (SocketTimeoutException e) {
      return Optional.empty();
    }
  }

  void send(DatagramSocket socket, byte[] bytes) throws IOException {
    socket.send(
        new DatagramPacket(bytes, bytes.length, MemorySlots.v4("127.0.7.53"), resolver.port()));
  }

  Message askTcp(Inet4Address slot, Message query) throws IOException {
    try (Socket socket = connect(slot)) {
      byte[] wire = query.toWire();
      OutputStream out = socket.getOutputStream();
      out.write(new byte[] {(byte) (wire.length >> 8), (byte) wire.length});
      out.write(wire);
      DataInputStream in = new DataInputStream(socket.getInputStream());
      byte[] answer = new byte[in.readUnsignedShort()];
      in.readFully(answer);
      return new Message(answer);
    }
  }

  Socket connect(Inet4Address slot) throws IOException {
    Socket socket = new Socket();
    socket.bind(new InetSocketAddress(slot, 0));
    socket.setSoTimeout(3000);
    socket.connect(new InetSocketAddress(MemorySlots.v4("127.0.7.53"), resolver.port()), 2000);
    return socket;
  }

  static List<String> data(Message answer) {
    return answer.getSection(Section.ANSWER).stream().map(Record::rdataToString).toList();
  }

  static String rcode(Message answer) {
    return Rcode.string(answer.getRcode());
  }

  boolean pinned(String name, String address) {
    return slots.pinned(SLOT, name, InetAddress.ofLiteral(address));
  }

  @Override
  public void close() throws IOException {
    resolver.close();
    upstream.close();
  }
}
