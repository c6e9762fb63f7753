package dev.podflare.mcp;

import dev.podflare.client.FanOutListener;
import dev.podflare.client.FanOutOptions;
import dev.podflare.client.FannedOut;
import dev.podflare.client.Forked;
import dev.podflare.client.RunListener;
import dev.podflare.client.RunResult;
import dev.podflare.client.Sandbox;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The tool that tries several ways at once. Thread-safe. */
final class AttemptTools {
  private static final int MOST = 8;

  /** Characters of base64, for all together. */
  private static final int FIGURES_ROOM = 512 << 10;

  private final Workplace workplace;

  AttemptTools(Workplace workplace) {
    this.workplace = workplace;
  }

  List<Tool> tools() {
    return List.of(
        new Tool(
            "fork_and_try",
            "Try several ways at once",
            "Each attempt runs in its own copy of the machine, with all of its memory, variables "
                + "and files; nothing that it does is seen outside. Returns what each gave. Then "
                + "call merge_into with the sandbox of the one to go on with; what is not merged "
                + "is deleted with the session.",
            Schemas.object(
                Schemas.texts("attempts", MOST, "The code of each attempt."),
                CommonFields.LANGUAGE,
                CommonFields.TIMEOUT,
                CommonFields.SANDBOX),
            Optional.of(
                Schemas.object(
                    Schemas.text("sandbox", "The one that was copied; it is as it was."),
                    Schemas.list("attempts", Schemas.object(RunOutput.FIELDS), "In their order."))),
            Tool.Hints.RUNS,
            this::attempt));
  }

  private ToolResult attempt(Arguments arguments, Call call) {
    List<String> codes = arguments.texts("attempts", MOST);
    FanOutOptions options = FanOutOptions.each(codes, CommonFields.language(arguments));
    var timeout = arguments.seconds("timeout_seconds", CommonFields.LONGEST_CALL);
    if (timeout.isPresent()) {
      options = options.withTimeout(timeout.get());
    }
    Sandbox sandbox = workplace.sandbox(arguments);
    Attempts attempts = new Attempts(codes.size(), call);
    FannedOut done = sandbox.fanOut(options, attempts);
    return attempts.result(sandbox, done);
  }

  /** Hears of all attempts. One thread. */
  private final class Attempts implements FanOutListener {
    private final Call call;
    private final int count;
    private final List<Heard> heard = new ArrayList<>();
    private List<Sandbox> children = List.of();

    Attempts(int count, Call call) {
      this.count = count;
      this.call = call;
    }

    @Override
    public void forked(Forked forked) {
      children = forked.children();
      workplace.attempts(children);
    }

    @Override
    public RunListener of(int child) {
      Heard one =
          new Heard(
              children.get(child),
              call,
              Clip.SHOWN / count,
              new Figures(FIGURES_ROOM / count),
              "attempt " + (child + 1) + ": ");
      heard.add(one);
      return one;
    }

    ToolResult result(Sandbox sandbox, FannedOut done) {
      List<Map<String, Object>> content = new ArrayList<>();
      List<Map<String, Object>> attempts = new ArrayList<>();
      for (int child = 0; child < done.results().size(); child++) {
        RunResult result =
            done.results()
                .get(child)
                .orElseThrow(
                    () -> new ToolFailure("bad_answer", "an attempt has no end", Map.of()));
        RunOutput output = new RunOutput(children.get(child), result, heard.get(child));
        String head = "attempt " + (child + 1) + ", sandbox " + children.get(child).id() + ":\n";
        content.add(Content.text(head + output.text()));
        content.addAll(output.figures());
        attempts.add(output.structured());
      }
      Map<String, Object> structured = new LinkedHashMap<>();
      structured.put("sandbox", sandbox.id());
      structured.put("attempts", attempts);
      return new ToolResult(content, Optional.of(structured));
    }
  }
}
