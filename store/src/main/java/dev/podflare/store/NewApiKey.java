package dev.podflare.store;

/**
 * A key just made. This is the only place where its text is ever seen.
 *
 * @param text what the caller sends: {@code pf_live_} and 32 random letters and digits
 */
public record NewApiKey(ApiKey key, String text) {
  /** Leaves the text out, so that no log gets it. */
  @Override
  public String toString() {
    return "NewApiKey[" + key.id() + "]";
  }
}
