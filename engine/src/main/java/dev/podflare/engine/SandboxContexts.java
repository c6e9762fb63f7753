package dev.podflare.engine;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.Ids;
import dev.podflare.common.PodflareException;
import dev.podflare.guest.GuestContext;
import dev.podflare.guest.GuestContexts;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** The contexts of a sandbox that runs. The guest is asked; only what cannot change is kept. */
final class SandboxContexts implements Contexts {
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  private final Sandbox sandbox;
  private final Ids ids;
  private final GuestContexts guest;
  private final Map<String, String> languages = new ConcurrentHashMap<>();

  /** How many contexts the guest may have. */
  private final int most;

  SandboxContexts(Sandbox sandbox, Ids ids, int most) {
    this.sandbox = sandbox;
    this.most = most;
    this.ids = ids;
    this.guest = new GuestContexts(sandbox.guest().channel(), PATIENCE);
  }

  @Override
  public ContextView open(ContextRequest request) {
    Map<String, String> env = sandbox.environment(request.env());
    sandbox.guest().trustSoon();
    return view(guest.open(ids.context(), request.language(), request.cwd().orElse(""), env, most));
  }

  @Override
  public List<ContextView> list() {
    List<ContextView> all =
        guest.list().stream().filter(it -> Ids.wellFormed("ctx", it.id())).map(this::view).toList();
    languages.keySet().retainAll(all.stream().map(ContextView::id).toList());
    return all;
  }

  @Override
  public void close(String id) {
    languages.remove(id);
    try {
      guest.close(id);
    } catch (PodflareException e) {
      if (e.code() != ErrorCode.CONTEXT_NOT_FOUND) {
        throw e;
      }
    }
  }

  @Override
  public ContextView restart(String id) {
    return view(guest.restart(id));
  }

  @Override
  public ContextView interrupt(String id) {
    return view(guest.interrupt(id));
  }

  private ContextView view(GuestContext it) {
    languages.put(it.id(), it.language());
    return new ContextView(it.id(), it.language(), it.cwd(), it.busy(), it.createdAt());
  }

  /** The request in that context, with its language. */
  ExecRequest resolve(ExecRequest request, String id) {
    return request.in(id, language(id));
  }

  private ExecRequest.Language language(String id) {
    if (!languages.containsKey(id)) {
      list();
    }
    String language = languages.get(id);
    if (language == null) {
      throw GuestContexts.unknown(id);
    }
    try {
      return ExecRequest.Language.valueOf(language.toUpperCase(Locale.ROOT));
    } catch (IllegalArgumentException newer) {
      throw new PodflareException(
          ErrorCode.LANGUAGE_NOT_AVAILABLE, "context " + id + " has a language that is not known");
    }
  }
}
