package dev.podflare.server;

import dev.podflare.engine.CreateRequest;
import java.util.Map;
import java.util.Optional;

/** What callers send about sandboxes, read into the engine's words. */
final class CreateBody {
  private static final int MOST_VARIABLES = 1024;
  private static final int MOST_METADATA = 64;
  private static final int LONGEST_METADATA = 4096;

  private CreateBody() {}

  static CreateRequest request(Fields fields) {
    if (fields.has("snapshot")) {
      throw Exchange.notYet("snapshots are not available yet; create from a template");
    }
    if (fields.flag("auto_resume").orElse(false)) {
      throw Exchange.notYet("auto_resume is not available yet; leave it out");
    }
    return new CreateRequest(
        fields.shortText("template"),
        fields.seconds("timeout_seconds"),
        fields.seconds("idle_timeout_seconds"),
        fields.positive("vcpus"),
        fields.positive("ram_mib"),
        fields.positive("rootfs_gb"),
        persistent(fields).orElse(false),
        PolicyBody.ofCreate(fields),
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

  /** Freezing comes later, and a sandbox that says it will be kept and is not would be a lie. */
  static Optional<Boolean> persistent(Fields fields) {
    Optional<Boolean> persistent = fields.flag("persistent");
    if (persistent.orElse(false)) {
      throw Exchange.notYet("persistent sandboxes are not available yet; leave 'persistent' out");
    }
    return persistent;
  }
}
