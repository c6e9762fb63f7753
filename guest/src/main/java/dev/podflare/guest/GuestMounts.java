package dev.podflare.guest;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/** Mounts volumes in a guest. Stateless. */
public final class GuestMounts {
  private static final JsonMapper JSON = JsonMapper.builder().build();
  private static final int LONGEST_REASON = 500;

  private record AnswerJson(@Nullable String error) {}

  private GuestMounts() {}

  /**
   * A volume in a guest.
   *
   * @param name by which the host serves it to this guest
   * @param path folder in the guest, which is made if it is missing
   */
  public record Mount(String name, String path, boolean readOnly) {}

  /**
   * Mounts them in this order. {@code GUEST_TOO_OLD}; {@code TIMED_OUT}; {@code MOUNT_FAILED} with
   * the guest's word for it: those before may be mounted then.
   */
  public static void mount(AgentChannel channel, List<Mount> mounts, Duration patience) {
    List<Map<String, Object>> wanted =
        mounts.stream()
            .map(it ->
                Map.<String, Object>of(
                    "name", it.name(), "path", it.path(), "read_only", it.readOnly()))
            .toList();
    byte[] answer = channel.askMounts(JSON.writeValueAsBytes(Map.of("mounts", wanted)), patience);
    String error;
    try {
      error = Objects.requireNonNull(JSON.readValue(answer, AnswerJson.class)).error();
    } catch (JacksonException | NullPointerException e) {
      throw new PodflareException(
          ErrorCode.MACHINE_FAILED, "the guest sent a bad answer about mounts", e);
    }
    if (error != null) {
      String reason = error.substring(0, Math.min(error.length(), LONGEST_REASON));
      throw new PodflareException(
          ErrorCode.MOUNT_FAILED, "the guest could not mount its volumes: " + reason);
    }
  }
}
