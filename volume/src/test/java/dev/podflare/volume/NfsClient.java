package dev.podflare.volume;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** A guest that speaks NFS by hand, so that it can say what no kernel would. One thread. */
final class NfsClient implements AutoCloseable {
  private final Socket socket;
  private final DataOutputStream out;
  private final DataInputStream in;
  private int call;
  private int user;

  private NfsClient(Socket socket, int firstCall) throws IOException {
    this.socket = socket;
    this.out = new DataOutputStream(socket.getOutputStream());
    this.in = new DataInputStream(socket.getInputStream());
    this.call = firstCall;
  }

  /** From one of the loopback addresses, which stand for guests. */
  static NfsClient connect(String from, int port, int firstCall) throws IOException {
    Socket socket = new Socket();
    socket.bind(new InetSocketAddress(InetAddress.ofLiteral(from), 0));
    socket.setSoTimeout(120_000);
    socket.connect(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), port), 10_000);
    return new NfsClient(socket, firstCall);
  }

  /** Who asks from now on. */
  NfsClient as(int otherUser) {
    user = otherUser;
    return this;
  }

  /** The number of the next call. */
  void nextCall(int number) {
    call = number;
  }

  Socket socket() {
    return socket;
  }

  /** An answer: what comes after the head. */
  record Answer(ByteBuffer body) {
    int status() {
      return body.getInt(0);
    }

    /** A reader past the status. */
    XdrReader words() throws IOException {
      XdrReader words = new XdrReader(body.duplicate());
      int ignored = words.number();
      return words;
    }
  }

  Answer nfs(int procedure, XdrWriter arguments) throws IOException {
    return call(NfsProgram.NUMBER, procedure, arguments);
  }

  Answer call(int program, int procedure, XdrWriter arguments) throws IOException {
    XdrWriter credentials =
        new XdrWriter().number(0).opaque(text("guest")).number(user).number(user).number(0);
    XdrWriter record =
        new XdrWriter()
            .number(call++)
            .number(0)
            .number(2)
            .number(program)
            .number(3)
            .number(procedure)
            .number(1)
            .opaque(credentials.toBytes())
            .number(0)
            .number(0)
            .append(arguments.toBytes());
    send(record.toBytes());
    ByteBuffer answer = receive();
    int state = answer.getInt(8);
    if (state != 0) {
      throw new IOException("denied");
    }
    int how = answer.getInt(20);
    if (how != 0) {
      throw new IOException("not accepted: " + how);
    }
    return new Answer(answer.slice(24, answer.limit() - 24));
  }

  void send(byte[] record) throws IOException {
    out.writeInt(0x8000_0000 | record.length);
    out.write(record);
    out.flush();
  }

  ByteBuffer receive() throws IOException {
    byte[] answer = new byte[in.readInt() & 0x7fff_ffff];
    in.readFully(answer);
    return ByteBuffer.wrap(answer);
  }

  /** The handle of a volume's root. */
  byte[] mount(String path) throws IOException {
    Answer answer =
        call(MountProgram.NUMBER, 1, new XdrWriter().opaque(path.getBytes(StandardCharsets.UTF_8)));
    if (answer.status() != 0) {
      throw new IOException("refused: " + answer.status());
    }
    return answer.words().opaque(64);
  }

  static byte[] text(String text) {
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }

  static XdrWriter in(byte[] folder, String name) {
    return new XdrWriter().opaque(folder).opaque(text(name));
  }

  /** Attributes of which none but the mode is set. */
  static XdrWriter mode(XdrWriter to, int mode) {
    return to.flag(true).number(mode).flag(false).flag(false).flag(false).number(0).number(0);
  }

  /** Attributes of which none but the size is set. */
  static XdrWriter size(XdrWriter to, long size) {
    return to.flag(false).flag(false).flag(false).flag(true).size(size).number(0).number(0);
  }

  Answer create(byte[] folder, String name) throws IOException {
    return nfs(8, mode(in(folder, name).number(0), 0644));
  }

  /** The handle in the answer to a call that makes something. */
  static byte[] made(Answer answer) throws IOException {
    if (answer.status() != 0) {
      throw new IOException("not made: " + answer.status());
    }
    XdrReader words = answer.words();
    if (!words.flag()) {
      throw new IOException("no handle");
    }
    return words.opaque(64);
  }

  Answer write(byte[] file, long offset, byte[] bytes, int stable) throws IOException {
    return nfs(
        7,
        new XdrWriter()
            .opaque(file)
            .size(offset)
            .number(bytes.length)
            .number(stable)
            .opaque(bytes));
  }

  /** Bytes of a file; its size is part of the answer to {@link #sizeOf}. */
  byte[] read(byte[] file, long offset, int count) throws IOException {
    Answer answer = nfs(6, new XdrWriter().opaque(file).size(offset).number(count));
    if (answer.status() != 0) {
      throw new IOException("not read: " + answer.status());
    }
    XdrReader words = answer.words();
    skipAttributes(words);
    int unusedCount = words.number();
    boolean unusedEnd = words.flag();
    return words.opaque(1 << 20);
  }

  Answer attributes(byte[] file) throws IOException {
    return nfs(1, new XdrWriter().opaque(file));
  }

  long sizeOf(byte[] file) throws IOException {
    return attributes(file).body().getLong(4 + 20);
  }

  Answer lookup(byte[] folder, String name) throws IOException {
    return nfs(3, in(folder, name));
  }

  static void skipAttributes(XdrReader words) throws IOException {
    if (words.flag()) {
      for (int i = 0; i < 21; i++) {
        int ignored = words.number();
      }
    }
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
