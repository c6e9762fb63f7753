package dev.podflare.network;

import java.io.IOException;
import java.nio.ByteBuffer;

/** Writes to a channel, which holds the writer back as long as the other side does not read. */
record Outflow(GateChannel channel, Runnable moved) {
  void write(ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      int count = channel.write(bytes);
      if (count > 0) {
        moved.run();
      }
    }
  }

  /** No more bytes in this direction; the other one goes on. */
  void end() throws IOException {
    channel.end();
  }
}
