package dev.podflare.network;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Optional;

/** What a client's first bytes are. */
sealed interface Opening {
  /** A TLS client hello, with or without a name. */
  record Tls(Optional<String> name) implements Opening {}

  /** HTTP/1: a whole request head has arrived. */
  record Http() implements Opening {}

  /** Something that says no name that anybody would act on. */
  record Other() implements Opening {}

  /** Looks like something with a name, and cannot be read. */
  record Unreadable() implements Opening {}

  /** Nothing came within the time; perhaps the server has to speak first. */
  record Silent() implements Opening {}

  /** The client closed without a word. */
  record Gone() implements Opening {}

  /**
   * Tells what the bytes from position to limit begin; empty: more are needed. Careful with servers
   * that forgive: what one of them might take for HTTP is never {@link Other}.
   */
  static Optional<Opening> of(ByteBuffer seen) {
    if (!seen.hasRemaining()) {
      return Optional.empty();
    }
    byte first = seen.get(seen.position());
    if (ClientHello.begins(first)) {
      return switch (ClientHello.read(seen)) {
        case ClientHello.Whole hello -> Optional.of(new Tls(hello.name()));
        case ClientHello.Malformed malformed -> Optional.of(new Unreadable());
        case ClientHello.Incomplete incomplete -> Optional.empty();
      };
    }
    if (first == '\r' || first == '\n' || first == ' ' || first == '\t') {
      return Optional.of(new Unreadable());
    }
    return text(StandardCharsets.ISO_8859_1.decode(seen.duplicate()).toString());
  }

  private static Optional<Opening> text(String seen) {
    int word = 0;
    while (word < seen.length() && HttpHead.isToken(seen.charAt(word))) {
      word++;
    }
    if (word < seen.length() && " \t\r\n".indexOf(seen.charAt(word)) < 0) {
      return Optional.of(new Other());
    }
    int end = seen.indexOf('\n');
    if (end < 0) {
      return Optional.empty();
    }
    String line = seen.substring(0, end).toUpperCase(Locale.ROOT);
    if (!line.contains("HTTP/")) {
      return Optional.of(new Other());
    }
    return seen.contains("\r\n\r\n") ? Optional.of(new Http()) : Optional.empty();
  }
}
