package dev.podflare.client;

import java.util.List;
import java.util.Optional;

/** One page of a listing, in order of creation. */
public record SandboxPage(List<SandboxInfo> sandboxes, Optional<String> nextCursor) {
  public SandboxPage {
    sandboxes = List.copyOf(sandboxes);
  }
}
