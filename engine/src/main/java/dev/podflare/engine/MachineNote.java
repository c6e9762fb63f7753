package dev.podflare.engine;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.podflare.image.FrozenShape;
import dev.podflare.qemu.Survivor;
import java.time.Instant;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.json.JsonMapper;

/**
 * What the next daemon has to know of a machine, to go on with its sandbox. Written before the
 * records say that the sandbox has this machine; where several claim one sandbox the last is right.
 *
 * @param sandbox whose machine it is
 * @param next whose it is once the records say that {@code sandbox} was merged
 * @param claimed when it was said, nanoseconds of the host's monotonic clock
 * @param template its name, and {@code digest} of its build
 * @param image names the memory that it was restored over
 * @param diskBytes size of the disk as the guest sees it
 * @param epoch of the agent's channel
 * @param machineId the guest's own
 * @param slot its place in the network; absent: none
 * @param pausedAt since when it stands still, milliseconds since 1970; absent: it does not
 */
record MachineNote(
    String sandbox,
    @Nullable String next,
    long claimed,
    String template,
    String digest,
    String image,
    int vcpus,
    @JsonProperty("memory_mebibytes") int memoryMebibytes,
    @JsonProperty("disk_bytes") long diskBytes,
    long epoch,
    @JsonProperty("machine_id") String machineId,
    @Nullable Slot slot,
    @JsonProperty("paused_at") @Nullable Long pausedAt) {
  private static final JsonMapper JSON =
      JsonMapper.builder().enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES).build();

  /**
   * A network slot.
   *
   * @param range of the daemon's slots
   * @param index of this one
   */
  record Slot(String range, int index) {}

  /** Of a guest as it is now. */
  static MachineNote of(GuestMachine guest, String sandbox) {
    FrozenShape shape = guest.shape().frozen();
    return new MachineNote(
        sandbox,
        null,
        System.nanoTime(),
        shape.template().name(),
        shape.template().digest(),
        shape.image(),
        shape.shape().vcpus(),
        (int) shape.shape().memory().mebibytes(),
        shape.disk().bytes(),
        guest.epoch(),
        guest.machineId(),
        guest.port().map(port -> new Slot(port.range(), port.index())).orElse(null),
        null);
  }

  /** It will be that one's, once the records say so. */
  MachineNote becoming(String other) {
    return with(other, pausedAt);
  }

  MachineNote pausedAt(Instant when) {
    return with(next, when.toEpochMilli());
  }

  private MachineNote with(@Nullable String other, @Nullable Long paused) {
    return new MachineNote(
        sandbox,
        other,
        claimed,
        template,
        digest,
        image,
        vcpus,
        memoryMebibytes,
        diskBytes,
        epoch,
        machineId,
        slot,
        paused);
  }

  String text() {
    return JSON.writeValueAsString(this);
  }

  /** Empty for words of another version. */
  static Optional<MachineNote> parse(Survivor survivor) {
    try {
      return Optional.of(JSON.readValue(survivor.note(), MachineNote.class));
    } catch (JacksonException e) {
      return Optional.empty();
    }
  }
}
