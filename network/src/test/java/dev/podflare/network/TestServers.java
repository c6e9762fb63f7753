package dev.podflare.network;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CopyOnWriteArrayList;

/** Small servers, each connection on a thread of its own, until the listener closes. */
final class TestServers {
  @FunctionalInterface
  interface Talk {
    void with(Socket socket) throws IOException;
  }

  private TestServers() {}

  static void serve(ServerSocket listener, Talk talk) {
    Thread.ofVirtual()
        .start(() -> {
          while (!listener.isClosed()) {
            try {
              Socket socket = listener.accept();
              Thread.ofVirtual().start(() -> talk(socket, talk));
            } catch (IOException e) {
              return;
            }
          }
        });
  }

  private static void talk(Socket socket, Talk talk) {
    try (socket) {
      talk.with(socket);
    } catch (IOException e) {
      // The other side is gone.
    }
  }

  static void echo(Socket socket) throws IOException {
    socket.getInputStream().transferTo(socket.getOutputStream());
  }

  /**
   * A forgiving HTTP server that answers every request it sees with its Host, and keeps the list.
   */
  static final class Http {
    final List<String> hosts = new CopyOnWriteArrayList<>();
    final List<String> bodies = new CopyOnWriteArrayList<>();

    void with(Socket socket) throws IOException {
      InputStream in = new BufferedInputStream(socket.getInputStream());
      while (true) {
        String head = line(in);
        if (head.isEmpty()) {
          return;
        }
        int length = 0;
        boolean chunked = false;
        boolean webSocket = false;
        String host = "";
        for (String field = line(in); !field.isEmpty(); field = line(in)) {
          String lower = field.toLowerCase(Locale.ROOT);
          if (lower.startsWith("host:")) {
            host = field.substring(5).strip();
          } else if (lower.startsWith("content-length:")) {
            length = Integer.parseInt(field.substring(15).strip());
          }
          chunked |= lower.startsWith("transfer-encoding:");
          webSocket |= lower.startsWith("upgrade:");
        }
        hosts.add(host);
        if (webSocket && head.contains("/socket")) {
          socket
              .getOutputStream()
              .write("HTTP/1.1 101 Switching\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
          in.transferTo(socket.getOutputStream());
          return;
        }
        bodies.add(
            chunked ? chunks(in) : new String(in.readNBytes(length), StandardCharsets.ISO_8859_1));
        answer(socket.getOutputStream(), host);
      }
    }

    private static String chunks(InputStream in) throws IOException {
      StringBuilder body = new StringBuilder();
      while (true) {
        int size = Integer.parseInt(line(in), 16);
        body.append(new String(in.readNBytes(size), StandardCharsets.ISO_8859_1));
        if (size == 0) {
          String trailer = line(in);
          while (!trailer.isEmpty()) {
            trailer = line(in);
          }
          return body.toString();
        }
        line(in);
      }
    }

    private static void answer(OutputStream out, String host) throws IOException {
      String text = "HTTP/1.1 200 OK\r\nContent-Length: " + host.length() + "\r\n\r\n" + host;
      out.write(text.getBytes(StandardCharsets.ISO_8859_1));
    }

    private static String line(InputStream in) throws IOException {
      StringBuilder line = new StringBuilder();
      for (int letter = in.read(); letter >= 0 && letter != '\n'; letter = in.read()) {
        if (letter != '\r') {
          line.append((char) letter);
        }
      }
      return line.toString();
    }
  }
}
