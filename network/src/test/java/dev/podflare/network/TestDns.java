package dev.podflare.network;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.BindException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.xbill.DNS.CNAMERecord;
import org.xbill.DNS.DClass;
import org.xbill.DNS.Flags;
import org.xbill.DNS.Message;
import org.xbill.DNS.Name;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Record;
import org.xbill.DNS.SOARecord;
import org.xbill.DNS.Section;
import org.xbill.DNS.TextParseException;
import org.xbill.DNS.Type;

/** A DNS server on loopback, UDP and TCP, that remembers what it was asked. Thread-safe. */
final class TestDns implements AutoCloseable {
  final List<String> asked = new CopyOnWriteArrayList<>();
  final List<Message> queries = new CopyOnWriteArrayList<>();
  volatile boolean silent;
  volatile boolean wrongId;
  volatile int rcode = Rcode.NOERROR;
  volatile int negativeTtl = -1;
  private final Map<String, List<Record>> zone = new ConcurrentHashMap<>();
  private final DatagramSocket udp;
  private final ServerSocket tcp;

  TestDns() throws IOException {
    this(Callable::call);
  }

  /** Runs what makes a socket, in the namespace where the server is to be. */
  interface Maker {
    Sockets make(Callable<Sockets> making) throws Exception;
  }

  record Sockets(DatagramSocket udp, ServerSocket tcp) {
    /** A port that is free for UDP may be taken for TCP, so some are tried. */
    static Sockets open() throws IOException {
      InetAddress loopback = InetAddress.ofLiteral("127.0.0.1");
      for (int left = 20; ; left--) {
        ServerSocket tcp = new ServerSocket(0, 50, loopback);
        try {
          return new Sockets(
              new DatagramSocket(new InetSocketAddress(loopback, tcp.getLocalPort())), tcp);
        } catch (BindException e) {
          tcp.close();
          if (left == 0) {
            throw e;
          }
        }
      }
    }
  }

  TestDns(Maker namespace) throws IOException {
    try {
      Sockets sockets = namespace.make(Sockets::open);
      udp = sockets.udp();
      tcp = sockets.tcp();
    } catch (Exception e) {
      throw new IOException("no sockets for a DNS server", e);
    }
    Thread.ofVirtual().start(this::serveUdp);
    Thread.ofVirtual().start(this::serveTcp);
  }

  InetSocketAddress address() {
    return new InetSocketAddress(udp.getLocalAddress(), udp.getLocalPort());
  }

  /** A line as in a zone file: {@code name ttl type data}. */
  void add(String line) {
    String[] words = line.split(" ", 4);
    try {
      Name name = Name.fromString(words[0], Name.root);
      int type = Type.value(words[2]);
      Record record =
          Record.fromString(name, type, DClass.IN, Long.parseLong(words[1]), words[3], Name.root);
      zone.computeIfAbsent(key(name), it -> new CopyOnWriteArrayList<>()).add(record);
    } catch (IOException e) {
      throw new IllegalArgumentException(line, e);
    }
  }

  void clear(String name) {
    try {
      zone.remove(key(Name.fromString(name, Name.root)));
    } catch (TextParseException e) {
      throw new IllegalArgumentException(name, e);
    }
  }

  private static String key(Name name) {
    return name.toString(true).toLowerCase(Locale.ROOT);
  }

  private void serveUdp() {
    byte[] buffer = new byte[4096];
    while (!udp.isClosed()) {
      DatagramPacket packet = new DatagramPacket(buffer, buffer.length);
      try {
        udp.receive(packet);
        byte[] answer = answer(Arrays.copyOf(buffer, packet.getLength()), 1232, "udp");
        if (!silent) {
          udp.send(new DatagramPacket(answer, answer.length, packet.getSocketAddress()));
        }
      } catch (IOException e) {
        return;
      }
    }
  }

  private void serveTcp() {
    while (!tcp.isClosed()) {
      try (Socket socket = tcp.accept()) {
        DataInputStream in = new DataInputStream(socket.getInputStream());
        byte[] wire = new byte[in.readUnsignedShort()];
        in.readFully(wire);
        byte[] answer = answer(wire, 65535, "tcp");
        DataOutputStream out = new DataOutputStream(socket.getOutputStream());
        out.writeShort(answer.length);
        out.write(answer);
      } catch (IOException e) {
        // The next one, unless closed.
      }
    }
  }

  private byte[] answer(byte[] wire, int most, String protocol) throws IOException {
    Message query = new Message(wire);
    Record question = query.getQuestion();
    asked.add(
        protocol + " " + question.getName().toString(true) + " " + Type.string(question.getType()));
    queries.add(query);
    Message reply = new Message(query.getHeader().getID() ^ (wrongId ? 1 : 0));
    reply.getHeader().setFlag(Flags.QR);
    reply.addRecord(question, Section.QUESTION);
    List<Record> answers = resolve(question);
    int code = rcode != Rcode.NOERROR || !answers.isEmpty() ? rcode : Rcode.NXDOMAIN;
    reply.getHeader().setRcode(code);
    answers.forEach(it -> reply.addRecord(it, Section.ANSWER));
    if (answers.isEmpty() && negativeTtl >= 0) {
      Name zone = Name.fromString("example.");
      reply.addRecord(
          new SOARecord(zone, DClass.IN, 3600, zone, zone, 1, 1, 1, 1, negativeTtl),
          Section.AUTHORITY);
    }
    return reply.toWire(most);
  }

  private List<Record> resolve(Record question) {
    List<Record> result = new ArrayList<>();
    Name name = question.getName();
    for (int step = 0; step < 20; step++) {
      List<Record> here = zone.getOrDefault(key(name), List.of());
      List<Record> wanted = here.stream().filter(it -> it.getType() == question.getType()).toList();
      result.addAll(wanted);
      if (!wanted.isEmpty() || here.isEmpty() || !(here.getFirst() instanceof CNAMERecord alias)) {
        return result;
      }
      result.add(alias);
      name = alias.getTarget();
    }
    return result;
  }

  @Override
  public void close() throws IOException {
    udp.close();
    tcp.close();
  }
}
