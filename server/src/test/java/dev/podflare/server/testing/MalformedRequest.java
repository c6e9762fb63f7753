package dev.podflare.server.testing;

import java.util.List;

/**
 * One request of {@link MalformedRequests}.
 *
 * @param parts what is sent, with a pause between them
 * @param cut whether the sender then closes its side, as one that died
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
public record MalformedRequest(
    String kind, String method, String path, List<byte[]> parts, long pauseMillis, boolean cut) {

  /** The beginning of what is sent, for messages. */
  public String shown() {
    StringBuilder text = new StringBuilder(kind).append(": ");
    for (byte[] part : parts) {
      text.append(new String(part, java.nio.charset.StandardCharsets.ISO_8859_1));
      if (text.length() > 600) {
        text.setLength(600);
        break;
      }
    }
    return text.toString();
  }
}
