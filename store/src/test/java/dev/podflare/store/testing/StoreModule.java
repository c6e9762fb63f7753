package dev.podflare.store.testing;

import java.nio.file.Files;
import java.nio.file.Path;

/** Files of this module, for tests of this one and of those above. */
final class StoreModule {
  private StoreModule() {}

  static Path file(String relative) {
    Path here = Path.of(relative);
    return (Files.exists(here) ? here : Path.of("..", "store").resolve(relative)).toAbsolutePath();
  }
}
