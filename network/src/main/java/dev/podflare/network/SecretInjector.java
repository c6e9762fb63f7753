package dev.podflare.network;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/**
 * Puts secrets into the head of a request. In the place of a secret (a field or a parameter of the
 * query) each placeholder becomes the value, also within the Base64 of {@code Basic}. If the
 * request has nothing there, and no other secret has gone there, the value is added. What the guest
 * put there without the placeholder stays. Elsewhere, a placeholder is text as any other.
 *
 * <p>A value that begins with a scheme ({@code Bearer …}) does not double it where the guest put
 * the same word before the placeholder. Stateless but for the opener.
 */
final class SecretInjector {
  private static final String BASIC = "basic ";
  private static final Set<String> OF_CONNECTION = Set.of("connection", "keep-alive");
  private final SecretValues values;

  SecretInjector(SecretValues values) {
    this.values = values;
  }

  /** The head takes too much with its secrets. */
  static final class TooLarge extends Exception {
    private static final long serialVersionUID = 1L;
  }

  /**
   * Writes the head with its secrets.
   *
   * @return names of those that went into it
   */
  Set<String> write(HttpHead head, Form form, List<SecretRule> secrets, SecretBytes out)
      throws TooLarge {
    return new Run(head, secrets, out).write(form);
  }

  /**
   * What is written anew in any case.
   *
   * @param authority name and port, instead of the spelling of the guest, by which a server might
   *     think of another host
   * @param last whether the connection ends with the answer
   */
  record Form(String authority, boolean last) {}

  /** One head. */
  private final class Run {
    private final List<String> lines;
    private final String target;
    private final List<SecretRule> secrets;
    private final SecretBytes out;
    private final Set<String> used = new LinkedHashSet<>();

    Run(HttpHead head, List<SecretRule> secrets, SecretBytes out) {
      this.lines = List.of(head.text().split("\r\n", -1));
      this.target = head.target();
      this.secrets = secrets.stream().filter(it -> it.isFor(head)).toList();
      this.out = out;
    }

    Set<String> write(Form form) throws TooLarge {
      requestLine();
      text("Host: " + form.authority() + "\r\n");
      if (form.last()) {
        text("Connection: close\r\n");
      }
      Set<String> fields = new LinkedHashSet<>();
      for (String line : lines.subList(1, lines.size() - 2)) {
        String name = line.substring(0, line.indexOf(':'));
        String lower = name.toLowerCase(Locale.ROOT);
        fields.add(lower);
        if (lower.equals("host") || (form.last() && OF_CONNECTION.contains(lower))) {
          continue;
        }
        text(name + ":");
        field(line.substring(name.length() + 1), ofHeader(name));
        text("\r\n");
      }
      for (SecretRule secret : secrets) {
        if (secret.place() instanceof SecretRule.Place.Header header
            && secret.whenAbsent()
            && fields.add(header.name().toLowerCase(Locale.ROOT))) {
          text(header.name() + ": ");
          value(secret, false);
          text("\r\n");
        }
      }
      text("\r\n");
      return used;
    }

    private List<SecretRule> ofHeader(String name) {
      return secrets.stream()
          .filter(it ->
              it.place() instanceof SecretRule.Place.Header header
                  && header.name().equalsIgnoreCase(name))
          .toList();
    }

    private void field(String text, List<SecretRule> candidates) throws TooLarge {
      Optional<String> decoded = candidates.isEmpty() ? Optional.empty() : basic(text);
      if (decoded.isEmpty() || candidates.stream().noneMatch(it -> isIn(decoded.get(), it))) {
        replace(text, candidates, false);
        return;
      }
      try (SecretBytes plain = new SecretBytes()) {
        Run inner = new Run(plain);
        inner.replace(decoded.get(), candidates, false);
        used.addAll(inner.used);
        byte[] bytes = plain.toByteArray();
        byte[] coded = Base64.getEncoder().encode(bytes);
        text(" Basic ");
        put(coded);
        Arrays.fill(bytes, (byte) 0);
      }
    }

    private Run(SecretBytes out) {
      this.lines = List.of();
      this.target = "";
      this.secrets = List.of();
      this.out = out;
    }

    /** What a field of {@code Authorization: Basic} says. */
    private static Optional<String> basic(String text) {
      String value = text.strip();
      if (!value.toLowerCase(Locale.ROOT).startsWith(BASIC)) {
        return Optional.empty();
      }
      try {
        byte[] plain = Base64.getDecoder().decode(value.substring(BASIC.length()).strip());
        return Optional.of(new String(plain, StandardCharsets.ISO_8859_1));
      } catch (IllegalArgumentException notEncoded) {
        return Optional.empty();
      }
    }

    private static boolean isIn(String text, SecretRule secret) {
      return text.contains(secret.placeholder());
    }

    private void requestLine() throws TooLarge {
      String line = lines.getFirst();
      String method = line.substring(0, line.indexOf(' ') + 1);
      String version = line.substring(line.lastIndexOf(' '));
      text(method);
      if (target.startsWith("/")) {
        target();
      } else {
        text(target);
      }
      text(version + "\r\n");
    }

    private void target() throws TooLarge {
      int mark = target.indexOf('?');
      text(mark < 0 ? target : target.substring(0, mark));
      List<String> parameters =
          mark < 0 ? List.of() : List.of(target.substring(mark + 1).split("&", -1));
      Set<String> names = new LinkedHashSet<>();
      String before = "?";
      for (String parameter : parameters) {
        String name = parameter.split("=", 2)[0];
        names.add(name);
        text(before);
        before = "&";
        replace(parameter, ofQuery(name), true);
      }
      for (SecretRule secret : secrets) {
        if (secret.place() instanceof SecretRule.Place.Query query
            && secret.whenAbsent()
            && names.add(query.name())) {
          text(before + query.name() + "=");
          before = "&";
          value(secret, true);
        }
      }
    }

    private List<SecretRule> ofQuery(String name) {
      return secrets.stream()
          .filter(
              it -> it.place() instanceof SecretRule.Place.Query query && query.name().equals(name))
          .toList();
    }

    /** The text with values instead of placeholders. */
    private void replace(String text, List<SecretRule> candidates, boolean coded) throws TooLarge {
      int at = 0;
      while (at < text.length()) {
        int from = at;
        Optional<SecretRule> next =
            candidates.stream()
                .filter(it -> text.indexOf(it.placeholder(), from) >= 0)
                .min((one, other) -> firstOf(text, from, one, other));
        if (next.isEmpty()) {
          text(text.substring(at));
          return;
        }
        int found = text.indexOf(next.get().placeholder(), at);
        scheme(text.substring(at, found), next.get(), coded);
        at = found + next.get().placeholder().length();
      }
    }

    /** The longer one of two that begin at the same place. */
    private static int firstOf(String text, int from, SecretRule one, SecretRule other) {
      int first = text.indexOf(one.placeholder(), from);
      int second = text.indexOf(other.placeholder(), from);
      return first != second
          ? Integer.compare(first, second)
          : Integer.compare(other.placeholder().length(), one.placeholder().length());
    }

    private void scheme(String before, SecretRule secret, boolean coded) throws TooLarge {
      byte[] value = values.open(secret);
      try {
        String word = before.strip();
        boolean doubled =
            !coded
                && !word.isEmpty()
                && value.length > word.length()
                && value[word.length()] == ' '
                && new String(value, 0, word.length(), StandardCharsets.ISO_8859_1)
                    .equalsIgnoreCase(word);
        text(doubled ? " " : before);
        put(value, coded);
        used.add(secret.name());
      } finally {
        Arrays.fill(value, (byte) 0);
      }
    }

    private void value(SecretRule secret, boolean coded) throws TooLarge {
      byte[] value = values.open(secret);
      try {
        put(value, coded);
        used.add(secret.name());
      } finally {
        Arrays.fill(value, (byte) 0);
      }
    }

    private void put(byte[] value, boolean coded) throws TooLarge {
      if (!coded) {
        put(value);
        return;
      }
      for (byte each : value) {
        char letter = (char) (each & 0xff);
        boolean plain =
            (letter >= '0' && letter <= '9')
                || (letter >= 'A' && letter <= 'Z')
                || (letter >= 'a' && letter <= 'z')
                || "-._~".indexOf(letter) >= 0;
        text(plain ? String.valueOf(letter) : String.format(Locale.ROOT, "%%%02X", (int) letter));
      }
    }

    private void put(byte[] bytes) throws TooLarge {
      if (!out.takes(bytes.length)) {
        throw new TooLarge();
      }
      out.writeBytes(bytes);
    }

    private void text(String text) throws TooLarge {
      put(text.getBytes(StandardCharsets.ISO_8859_1));
    }
  }
}
