package dev.podflare.engine;

import java.util.List;
import java.util.Optional;

/** One page of a listing, in order of creation. */
public record SandboxPage(List<SandboxView> sandboxes, Optional<String> nextCursor) {}
