package dev.podflare.server;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.OptionalInt;

/** What is and is not text that UTF-8 can carry. Thread-safe. */
final class Text {
  private static final int STEP = 8192;

  private Text() {}

  /** Offset of the first byte that is not UTF-8, or empty. */
  static OptionalInt firstMalformed(byte[] bytes, int length) {
    int ascii = 0;
    while (ascii < length && bytes[ascii] >= 0) {
      ascii++;
    }
    ByteBuffer in = ByteBuffer.wrap(bytes, ascii, length - ascii);
    CharBuffer out = CharBuffer.allocate(Math.min(STEP, length - ascii + 1));
    CharsetDecoder decoder = strict();
    while (in.hasRemaining()) {
      out.clear();
      CoderResult result = decoder.decode(in, out, true);
      if (result.isError()) {
        return OptionalInt.of(in.position());
      }
    }
    return OptionalInt.empty();
  }

  /** The bytes as text if they are UTF-8 without fault. */
  static Optional<String> decode(byte[] bytes) {
    try {
      return Optional.of(strict().decode(ByteBuffer.wrap(bytes)).toString());
    } catch (CharacterCodingException malformed) {
      return Optional.empty();
    }
  }

  /** Whether half of a surrogate pair stands alone, which UTF-8 cannot carry. */
  static boolean hasLoneSurrogate(String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (Character.isSurrogate(c)) {
        boolean paired =
            Character.isHighSurrogate(c)
                && i + 1 < text.length()
                && Character.isLowSurrogate(text.charAt(i + 1));
        if (!paired) {
          return true;
        }
        i++;
      }
    }
    return false;
  }

  /** The same text with halves of surrogate pairs replaced. */
  static String writable(String text) {
    return hasLoneSurrogate(text)
        ? new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8)
        : text;
  }

  private static CharsetDecoder strict() {
    return StandardCharsets.UTF_8
        .newDecoder()
        .onMalformedInput(CodingErrorAction.REPORT)
        .onUnmappableCharacter(CodingErrorAction.REPORT);
  }
}
