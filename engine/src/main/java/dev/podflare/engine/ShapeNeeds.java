package dev.podflare.engine;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.podflare.image.FrozenShape;
import dev.podflare.qemu.HostCounter;
import dev.podflare.qemu.Hypervisor;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/**
 * What a frozen shape in the checkpoint store is, and needs so that it can be restored: the
 * attributes of its manifest.
 *
 * @param shapeFormat of this; no other attributes have one
 * @param owner names the records that know of it: others must not remove it
 * @param image names its memory, as the checkpoints that stand on it do
 * @param hypervisor fingerprint: QEMU's version, accelerator, processor model, command line
 * @param processor of the host that booted it, and {@code counterKilohertz} of its counter
 */
record ShapeNeeds(
    @JsonProperty("shape_format") int shapeFormat,
    @Nullable String owner,
    @Nullable String template,
    @JsonProperty("template_digest") @Nullable String templateDigest,
    @Nullable String image,
    int vcpus,
    @JsonProperty("memory_mib") int memoryMebibytes,
    @JsonProperty("disk_bytes") long diskBytes,
    @Nullable String hypervisor,
    @Nullable String processor,
    @JsonProperty("counter_khz") long counterKilohertz) {
  private static final int FORMAT = 1;
  private static final JsonMapper JSON = JsonMapper.builder().build();

  static ShapeNeeds of(FrozenShape shape, String owner, Hypervisor hypervisor) {
    HostCounter counter = hypervisor.counter();
    return new ShapeNeeds(
        FORMAT,
        owner,
        shape.template().name(),
        shape.template().digest(),
        shape.image(),
        shape.shape().vcpus(),
        (int) shape.shape().memory().mebibytes(),
        shape.disk().bytes(),
        hypervisor.fingerprint(),
        counter.processor(),
        counter.kilohertz());
  }

  String json() {
    return JSON.writeValueAsString(this);
  }

  /** Of a manifest whose checksum was right; empty for that of anything else. */
  static Optional<ShapeNeeds> parse(String json) {
    try {
      return Optional.of(JSON.readValue(json, ShapeNeeds.class))
          .filter(it -> it.shapeFormat() == FORMAT);
    } catch (JacksonException foreign) {
      return Optional.empty();
    }
  }

  HostCounter counter() {
    return new HostCounter(String.valueOf(processor), counterKilohertz);
  }
}
