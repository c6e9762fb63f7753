package dev.podflare.image;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.podflare.common.DataSize;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.List;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** The file {@code manifest.json} of a built template. */
record Manifest(
    int format,
    String name,
    String digest,
    String inputs,
    @JsonProperty("built_at") String builtAt,
    String architecture,
    String distribution,
    String suite,
    @JsonProperty("kernel_version") String kernelVersion,
    int vcpus,
    @JsonProperty("memory_bytes") long memoryBytes,
    @JsonProperty("disk_bytes") long diskBytes,
    @JsonProperty("kernel_bytes") long kernelBytes,
    @JsonProperty("initrd_bytes") long initrdBytes,
    @JsonProperty("warm_up") String warmUp,
    @JsonProperty("warm_contexts") List<String> warmContexts) {
  static final int FORMAT = 1;
  static final String FILE = "manifest.json";
  static final String KERNEL = "vmlinuz";
  static final String INITRD = "initrd";
  static final String DISK = "disk.raw";
  static final String RECIPE = "recipe.yaml";
  static final String LOG = "build.log";

  private static final long MAX_BYTES = 1 << 20;
  private static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(SerializationFeature.INDENT_OUTPUT)
          .enable(DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
          .build();

  String json() {
    return JSON.writeValueAsString(this) + "\n";
  }

  /** The template in a folder; empty when it is none of ours or not whole. */
  static Optional<BuiltTemplate> load(Path folder) {
    try {
      Path file = folder.resolve(FILE);
      if (!Files.isRegularFile(file) || Files.size(file) > MAX_BYTES) {
        return Optional.empty();
      }
      ObjectNode text = (ObjectNode) JSON.readTree(Files.readString(file));
      if (!text.has("warm_contexts")) {
        text.putArray("warm_contexts"); // built before there were any
      }
      Manifest manifest = JSON.treeToValue(text, Manifest.class);
      return manifest.fits(folder) ? Optional.of(manifest.template(folder)) : Optional.empty();
    } catch (IOException
        | ClassCastException
        | JacksonException
        | PodflareException
        | DateTimeParseException e) {
      return Optional.empty();
    }
  }

  private boolean fits(Path folder) throws IOException {
    return format == FORMAT
        && folder.endsWith(Path.of(name, digest))
        && Files.size(folder.resolve(KERNEL)) == kernelBytes
        && Files.size(folder.resolve(INITRD)) == initrdBytes
        && Files.size(folder.resolve(DISK)) == diskBytes;
  }

  private BuiltTemplate template(Path folder) {
    return new BuiltTemplate(
        name,
        digest,
        inputs,
        folder,
        folder.resolve(KERNEL),
        folder.resolve(INITRD),
        folder.resolve(DISK),
        new DataSize(diskBytes),
        new Shape(vcpus, new DataSize(memoryBytes)),
        warmUp,
        warmContexts,
        Instant.parse(builtAt));
  }
}
