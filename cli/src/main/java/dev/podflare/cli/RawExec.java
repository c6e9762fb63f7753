package dev.podflare.cli;

import dev.podflare.client.ClientConfig;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/** A call over a bare connection that is kept: the least that a call can cost. One thread. */
final class RawExec implements AutoCloseable {
  static final String CODE = "print(1)";
  private static final String LENGTH = "\r\nContent-Length: ";
  private static final int MILLIS = 60_000;

  private final Socket socket;
  private final byte[] request;
  private final byte[] piece = new byte[65_536];

  RawExec(ClientConfig config, String sandbox) throws IOException {
    String host = config.baseUrl().getHost();
    this.socket = new Socket(host, config.baseUrl().getPort());
    socket.setTcpNoDelay(true);
    socket.setSoTimeout(MILLIS);
    String body = "{\"code\":\"" + CODE + "\",\"language\":\"python\",\"framing\":\"chunks\"}";
    this.request =
        ("POST /v1/sandboxes/"
                + sandbox
                + "/exec HTTP/1.1\r\nHost: "
                + host
                + "\r\n"
                + config.key().map(key -> "Authorization: Bearer " + key + "\r\n").orElse("")
                + "Content-Type: application/json\r\nContent-Length: "
                + body.length()
                + "\r\n\r\n"
                + body)
            .getBytes(StandardCharsets.UTF_8);
  }

  void run() throws IOException {
    socket.getOutputStream().write(request);
    InputStream in = socket.getInputStream();
    StringBuilder answer = new StringBuilder();
    do {
      int count = in.read(piece);
      if (count < 0) {
        throw new IOException("the server has closed the connection");
      }
      answer.append(new String(piece, 0, count, StandardCharsets.ISO_8859_1));
    } while (!ended(answer.toString()));
    check(answer.indexOf("\"data\":\"1\\n\"") > 0);
  }

  /** A short answer has a length, a longer one comes in chunks. */
  private static boolean ended(String answer) {
    int body = answer.indexOf("\r\n\r\n") + 4;
    int told = answer.indexOf(LENGTH);
    if (told < 0 || told > body) {
      return answer.endsWith("\r\n0\r\n\r\n");
    }
    String length = answer.substring(told + LENGTH.length(), answer.indexOf("\r\n", told + 2));
    return answer.length() >= body + Integer.parseInt(length);
  }

  static void check(boolean right) {
    if (!right) {
      throw new PodflareException(ErrorCode.INTERNAL, CODE + " did not print 1");
    }
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
