package dev.podflare.engine;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/**
 * What a stored checkpoint needs so that it can be restored, and what is known of it beside its
 * bytes: the attributes of its manifest.
 *
 * @param owner names the records that know of it: others must not remove it
 * @param template name, for people
 * @param templateDigest build of the template
 * @param image frozen shape of that build: memory is stored only where it differs from it
 * @param memoryMebibytes of the guest
 * @param diskBytes size of its disk, as the guest sees it
 * @param hypervisor fingerprint: QEMU's version, accelerator, processor model, command line
 * @param qemu version, for people
 * @param epoch of the agent's channel, as the memory knows it
 * @param layers of the disk, lowest first: names of parts
 * @param terminals that were open; absent in what earlier versions wrote
 */
record CheckpointNeeds(
    int format,
    String owner,
    String template,
    @JsonProperty("template_digest") String templateDigest,
    String image,
    int vcpus,
    @JsonProperty("memory_mib") int memoryMebibytes,
    @JsonProperty("disk_bytes") long diskBytes,
    String hypervisor,
    String qemu,
    long epoch,
    List<String> layers,
    List<SavedCall> calls,
    @Nullable List<TerminalState> terminals) {
  static final int FORMAT = 1;
  private static final JsonMapper JSON = JsonMapper.builder().build();

  CheckpointNeeds {
    layers = List.copyOf(layers);
    calls = List.copyOf(calls);
  }

  List<TerminalState> openTerminals() {
    return terminals == null ? List.of() : List.copyOf(terminals);
  }

  String json() {
    return JSON.writeValueAsString(this);
  }

  /** Of a manifest whose checksum was right. */
  static CheckpointNeeds parse(String checkpoint, String json) {
    try {
      CheckpointNeeds needs = JSON.readValue(json, CheckpointNeeds.class);
      if (needs.format() == FORMAT) {
        return needs;
      }
    } catch (JacksonException foreign) {
      // Of another version: told below.
    }
    throw unfit(checkpoint, "it was written by another version of Podflare");
  }

  static PodflareException unfit(String checkpoint, String why) {
    return new PodflareException(
        ErrorCode.CHECKPOINT_UNFIT,
        "checkpoint " + checkpoint + " cannot be restored here: " + why,
        Map.of("checkpoint", checkpoint));
  }
}
