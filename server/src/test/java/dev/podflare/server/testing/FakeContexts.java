package dev.podflare.server.testing;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.Ids;
import dev.podflare.common.PodflareException;
import dev.podflare.engine.ContextRequest;
import dev.podflare.engine.ContextView;
import dev.podflare.engine.Contexts;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/** Contexts in which nothing runs. */
final class FakeContexts implements Contexts {
  private final Map<String, ContextView> all = new ConcurrentHashMap<>();
  private final Ids ids;

  FakeContexts(Ids ids) {
    this.ids = ids;
  }

  @Override
  public ContextView open(ContextRequest request) {
    if (!List.of("python", "bash").contains(request.language())) {
      throw new PodflareException(
          ErrorCode.LANGUAGE_NOT_AVAILABLE, "no " + request.language() + " here");
    }
    ContextView view =
        new ContextView(
            ids.context(), request.language(), request.cwd().orElse("/root"), false, Instant.now());
    all.put(view.id(), view);
    return view;
  }

  @Override
  public List<ContextView> list() {
    return List.copyOf(all.values());
  }

  @Override
  public void close(String id) {
    all.remove(id);
  }

  @Override
  public ContextView restart(String id) {
    return Optional.ofNullable(all.get(id))
        .orElseThrow(() -> new PodflareException(ErrorCode.CONTEXT_NOT_FOUND, "no context " + id));
  }

  @Override
  public ContextView interrupt(String id) {
    return restart(id);
  }
}
