package dev.podflare.engine;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.podflare.volume.VolumeMount;
import java.util.List;
import tools.jackson.databind.json.JsonMapper;

/** Mounts of a sandbox as records keep them: JSON. Stateless. */
final class MountText {
  private static final JsonMapper JSON = JsonMapper.builder().build();

  private record Fields(
      String volume, String name, String path, @JsonProperty("read_only") boolean readOnly) {}

  private MountText() {}

  static String of(List<SandboxMount> mounts) {
    return JSON.writeValueAsString(
        mounts.stream()
            .map(it -> new Fields(it.volume(), it.name(), it.path(), it.readOnly()))
            .toList());
  }

  static List<SandboxMount> parse(String text) {
    return List.of(JSON.readValue(text, Fields[].class)).stream()
        .map(it -> new SandboxMount(it.volume(), it.name(), it.path(), it.readOnly()))
        .toList();
  }

  /** As the server of volumes has to know them. */
  static List<VolumeMount> served(String text) {
    return parse(text).stream()
        .map(it -> new VolumeMount(it.volume(), it.name(), it.readOnly()))
        .toList();
  }
}
