package dev.podflare.image;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.UUID;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/**
 * The file {@code manifest.json} of a frozen shape; written last.
 *
 * @param fingerprint of the hypervisor that froze it; another one cannot restore it
 * @param image of this very freezing, since no two boots leave the same memory; 32 hex digits
 */
record ShapeManifest(
    int format,
    String fingerprint,
    String image,
    @JsonProperty("memory_bytes") long memoryBytes,
    @JsonProperty("device_bytes") long deviceBytes,
    @JsonProperty("layer_bytes") long layerBytes) {
  static final int FORMAT = 2;
  static final String FILE = "manifest.json";
  private static final JsonMapper JSON = JsonMapper.builder().build();

  /** Describes the files that lie in {@code folder} and were made just now. */
  static ShapeManifest fresh(Path folder, String fingerprint) throws IOException {
    return of(folder, fingerprint, UUID.randomUUID().toString().replace("-", ""));
  }

  private static ShapeManifest of(Path folder, String fingerprint, String image)
      throws IOException {
    return new ShapeManifest(
        FORMAT,
        fingerprint,
        image,
        Files.size(folder.resolve(FrozenShape.MEMORY)),
        Files.size(folder.resolve(FrozenShape.DEVICES)),
        Files.size(folder.resolve(FrozenShape.LAYER)));
  }

  void write(Path folder) throws IOException {
    Files.writeString(folder.resolve(FILE), JSON.writeValueAsString(this) + "\n");
  }

  /**
   * The folder's manifest, if it holds a whole checkpoint that a hypervisor of this fingerprint can
   * restore.
   */
  static Optional<ShapeManifest> fitting(Path folder, String fingerprint) {
    try {
      ShapeManifest stored =
          JSON.readValue(Files.readString(folder.resolve(FILE)), ShapeManifest.class);
      return stored.format() == FORMAT && stored.equals(of(folder, fingerprint, stored.image()))
          ? Optional.of(stored)
          : Optional.empty();
    } catch (IOException | JacksonException e) {
      return Optional.empty();
    }
  }
}
