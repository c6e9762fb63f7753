package dev.podflare.server;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import io.javalin.http.Context;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Without authentication a web page in a browser on this host could call us; it cannot when the
 * names of host and origin must be those of this host. Thread-safe.
 */
final class LocalOnly {
  private static final Pattern LOCAL =
      Pattern.compile("(https?://)?(localhost|127(\\.\\d{1,3}){3}|\\[::1])(:\\d{1,5})?");

  private final boolean active;

  LocalOnly(boolean active) {
    this.active = active;
  }

  void check(Context context) {
    if (active) {
      requireLocal("Host", context.header("Host"));
      requireLocal("Origin", context.header("Origin"));
    }
  }

  /**
   * The same for a guest's port.
   *
   * @param ownName the host is a guest's own name; its pages may call it
   */
  void check(@Nullable String host, @Nullable String origin, boolean ownName) {
    if (active && !ownName) {
      requireLocal("Host", host);
    }
    boolean same =
        ownName
            && host != null
            && origin != null
            && origin.matches("https?://" + Pattern.quote(host));
    if (active && !same) {
      requireLocal("Origin", origin);
    }
  }

  private static void requireLocal(String name, @Nullable String value) {
    if (value != null && !LOCAL.matcher(value).matches()) {
      throw new PodflareException(
          ErrorCode.FORBIDDEN,
          "authentication is off, so only this host may call; " + name + " names another");
    }
  }
}
