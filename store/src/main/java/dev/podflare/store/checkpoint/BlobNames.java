package dev.podflare.store.checkpoint;

import java.util.regex.Pattern;

/** What may be the name of an object. */
final class BlobNames {
  private static final int MAX_LENGTH = 200;
  private static final Pattern FORM =
      Pattern.compile("[a-z0-9_-][a-z0-9_.-]*(/[a-z0-9_-][a-z0-9_.-]*)*");

  private BlobNames() {}

  static String checked(String name) {
    if (name.length() > MAX_LENGTH || !FORM.matcher(name).matches()) {
      throw new IllegalArgumentException("not a name of an object: " + name);
    }
    return name;
  }
}
