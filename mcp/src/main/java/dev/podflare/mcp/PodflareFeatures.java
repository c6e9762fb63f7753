package dev.podflare.mcp;

import dev.podflare.client.ApiException;
import dev.podflare.client.Podflare;
import dev.podflare.client.Sandbox;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Sandboxes for a model: the same tools and resources behind every door. Thread-safe. */
public final class PodflareFeatures implements Features {
  private static final Set<String> GONE = Set.of("sandbox_not_found", "gone");

  private final Workplace workplace;
  private final SandboxResources resources;
  private final List<Tool> tools;

  /** {@code podflare}: with the key of whoever is served; its owner closes it. */
  public PodflareFeatures(Podflare podflare, SessionOptions options) {
    this.workplace = new Workplace(podflare, options);
    this.resources = new SandboxResources(workplace);
    List<Tool> all = new ArrayList<>();
    all.addAll(new CodeTools(workplace).tools());
    all.addAll(new FileTools(workplace).tools());
    all.addAll(new SandboxTools(workplace).tools());
    all.addAll(new AttemptTools(workplace).tools());
    all.addAll(new SpaceTools(workplace).tools());
    all.addAll(new ProcessTools(workplace).tools());
    this.tools = all.stream().map(this::guarded).toList();
  }

  @Override
  public String instructions() {
    return """
    Each sandbox is an isolated Linux machine that keeps files, Python variables and processes \
    from call to call. Calls that name no sandbox are for this session's own, which is made by \
    the first of them and deleted when the session ends; freeze_sandbox keeps it, and so does \
    create_sandbox with use=true. To compare several ways, use fork_and_try and then \
    merge_into with the best one.\
    """;
  }

  @Override
  public List<Tool> tools() {
    return tools;
  }

  @Override
  public Resources resources() {
    return resources;
  }

  /** What the server refuses goes to the model, with its code. */
  private Tool guarded(Tool tool) {
    Tool.Action action =
        (arguments, call) -> {
          try {
            return tool.action().run(arguments, call);
          } catch (ApiException refused) {
            throw failure(refused, arguments);
          }
        };
    return new Tool(
        tool.name(),
        tool.title(),
        tool.description(),
        tool.input(),
        tool.output(),
        tool.hints(),
        action);
  }

  private ToolFailure failure(ApiException refused, Arguments arguments) {
    Map<String, Object> details = new LinkedHashMap<>(refused.details());
    refused.retryAfter().ifPresent(it -> details.put("retry_after_seconds", it.toSeconds()));
    String sentence = refused.sentence();
    if (refused.code().equals(ApiException.UNREACHABLE)) {
      sentence += "; a person can start a server with './podflare serve'";
    }
    if (GONE.contains(refused.code()) && !arguments.has("sandbox")) {
      sentence += workplace.find().map(this::lost).orElse("");
    }
    return new ToolFailure(refused.code(), sentence, details);
  }

  /** Its state is gone; to go on in silence with another would be a lie. */
  private String lost(Sandbox own) {
    if (isThere(own)) { // another one is meant, the winner of a merge for one
      return "";
    }
    workplace.forget(own.id());
    return "; the session's own sandbox is gone with all that was in it, and the next call makes "
        + "another";
  }

  private static boolean isThere(Sandbox sandbox) {
    try {
      return !sandbox.info().state().equals("closed");
    } catch (ApiException refused) {
      return !GONE.contains(refused.code());
    }
  }

  @Override
  public void close() {
    workplace.close();
  }
}
