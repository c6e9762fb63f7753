package dev.podflare.network;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The answer to a request whose query has secrets. Hosts lead to other addresses with the query
 * that they were asked with, so in the answer's head each value, however it is coded, becomes its
 * placeholder again, and the body of a redirect, which says the same, is left out. Other bodies are
 * passed on as they are.
 */
final class QueryAnswers implements Relay.Answers {
  private static final Logger LOG = LoggerFactory.getLogger(QueryAnswers.class);
  private static final Pattern STATUS = Pattern.compile("HTTP/1\\.[01] (\\d{3})(?: [^\r\n]*)?");
  private static final List<String> FRAMING =
      List.of("content-length:", "transfer-encoding:", "content-type:", "content-encoding:");

  private final SecretValues values;
  private final List<SecretRule> sent;

  /** {@code sent}: the secrets that may have gone into the query. */
  QueryAnswers(SecretValues values, List<SecretRule> sent) {
    this.values = values;
    this.sent = List.copyOf(sent);
  }

  @Override
  public void carry(Inflow server, Outflow client, Consumer<Boolean> switched) throws IOException {
    int status;
    do {
      String head = server.take("\r\n\r\n").orElseThrow(() -> new IOException("no whole head"));
      Matcher line = STATUS.matcher(head.substring(0, head.indexOf("\r\n")));
      if (!line.matches()) {
        throw new IOException("an answer that is no HTTP/1");
      }
      status = Integer.parseInt(line.group(1));
      String shown = restored(head);
      boolean elsewhere = status >= 300 && status < 400 && status != 304;
      write(elsewhere ? withoutBody(shown) : shown, client);
      if (elsewhere) {
        return;
      }
    } while (status < 200 && status != 101);
    switched.accept(status == 101);
    server.passAll(client);
  }

  private static void write(String head, Outflow client) throws IOException {
    client.write(ByteBuffer.wrap(head.getBytes(StandardCharsets.ISO_8859_1)));
  }

  private static String withoutBody(String head) {
    StringBuilder text = new StringBuilder();
    for (String line : head.substring(0, head.length() - 4).split("\r\n", -1)) {
      String lower = line.toLowerCase(Locale.ROOT);
      if (FRAMING.stream().noneMatch(lower::startsWith)) {
        text.append(line).append("\r\n");
      }
    }
    return text.append("Content-Length: 0\r\n\r\n").toString();
  }

  private String restored(String head) {
    String text = head;
    for (SecretRule secret : sent) {
      byte[] value = values.open(secret);
      try {
        text =
            anyForm(value).matcher(text).replaceAll(Matcher.quoteReplacement(secret.placeholder()));
      } finally {
        Arrays.fill(value, (byte) 0);
      }
    }
    if (!text.equals(head)) {
      LOG.debug("a host repeated a secret of a query");
    }
    return text;
  }

  /** Each of its letters as it is, or coded by percent. */
  private static Pattern anyForm(byte[] value) {
    StringBuilder pattern = new StringBuilder();
    for (byte each : value) {
      String hex = String.format(Locale.ROOT, "%02x", each & 0xff);
      pattern.append("(?:").append(Pattern.quote("" + (char) (each & 0xff)));
      pattern.append(each == ' ' ? "|\\+" : "").append("|(?i:%").append(hex).append("))");
    }
    return Pattern.compile(pattern.toString());
  }
}
