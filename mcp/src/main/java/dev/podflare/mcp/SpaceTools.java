package dev.podflare.mcp;

import dev.podflare.client.ResumeOptions;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SpaceInfo;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Tools for what is to last. Thread-safe. */
final class SpaceTools {
  private final Workplace workplace;

  SpaceTools(Workplace workplace) {
    this.workplace = workplace;
  }

  List<Tool> tools() {
    return List.of(
        new Tool(
            "freeze_sandbox",
            "Freeze a sandbox",
            "Put a machine aside with all of its memory and files, as a Space; it then outlives "
                + "the session. A later call on its id, or resume_space, goes on with it.",
            Schemas.object(CommonFields.SANDBOX),
            Optional.of(Schemas.object(SPACE)),
            new Tool.Hints(false, false, true, false),
            this::freeze),
        new Tool(
            "list_spaces",
            "List Spaces",
            "List the machines that are frozen.",
            Schemas.object(),
            Optional.of(
                Schemas.object(Schemas.list("spaces", Schemas.object(SPACE), "Oldest first."))),
            Tool.Hints.READS,
            this::list),
        new Tool(
            "resume_space",
            "Resume a Space",
            "Go on with a frozen machine, under a new id.",
            Schemas.object(
                Schemas.text("space", "Id of the Space."),
                Schemas.flag("keep", "Leave the Space, to be resumed again; default false.")
                    .optional(),
                Schemas.flag("use", "Calls that name no sandbox are for it from now on.")
                    .optional()),
            Optional.of(
                Schemas.object(
                    Schemas.text("sandbox", "Id of the sandbox."),
                    Schemas.text("space", "Id of the Space."))),
            Tool.Hints.ADDS,
            this::resume));
  }

  private static final Schemas.Field[] SPACE = {
    Schemas.text("space", "Id of the Space."),
    Schemas.text("sandbox", "Id of the sandbox that is frozen."),
    Schemas.text("expires_at", "When it is removed.").optional()
  };

  private ToolResult freeze(Arguments arguments, Call call) {
    Sandbox sandbox = workplace.sandbox(arguments);
    SpaceInfo space = sandbox.freeze();
    workplace.keep(sandbox);
    return ToolResult.of("froze " + sandbox.id() + " into " + space.id(), wire(space));
  }

  private ToolResult list(Arguments arguments, Call call) {
    List<SpaceInfo> spaces = workplace.podflare().spaces().list();
    StringBuilder text = new StringBuilder();
    spaces.forEach(it -> text.append(it.id()).append("  of ").append(it.sandboxId()).append('\n'));
    return ToolResult.of(
        spaces.isEmpty() ? "there are none" : text.toString(),
        Map.of("spaces", spaces.stream().map(SpaceTools::wire).toList()));
  }

  private ToolResult resume(Arguments arguments, Call call) {
    String space = arguments.text("space");
    ResumeOptions options = ResumeOptions.AS_IT_WAS.withKeep(arguments.flag("keep", false));
    boolean use = arguments.flag("use", false);
    Sandbox sandbox = workplace.podflare().spaces().resume(space, options);
    if (use) {
      workplace.use(sandbox);
    }
    return ToolResult.of(
        space + " goes on as " + sandbox.id(), Map.of("sandbox", sandbox.id(), "space", space));
  }

  private static Map<String, Object> wire(SpaceInfo space) {
    Map<String, Object> wire = new LinkedHashMap<>();
    wire.put("space", space.id());
    wire.put("sandbox", space.sandboxId());
    space.expiresAt().ifPresent(it -> wire.put("expires_at", it.toString()));
    return wire;
  }
}
