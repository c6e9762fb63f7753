package dev.podflare.network;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.net.InetAddress;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.regex.Pattern;

/** An entry of a policy's lists: a domain or a block of addresses, each with or without a port. */
public sealed interface Destination {
  /** Port that the entry is limited to; empty: every port. */
  OptionalInt port();

  /**
   * Reads {@code example.com}, {@code *.example.com}, {@code 192.0.2.0/24}, {@code 2001:db8::/32},
   * each with optional {@code :443}; IPv6 with a port stands in brackets.
   *
   * @throws PodflareException {@code invalid_field} with a sentence that says what is wrong
   */
  static Destination parse(String text) {
    if (text.length() > Parts.LONGEST) {
      throw new PodflareException(
          ErrorCode.INVALID_FIELD,
          "a destination has at most " + Parts.LONGEST + " characters, not " + text.length());
    }
    Parts parts = Parts.of(text);
    if (parts.address()) {
      return new Network(Cidr.parse(parts.host()), parts.port());
    }
    boolean subdomains = parts.host().startsWith("*.");
    return new Domain(
        subdomains ? parts.host().substring(2) : parts.host(), subdomains, parts.port());
  }

  /** A name, or with {@code subdomains} every name below it but not itself. */
  record Domain(String name, boolean subdomains, OptionalInt port) implements Destination {
    public Domain {
      name = DomainNames.require(name);
      Parts.check(port);
    }

    /** Whether the name, in its one spelling, is under this entry, whatever the port. */
    boolean covers(String asked) {
      return subdomains
          ? asked.length() > name.length() + 1 && asked.endsWith("." + name)
          : asked.equals(name);
    }

    boolean matches(Optional<String> asked, int atPort) {
      return asked.isPresent() && covers(asked.get()) && Parts.fits(port, atPort);
    }

    @Override
    public String toString() {
      return (subdomains ? "*." : "") + name + Parts.suffix(port);
    }
  }

  /** A block of addresses. */
  record Network(Cidr cidr, OptionalInt port) implements Destination {
    public Network {
      Parts.check(port);
    }

    boolean matches(InetAddress address, int atPort) {
      return cidr.contains(address) && Parts.fits(port, atPort);
    }

    @Override
    public String toString() {
      boolean brackets = port.isPresent() && !cidr.v4();
      return (brackets ? "[" + cidr + "]" : cidr.toString()) + Parts.suffix(port);
    }
  }

  /** An entry cut at its port. */
  record Parts(String host, OptionalInt port, boolean address) {
    private static final int LONGEST = 320;
    private static final Pattern PORT = Pattern.compile("[1-9]\\d{0,4}");
    private static final Pattern LOOKS_LIKE_V4 = Pattern.compile("[\\d.]+(?:/.*)?");

    private static Parts of(String text) {
      if (text.startsWith("[")) {
        int end = text.indexOf(']');
        String rest = end < 0 ? "" : text.substring(end + 1);
        if (end < 0 || !(rest.isEmpty() || rest.startsWith(":"))) {
          throw refused(text);
        }
        String host = text.substring(1, end);
        if (host.indexOf(':') < 0) {
          throw refused(text);
        }
        return new Parts(host, port(text, rest), true);
      }
      int first = text.indexOf(':');
      if (first >= 0 && text.indexOf(':', first + 1) >= 0) {
        return new Parts(text, OptionalInt.empty(), true);
      }
      String host = first < 0 ? text : text.substring(0, first);
      OptionalInt port = port(text, first < 0 ? "" : text.substring(first));
      return new Parts(host, port, LOOKS_LIKE_V4.matcher(host).matches() || host.contains("/"));
    }

    private static OptionalInt port(String text, String suffix) {
      if (suffix.isEmpty()) {
        return OptionalInt.empty();
      }
      if (!PORT.matcher(suffix.substring(1)).matches()) {
        throw refused(text);
      }
      OptionalInt port = OptionalInt.of(Integer.parseInt(suffix.substring(1)));
      check(port);
      return port;
    }

    private static void check(OptionalInt port) {
      if (port.isPresent() && (port.getAsInt() < 1 || port.getAsInt() > 65535)) {
        throw new PodflareException(
            ErrorCode.INVALID_FIELD, "a port is 1 to 65535, not " + port.getAsInt());
      }
    }

    private static boolean fits(OptionalInt port, int atPort) {
      return port.isEmpty() || port.getAsInt() == atPort;
    }

    private static String suffix(OptionalInt port) {
      return port.isPresent() ? ":" + port.getAsInt() : "";
    }

    private static PodflareException refused(String text) {
      return new PodflareException(
          ErrorCode.INVALID_FIELD,
          "not a destination: '"
              + text
              + "'; write example.com:443, 192.0.2.0/24:443 or"
              + " [2001:db8::1]:443");
    }
  }
}
