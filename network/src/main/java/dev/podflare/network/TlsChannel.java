package dev.podflare.network;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import javax.net.ssl.SSLSocket;

/** What is said inside of TLS, as a channel. One reader and one writer at once. */
final class TlsChannel implements GateChannel {
  private static final int PIECE = 16 << 10;

  private final SSLSocket tls;
  private final InputStream in;
  private final OutputStream out;
  private final byte[] incoming = new byte[PIECE];
  private final byte[] outgoing = new byte[PIECE];

  TlsChannel(SSLSocket tls) throws IOException {
    this.tls = tls;
    this.in = tls.getInputStream();
    this.out = tls.getOutputStream();
  }

  /** How long a read may take from now on; zero: as long as it does. */
  void patience(Duration time) throws IOException {
    tls.setSoTimeout(Math.toIntExact(time.toMillis()));
  }

  @Override
  public int read(ByteBuffer buffer) throws IOException {
    int count = in.read(incoming, 0, Math.min(PIECE, buffer.remaining()));
    if (count > 0) {
      buffer.put(incoming, 0, count);
    }
    return count;
  }

  @Override
  public int write(ByteBuffer bytes) throws IOException {
    int count = Math.min(PIECE, bytes.remaining());
    bytes.get(outgoing, 0, count);
    try {
      out.write(outgoing, 0, count);
    } finally {
      Arrays.fill(outgoing, 0, count, (byte) 0); // it may have been a secret
    }
    return count;
  }

  @Override
  public void end() throws IOException {
    tls.shutdownOutput();
  }
}
