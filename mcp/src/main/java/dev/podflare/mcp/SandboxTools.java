package dev.podflare.mcp;

import dev.podflare.client.ForkOptions;
import dev.podflare.client.Forked;
import dev.podflare.client.ListFilter;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxInfo;
import dev.podflare.client.SandboxOptions;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Tools for sandboxes as wholes. Thread-safe. */
final class SandboxTools {
  private static final int MOST_LISTED = 500;
  private static final int MOST_CHILDREN = 100;

  private final Workplace workplace;

  SandboxTools(Workplace workplace) {
    this.workplace = workplace;
  }

  List<Tool> tools() {
    return List.of(create(), list(), delete(), fork(), merge());
  }

  private Tool create() {
    return new Tool(
        "create_sandbox",
        "Create a sandbox",
        "Create a further machine. It lives on after the session, until it is deleted or its time "
            + "is over.",
        Schemas.object(
            Schemas.text("template", "What is installed; default is the server's.").optional(),
            Schemas.text("snapshot", "Go on from this one instead; id or name.").optional(),
            Schemas.number("timeout_seconds", 1, "Its lifetime.").optional(),
            Schemas.number("idle_timeout_seconds", 1, "Ends after so long without a call.")
                .optional(),
            Schemas.flag("persistent", "Freeze it where it would be ended.").optional(),
            Schemas.flag("egress", "Whether it may reach the internet; default true.").optional(),
            Schemas.number("ram_mib", 1, "Memory in MiB.").optional(),
            Schemas.number("vcpus", 1, "Processors.").optional(),
            Schemas.pairs("metadata", "Names to texts, to find it again.").optional(),
            Schemas.flag("use", "Calls that name no sandbox are for it from now on.").optional()),
        Optional.of(
            Schemas.object(
                Schemas.text("sandbox", "Its id."),
                Schemas.text("state", "ready."),
                Schemas.text("expires_at", "When its time is over.").optional())),
        Tool.Hints.ADDS,
        this::create);
  }

  private ToolResult create(Arguments arguments, Call call) {
    SandboxOptions.Builder wish = SandboxOptions.builder();
    arguments.find("template").ifPresent(wish::template);
    arguments.find("snapshot").ifPresent(wish::snapshot);
    arguments.seconds("timeout_seconds", Integer.MAX_VALUE).ifPresent(wish::timeout);
    arguments.seconds("idle_timeout_seconds", Integer.MAX_VALUE).ifPresent(wish::idleTimeout);
    arguments.findFlag("persistent").ifPresent(wish::persistent);
    arguments.findFlag("egress").ifPresent(wish::egress);
    arguments
        .findNumber("ram_mib", 1, Integer.MAX_VALUE)
        .ifPresent(it -> wish.memoryMebibytes((int) it));
    arguments.findNumber("vcpus", 1, Integer.MAX_VALUE).ifPresent(it -> wish.vcpus((int) it));
    if (arguments.has("metadata")) {
      wish.metadata(arguments.pairs("metadata"));
    }
    boolean use = arguments.flag("use", false);
    Sandbox sandbox = workplace.podflare().create(wish.build());
    if (use) {
      workplace.use(sandbox);
    }
    Map<String, Object> structured = new LinkedHashMap<>();
    structured.put("sandbox", sandbox.id());
    structured.put("state", sandbox.created().map(it -> it.state()).orElse("ready"));
    sandbox
        .created()
        .flatMap(it -> it.expiresAt())
        .ifPresent(it -> structured.put("expires_at", it.toString()));
    return ToolResult.of("created " + sandbox.id(), structured);
  }

  private Tool list() {
    Map<String, Object> one =
        Schemas.object(
            Schemas.text("sandbox", "Its id."),
            Schemas.text("state", "ready, paused, frozen or the like."),
            Schemas.text("template", "From which it was made.").optional(),
            Schemas.text("parent", "From which it was forked.").optional(),
            Schemas.text("expires_at", "When its time is over.").optional(),
            Schemas.pairs("metadata", "Names to texts."),
            Schemas.flag("own", "Whether calls that name no sandbox are for it."));
    return new Tool(
        "list_sandboxes",
        "List sandboxes",
        "List the machines that there are.",
        Schemas.object(
            Schemas.text("state", "Only those in this state.").optional(),
            Schemas.pairs("metadata", "Only those that have all of these.").optional(),
            Schemas.number("limit", 1, MOST_LISTED, "Most of them; default 50.").optional()),
        Optional.of(Schemas.object(Schemas.list("sandboxes", one, "In the order of creation."))),
        Tool.Hints.READS,
        this::list);
  }

  private ToolResult list(Arguments arguments, Call call) {
    ListFilter filter =
        new ListFilter(
            arguments.find("state"),
            Optional.empty(),
            arguments.pairs("metadata"),
            Optional.empty(),
            Optional.empty());
    int limit = (int) arguments.number("limit", 1, MOST_LISTED, 50);
    String own = workplace.find().map(Sandbox::id).orElse("");
    List<SandboxInfo> found = workplace.podflare().listAll(filter, limit);
    StringBuilder text = new StringBuilder();
    for (SandboxInfo each : found) {
      text.append(each.id()).append("  ").append(each.state());
      text.append(each.id().equals(own) ? "  (this session's own)\n" : "\n");
    }
    return ToolResult.of(
        found.isEmpty() ? "there are none" : text.toString(),
        Map.of("sandboxes", found.stream().map(it -> listed(it, own)).toList()));
  }

  private static Map<String, Object> listed(SandboxInfo info, String own) {
    Map<String, Object> one = new LinkedHashMap<>();
    one.put("sandbox", info.id());
    one.put("state", info.state());
    info.template().ifPresent(it -> one.put("template", it));
    info.parent().ifPresent(it -> one.put("parent", it));
    info.expiresAt().ifPresent(it -> one.put("expires_at", it.toString()));
    one.put("metadata", info.metadata());
    one.put("own", info.id().equals(own));
    return one;
  }

  private Tool delete() {
    return new Tool(
        "delete_sandbox",
        "Delete a sandbox",
        "Delete a machine with all that is in it, also if it is frozen.",
        Schemas.object(CommonFields.ITS_SANDBOX),
        Optional.of(Schemas.object(Schemas.text("deleted", "Its id."))),
        Tool.Hints.REPLACES,
        this::delete);
  }

  private ToolResult delete(Arguments arguments, Call call) {
    String id = arguments.text("sandbox");
    workplace.podflare().sandbox(id).delete();
    workplace.forget(id);
    return ToolResult.of("deleted " + id, Map.of("deleted", id));
  }

  private Tool fork() {
    return new Tool(
        "fork_sandbox",
        "Fork a sandbox",
        "Copy a running machine with its memory, variables, processes and files; it runs on. The "
            + "copies live on after the session, until they are deleted or their time is over.",
        Schemas.object(
            Schemas.number("count", 1, MOST_CHILDREN, "Copies; default 1.").optional(),
            CommonFields.SANDBOX),
        Optional.of(
            Schemas.object(
                Schemas.text("sandbox", "The one that was copied."),
                Schemas.list("children", Map.of("type", "string"), "Ids of the copies."))),
        Tool.Hints.ADDS,
        this::fork);
  }

  private ToolResult fork(Arguments arguments, Call call) {
    int count = (int) arguments.number("count", 1, MOST_CHILDREN, 1);
    Sandbox sandbox = workplace.sandbox(arguments);
    Forked forked = sandbox.fork(ForkOptions.of(count));
    List<String> children = forked.children().stream().map(Sandbox::id).toList();
    return ToolResult.of(
        "forked " + sandbox.id() + " into " + String.join(", ", children),
        Map.of("sandbox", sandbox.id(), "children", children));
  }

  private Tool merge() {
    return new Tool(
        "merge_into",
        "Take a fork's state",
        "Let a machine go on as one of its forks, under its own id: what it was itself is lost, "
            + "and the fork's id is gone. Of attempts of fork_and_try the others are deleted.",
        Schemas.object(
            Schemas.text("winner", "Id of the fork."),
            Schemas.flag("close_siblings", "Also delete all its other forks; default false.")
                .optional(),
            CommonFields.SANDBOX),
        Optional.of(
            Schemas.object(
                Schemas.text("sandbox", "The one that goes on."),
                Schemas.text("merged", "Id of the fork that is gone."))),
        new Tool.Hints(false, true, false, false),
        this::merge);
  }

  private ToolResult merge(Arguments arguments, Call call) {
    String winner = arguments.text("winner");
    boolean closeSiblings = arguments.flag("close_siblings", false);
    Sandbox sandbox = workplace.sandbox(arguments);
    sandbox.mergeInto(workplace.podflare().sandbox(winner), closeSiblings);
    workplace.merged(winner);
    return ToolResult.of(
        sandbox.id() + " goes on as " + winner + " was",
        Map.of("sandbox", sandbox.id(), "merged", winner));
  }
}
