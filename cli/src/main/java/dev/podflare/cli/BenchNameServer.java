package dev.podflare.cli;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.HexFormat;

/**
 * A name server on this host's loopback, so that the bench asks nobody outside: every name has one
 * address of documentation (RFC 5737). Thread-safe.
 */
final class BenchNameServer implements AutoCloseable {
  /** What the bench's daemon is told to ask. */
  static final String ADDRESS = "127.83.53.53";

  /** A query for the address of {@code bench.example}, in hexadecimal digits. */
  static final String QUERY = "0001010000010000000000000562656e6368076578616d706c650000010001";

  private static final int HEAD = 12;

  /** A record for the name of the question: A, IN, one hour. */
  private static final byte[] RECORD =
      HexFormat.of().parseHex("c00c00010001" + "00000e10" + "0004");

  private static final byte[] DOCUMENTATION = {(byte) 192, 0, 2, 1};

  private final DatagramSocket socket;
  private final byte[] address;

  private BenchNameServer(DatagramSocket socket, byte[] address) {
    this.socket = socket;
    this.address = address;
  }

  static BenchNameServer start() throws IOException {
    return start(DOCUMENTATION);
  }

  /** The same with another address for all names. */
  static BenchNameServer start(byte[] address) throws IOException {
    BenchNameServer server =
        new BenchNameServer(new DatagramSocket(new InetSocketAddress(ADDRESS, 53)), address);
    Thread.ofPlatform().daemon().name("bench names").start(server::run);
    return server;
  }

  private void run() {
    while (!socket.isClosed()) {
      try {
        DatagramPacket packet = new DatagramPacket(new byte[2048], 2048);
        socket.receive(packet);
        byte[] answer = answer(ByteBuffer.wrap(packet.getData(), 0, packet.getLength()));
        socket.send(new DatagramPacket(answer, answer.length, packet.getSocketAddress()));
      } catch (IOException | RuntimeException closed) {
        // The loop ends when it is closed; what is no query gets no answer.
      }
    }
  }

  /** Head and question as they came, and the record. */
  private byte[] answer(ByteBuffer query) {
    int end = HEAD;
    while (query.get(end) != 0) {
      end += query.get(end) + 1;
    }
    end += 5; // the root, type and class
    ByteBuffer answer = ByteBuffer.allocate(end + RECORD.length + address.length);
    answer.put(query.slice(0, end)).put(RECORD).put(address);
    answer.putShort(2, (short) 0x8180); // an answer, recursion wanted and available
    answer.putShort(6, (short) 1);
    answer.putShort(8, (short) 0);
    answer.putShort(10, (short) 0);
    return answer.array();
  }

  @Override
  public void close() {
    socket.close();
  }
}
