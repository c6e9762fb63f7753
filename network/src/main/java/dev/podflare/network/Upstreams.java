package dev.podflare.network;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SocketChannel;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xbill.DNS.DClass;
import org.xbill.DNS.Flags;
import org.xbill.DNS.Message;
import org.xbill.DNS.OPTRecord;
import org.xbill.DNS.Opcode;
import org.xbill.DNS.Record;
import org.xbill.DNS.Section;

/**
 * Asks the host's resolvers, one after the other, by UDP and after a truncated answer by TCP. Each
 * query has a socket, a port and a random id of its own, and a message that does not repeat id and
 * question is not an answer. What goes out is name and type alone: no option of the guest's query
 * leaves the host. Thread-safe; blocks the caller.
 */
final class Upstreams {
  private static final Logger LOG = LoggerFactory.getLogger(Upstreams.class);
  private static final int PAYLOAD = 1232;
  private static final int LARGEST_DATAGRAM = 4096;

  private final HostSockets sockets;
  private final Supplier<List<InetSocketAddress>> servers;
  private final AnswerReader reader;
  private final Duration attempt;
  private final Duration deadline;
  private final SecureRandom random = new SecureRandom();

  Upstreams(
      HostSockets sockets,
      Supplier<List<InetSocketAddress>> servers,
      AnswerReader reader,
      Duration attempt,
      Duration deadline) {
    this.sockets = sockets;
    this.servers = servers;
    this.reader = reader;
    this.attempt = attempt;
    this.deadline = deadline;
  }

  /** Empty if no resolver gave a usable answer within the deadline. */
  Optional<Answer> ask(Question.Key question) {
    TimeLeft whole = TimeLeft.of(deadline);
    // Twice around: a lost datagram is more common than a dead resolver.
    for (int round = 0; round < 2; round++) {
      for (InetSocketAddress server : servers.get()) {
        if (whole.isOver()) {
          return Optional.empty();
        }
        Optional<Answer> answer = askOne(server, question, whole.atMost(attempt));
        if (answer.isPresent()) {
          return answer;
        }
      }
    }
    return Optional.empty();
  }

  private Optional<Answer> askOne(InetSocketAddress server, Question.Key question, TimeLeft left) {
    try {
      Message query = query(question);
      Message answer = overUdp(server, query, left);
      if (answer.getHeader().getFlag(Flags.TC)) {
        answer = overTcp(server, query, left);
      }
      return reader.read(answer, question);
    } catch (IOException e) {
      LOG.debug("resolver {} did not answer {}: {}", server, question, e.toString());
      return Optional.empty();
    }
  }

  private Message query(Question.Key question) {
    Message query = new Message(random.nextInt(1 << 16));
    query.getHeader().setOpcode(Opcode.QUERY);
    query.getHeader().setFlag(Flags.RD);
    query.addRecord(
        Record.newRecord(question.name(), question.type(), DClass.IN), Section.QUESTION);
    query.addRecord(new OPTRecord(PAYLOAD, 0, 0), Section.ADDITIONAL);
    return query;
  }

  private Message overUdp(InetSocketAddress server, Message query, TimeLeft left)
      throws IOException {
    try (DatagramChannel channel = sockets.datagrams(server.getAddress())) {
      channel.connect(server);
      DatagramSocket socket = channel.socket();
      byte[] bytes = query.toWire();
      socket.send(new DatagramPacket(bytes, bytes.length));
      byte[] buffer = new byte[LARGEST_DATAGRAM];
      while (true) {
        socket.setSoTimeout(left.requireMillis());
        DatagramPacket packet = new DatagramPacket(buffer, buffer.length);
        socket.receive(packet);
        Optional<Message> answer = parse(Arrays.copyOf(buffer, packet.getLength()), query);
        if (answer.isPresent()) {
          return answer.get();
        }
      }
    }
  }

  private Message overTcp(InetSocketAddress server, Message query, TimeLeft left)
      throws IOException {
    try (SocketChannel channel = sockets.stream(server.getAddress())) {
      Socket socket = channel.socket();
      socket.connect(server, left.requireMillis());
      DataOutputStream out = new DataOutputStream(socket.getOutputStream());
      byte[] bytes = query.toWire();
      byte[] framed = new byte[bytes.length + 2];
      framed[0] = (byte) (bytes.length >> 8);
      framed[1] = (byte) bytes.length;
      System.arraycopy(bytes, 0, framed, 2, bytes.length);
      out.write(framed);
      DataInputStream in = new DataInputStream(new TimedInput(socket, left));
      byte[] answer = new byte[in.readUnsignedShort()];
      in.readFully(answer);
      return parse(answer, query).orElseThrow(() -> new IOException("no answer to the question"));
    }
  }

  private static Optional<Message> parse(byte[] bytes, Message query) {
    try {
      Message message = new Message(bytes);
      Record asked = query.getQuestion();
      Record echoed = message.getQuestion();
      boolean answers =
          message.getHeader().getFlag(Flags.QR)
              && message.getHeader().getID() == query.getHeader().getID()
              && echoed != null
              && echoed.getName().equals(asked.getName())
              && echoed.getType() == asked.getType()
              && echoed.getDClass() == asked.getDClass();
      return answers ? Optional.of(message) : Optional.empty();
    } catch (IOException | RuntimeException e) {
      LOG.debug("unreadable message from a resolver: {}", e.toString());
      return Optional.empty();
    }
  }
}
