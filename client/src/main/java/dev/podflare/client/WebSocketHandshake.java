package dev.podflare.client;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;

/** Asks a server for a WebSocket, over TLS and the system's proxies where these are set. */
final class WebSocketHandshake {
  private static final String GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  private static final int BUFFER = 32 << 10;
  private static final int LARGEST_HEAD = 32 << 10;
  private static final int LARGEST_REFUSAL = 64 << 10;
  private static final int SWITCHING = 101;
  private static final SecureRandom RANDOM = new SecureRandom();

  private final URI address;
  private final Duration connectTimeout;
  private final Duration answerTimeout;
  private final long deadline;

  /**
   * @param address {@code http} or {@code https}
   */
  WebSocketHandshake(URI address, Duration connectTimeout, Duration answerTimeout) {
    this.address = address;
    this.connectTimeout = connectTimeout;
    this.answerTimeout = answerTimeout;
    this.deadline = System.nanoTime() + answerTimeout.toNanos();
  }

  /** The server answered, and does not want to. */
  static final class Refused extends IOException {
    private static final long serialVersionUID = 1;
    final int status;
    final transient Optional<String> retryAfter;
    final byte[] body;

    Refused(int status, Optional<String> retryAfter, byte[] body) {
      super("the server answered " + status);
      this.status = status;
      this.retryAfter = retryAfter;
      this.body = body;
    }
  }

  /**
   * Connects and asks.
   *
   * @param headers more of them for the request
   * @throws Refused if it answers, and not with a WebSocket
   * @throws ConnectException if nobody is there
   * @throws SocketTimeoutException if it does not answer in time
   */
  WebSocketLink open(Map<String, String> headers) throws IOException {
    Socket socket = connect();
    try {
      socket.setTcpNoDelay(true);
      byte[] nonce = new byte[16];
      RANDOM.nextBytes(nonce);
      String key = Base64.getEncoder().encodeToString(nonce);
      socket.getOutputStream().write(request(key, headers).getBytes(StandardCharsets.UTF_8));
      InputStream in = new BufferedInputStream(socket.getInputStream(), BUFFER);
      requireAgreed(socket, in, key);
      socket.setSoTimeout((int) WebSocketLink.LOOK.toMillis());
      return new WebSocketLink(socket, in);
    } catch (IOException e) {
      socket.close();
      throw e;
    }
  }

  private Socket connect() throws IOException {
    boolean secure = "https".equalsIgnoreCase(address.getScheme());
    int port = address.getPort() > 0 ? address.getPort() : secure ? 443 : 80;
    Proxy proxy = ProxySelector.getDefault().select(address).getFirst();
    Socket plain = new Socket(proxy);
    try {
      plain.connect(
          proxy.type() == Proxy.Type.DIRECT
              ? new InetSocketAddress(address.getHost(), port)
              : InetSocketAddress.createUnresolved(address.getHost(), port),
          (int) connectTimeout.toMillis());
      plain.setSoTimeout(patience());
      return secure ? secured(plain, port) : plain;
    } catch (IOException e) {
      plain.close();
      throw e instanceof SocketTimeoutException
          ? (IOException) new ConnectException("no connection in time").initCause(e)
          : e;
    }
  }

  private Socket secured(Socket plain, int port) throws IOException {
    SSLSocketFactory factory = (SSLSocketFactory) SSLSocketFactory.getDefault();
    SSLSocket socket = (SSLSocket) factory.createSocket(plain, address.getHost(), port, true);
    SSLParameters parameters = socket.getSSLParameters();
    parameters.setEndpointIdentificationAlgorithm("HTTPS");
    socket.setSSLParameters(parameters);
    socket.startHandshake();
    return socket;
  }

  private int patience() throws SocketTimeoutException {
    long left = (deadline - System.nanoTime()) / 1_000_000;
    if (left <= 0) {
      throw new SocketTimeoutException("no answer within " + answerTimeout);
    }
    return (int) Math.min(left, Integer.MAX_VALUE);
  }

  private String request(String key, Map<String, String> headers) {
    StringBuilder request = new StringBuilder("GET ").append(address.getRawPath());
    if (address.getRawQuery() != null) {
      request.append('?').append(address.getRawQuery());
    }
    request.append(" HTTP/1.1\r\nHost: ").append(address.getRawAuthority());
    request.append("\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13");
    request.append("\r\nSec-WebSocket-Key: ").append(key);
    headers.forEach(
        (name, value) -> request.append("\r\n").append(name).append(": ").append(value));
    return request.append("\r\n\r\n").toString();
  }

  private void requireAgreed(Socket socket, InputStream in, String key) throws IOException {
    List<String> lines = head(socket, in).lines().toList();
    Map<String, String> headers = new HashMap<>();
    for (String line : lines) {
      int colon = line.indexOf(':');
      if (colon > 0) {
        headers.put(
            line.substring(0, colon).toLowerCase(Locale.ROOT), line.substring(colon + 1).strip());
      }
    }
    int status = status(lines.getFirst());
    if (status != SWITCHING) {
      throw new Refused(
          status, Optional.ofNullable(headers.get("retry-after")), body(socket, in, headers));
    }
    if (!accept(key).equals(headers.get("sec-websocket-accept"))) {
      throw new IOException("the server does not speak WebSocket");
    }
  }

  private static int status(String line) throws IOException {
    String[] words = line.split(" ", 3);
    if (words.length < 2 || !words[0].startsWith("HTTP/1.") || !words[1].matches("[1-5][0-9]{2}")) {
      throw new IOException("the server does not speak HTTP");
    }
    return Integer.parseInt(words[1]);
  }

  private String head(Socket socket, InputStream in) throws IOException {
    ByteArrayOutputStream head = new ByteArrayOutputStream();
    int ends = 0;
    while (ends < 4) {
      socket.setSoTimeout(patience());
      int octet = in.read();
      if (octet < 0) {
        throw new EOFException("the server broke the connection");
      }
      head.write(octet);
      boolean expected = octet == (ends % 2 == 0 ? '\r' : '\n');
      ends = expected ? ends + 1 : octet == '\r' ? 1 : 0;
      if (head.size() > LARGEST_HEAD) {
        throw new IOException("the head of the answer is too large");
      }
    }
    return head.toString(StandardCharsets.ISO_8859_1);
  }

  /** Of a refusal; empty where its length is not told. */
  private byte[] body(Socket socket, InputStream in, Map<String, String> headers)
      throws IOException {
    String length = headers.getOrDefault("content-length", "0");
    int count = length.matches("[0-9]{1,9}") ? Integer.parseInt(length) : 0;
    socket.setSoTimeout(patience());
    return in.readNBytes(Math.min(count, LARGEST_REFUSAL));
  }

  private static String accept(String key) {
    try {
      byte[] bytes = (key + GUID).getBytes(StandardCharsets.ISO_8859_1);
      return Base64.getEncoder().encodeToString(MessageDigest.getInstance("SHA-1").digest(bytes));
    } catch (NoSuchAlgorithmException impossible) {
      throw new IllegalStateException(impossible);
    }
  }
}
