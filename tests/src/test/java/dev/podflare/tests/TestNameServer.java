package dev.podflare.tests;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.Inet4Address;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
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

  private TestNameServer(DatagramSocket socket, Map<String, String> names) {
    this.socket = socket;
    this.names = names;
  }

  static TestNameServer start(Inet4Address address, Map<String, String> names) throws IOException {
    TestNameServer server =
        new TestNameServer(new DatagramSocket(new InetSocketAddress(address, 53)), names);
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
    String address = names.get(name.toLowerCase(java.util.Locale.ROOT));
    if (address == null) {
      answer.getHeader().setRcode(Rcode.NXDOMAIN);
    } else if (question.getType() == Type.A) {
      answer.addRecord(
          new ARecord(question.getName(), DClass.IN, 60, TestInternet.address(address)),
          Section.ANSWER);
    }
    return answer;
  }
}
