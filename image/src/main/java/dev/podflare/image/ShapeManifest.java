package dev.podflare.image;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/**
 * The file {@code manifest.json} of a frozen shape; written last.
 *
 * @param fingerprint of the hypervisor that froze it; another one cannot restore it
 */
record ShapeManifest(
    int format,
    String fingerprint,
    @JsonProperty("memory_bytes") long memoryBytes,
    @JsonProperty("device_bytes") long deviceBytes,
    @JsonProperty("layer_bytes") long layerBytes) {
  static final int FORMAT = 1;
  private static final String FILE = "manifest.json";
  private static final JsonMapper JSON = JsonMapper.builder().build();

  /** Describes the files that lie in {@code folder}. */
  static ShapeManifest of(Path folder, String fingerprint) throws IOException {
    return new ShapeManifest(
        FORMAT,
        fingerprint,
        Files.size(folder.resolve(FrozenShape.MEMORY)),
        Files.size(folder.resolve(FrozenShape.DEVICES)),
        Files.size(folder.resolve(FrozenShape.LAYER)));
  }

  void write(Path folder) throws IOException {
    Files.writeString(folder.resolve(FILE), JSON.writeValueAsString(this) + "\n");
  }

  /**
   * Whether the folder holds a whole checkpoint that a hypervisor of this fingerprint can restore.
   */
  static boolean fits(Path folder, String fingerprint) {
    try {
      ShapeManifest stored =
          JSON.readValue(Files.readString(folder.resolve(FILE)), ShapeManifest.class);
      return stored.equals(of(folder, fingerprint));
    } catch (IOException | JacksonException e) {
      return false;
    }
  }
}
