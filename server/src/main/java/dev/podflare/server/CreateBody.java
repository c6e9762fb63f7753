package dev.podflare.server;

import dev.podflare.engine.CreateRequest;
import java.util.Map;

/** What callers send about sandboxes, read into the engine's words. */
final class CreateBody {
  private static final int MOST_VARIABLES = 1024;
  private static final int MOST_METADATA = 64;
  private static final int LONGEST_METADATA = 4096;

  private CreateBody() {}

  static CreateRequest request(Fields fields) {
    return new CreateRequest(
        fields.shortText("template"),
        fields.seconds("timeout_seconds"),
        fields.seconds("idle_timeout_seconds"),
        fields.positive("vcpus"),
        fields.positive("ram_mib"),
        fields.positive("rootfs_gb"),
        fields.flag("persistent").orElse(false),
        fields.flag("auto_resume"),
        fields.positive("undo").orElse(0),
        PolicyBody.ofCreate(fields),
        VolumeRoutes.requests(fields),
        SecretBody.ofCreate(fields),
        env(fields),
        metadata(fields));
  }

  static Map<String, String> env(Fields fields) {
    return fields.texts(
        "env",
        MOST_VARIABLES,
        name -> name.matches("[A-Za-z_][A-Za-z0-9_]{0,255}"),
        "an object whose names are letters, digits and underscores");
  }

  /** The same, or a list of pairs, as the official client sends it for terminals. */
  static Map<String, String> envOfAnyForm(Fields fields) {
    return fields
        .pairs("env", MOST_VARIABLES)
        .map(Fields::new)
        .map(CreateBody::env)
        .orElseGet(() -> env(fields));
  }

  static Map<String, String> metadata(Fields fields) {
    Map<String, String> metadata =
        fields.texts(
            "metadata",
            MOST_METADATA,
            name -> !name.isEmpty() && name.length() <= 128 && name.indexOf(0) < 0,
            "an object whose names have 1 to 128 characters");
    metadata.forEach((name, value) -> {
      if (value.length() > LONGEST_METADATA) {
        throw Fields.invalid("metadata." + name, "at most 4096 characters");
      }
    });
    return metadata;
  }
}
