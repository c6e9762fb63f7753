package dev.podflare.network;

import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;

/** A socket's input whose reads all together end at one deadline, however slow bytes trickle in. */
final class TimedInput extends InputStream {
  private final Socket socket;
  private final InputStream in;
  private final TimeLeft left;

  TimedInput(Socket socket, TimeLeft left) throws IOException {
    this.socket = socket;
    this.in = socket.getInputStream();
    this.left = left;
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] bytes, int offset, int length) throws IOException {
    socket.setSoTimeout(left.requireMillis());
    return in.read(bytes, offset, length);
  }
}
