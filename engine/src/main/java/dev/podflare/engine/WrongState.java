package dev.podflare.engine;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** The refusal of a call that a sandbox's state forbids; it names the states that allow it. */
final class WrongState {
  private WrongState() {}

  static PodflareException of(String sandboxId, SandboxState now, SandboxState... allowed) {
    List<String> names = Stream.of(allowed).map(SandboxState::wireName).toList();
    return new PodflareException(
        ErrorCode.WRONG_STATE,
        "sandbox "
            + sandboxId
            + " is "
            + now.wireName()
            + "; this needs "
            + String.join(" or ", names)
            + (names.contains(SandboxState.READY.wireName())
                ? ": resume it, or create it with auto_resume"
                : ""),
        Map.of("sandbox_id", sandboxId, "state", now.wireName(), "allowed", names));
  }
}
