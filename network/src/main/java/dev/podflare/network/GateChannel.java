package dev.podflare.network;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;

/** One side of a relay: a connection, or what is said inside of its TLS. */
interface GateChannel {
  /** Waits for bytes; -1 at the end of the stream. */
  int read(ByteBuffer buffer) throws IOException;

  /** Writes some of them; waits as long as the other side does not read. */
  int write(ByteBuffer bytes) throws IOException;

  /** No more bytes in this direction; the other one goes on. */
  void end() throws IOException;

  /** The connection itself. */
  static GateChannel of(SocketChannel channel) {
    return new Plain(channel);
  }

  /** Without anything in between. */
  record Plain(SocketChannel channel) implements GateChannel {
    @Override
    public int read(ByteBuffer buffer) throws IOException {
      return channel.read(buffer);
    }

    @Override
    public int write(ByteBuffer bytes) throws IOException {
      return channel.write(bytes);
    }

    @Override
    public void end() throws IOException {
      channel.shutdownOutput();
    }
  }
}
