package dev.podflare.server;

import dev.podflare.store.KeyText;
import java.nio.file.Path;

/**
 * The admin key, which lives in {@code admin.key} of the data folder and nowhere else: to change
 * it, delete the file and start again. Immutable.
 *
 * @param text the key
 * @param made whether this start made it
 */
record AdminKeyFile(String text, boolean made) {

  static AdminKeyFile open(Path dataFolder) {
    SecretFile file = SecretFile.open(dataFolder.resolve("admin.key"), KeyText::random);
    return new AdminKeyFile(file.text(), file.made());
  }

  @Override
  public String toString() {
    return "AdminKeyFile[made=" + made + "]";
  }
}
