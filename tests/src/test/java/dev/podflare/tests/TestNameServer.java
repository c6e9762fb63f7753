package dev.podflare.tests;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.xbill.DNS.AAAARecord;
import org.xbill.DNS.ARecord;
import org.xbill.DNS.DClass;
import org.xbill.DNS.Flags;
import org.xbill.DNS.Message;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Record;
import org.xbill.DNS.Section;
import org.xbill.DNS.Type;

/** The internet's name server, over UDP; it remembers what it was asked. Thread-safe. */
final class TestNameServer {
  /** Names that it was asked for, in order. */
  final List<String> asked = new CopyOnWriteArrayList<>();

  private final DatagramSocket socket;
  private final Map<String, String> names;
  private final Map<String, String> names6;

  private TestNameServer(
      DatagramSocket socket, Map<String, String> names, Map<String, String> names6) {
    this.socket = socket;
    this.names = names;
    this.names6 = names6;
  }

  /** Names to their addresses, of IPv4 and of IPv6. */
  static TestNameServer start(
      InetAddress address, Map<String, String> names, Map<String, String> names6)
      throws IOException {
    TestNameServer server =
        new TestNameServer(new DatagramSocket(new InetSocketAddress(address, 53)), names, names6);
    Thread.ofPlatform().daemon().name("name server").start(server::serve);
    return server;
  }

  private void serve() {
    byte[] bytes = new byte[4096];
    while (!socket.isClosed()) {
      try {
        DatagramPacket packet = new DatagramPacket(bytes, bytes.length);
        socket.receive(packet);
        byte[] query = java.util.Arrays.copyOf(packet.getData(), packet.getLength());
        byte[] answer = answer(new Message(query)).toWire();
        socket.send(new DatagramPacket(answer, answer.length, packet.getSocketAddress()));
      } catch (IOException e) {
        // A broken query, or the end.
      }
    }
  }

  private Message answer(Message query) {
    Record question = query.getQuestion();
    String name = question.getName().toString(true);
    asked.add(name);
    Message answer = new Message(query.getHeader().getID());
    answer.getHeader().setFlag(Flags.QR);
    answer.getHeader().setFlag(Flags.RA);
    answer.addRecord(question, Section.QUESTION);
    String lower = name.toLowerCase(java.util.Locale.ROOT);
    String address = names.get(lower);
    String address6 = names6.get(lower);
    if (address == null && address6 == null) {
      answer.getHeader().setRcode(Rcode.NXDOMAIN);
    } else if (question.getType() == Type.AAAA && address6 != null) {
      answer.addRecord(
          new AAAARecord(question.getName(), DClass.IN, 60, TestInternet.address(address6)),
          Section.ANSWER);
    } else if (question.getType() == Type.A && address != null) {
      answer.addRecord(
          new ARecord(question.getName(), DClass.IN, 60, TestInternet.address(address)),
          Section.ANSWER);
    }
    return answer;
  }
}
