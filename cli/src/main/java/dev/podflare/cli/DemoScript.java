package dev.podflare.cli;

import static dev.podflare.cli.DemoSteps.check;

import dev.podflare.client.ApiException;
import dev.podflare.client.FanOutListener;
import dev.podflare.client.FanOutOptions;
import dev.podflare.client.FanOutOptions.Pick;
import dev.podflare.client.FannedOut;
import dev.podflare.client.FileDiff;
import dev.podflare.client.ForkOptions;
import dev.podflare.client.Forked;
import dev.podflare.client.Language;
import dev.podflare.client.ListFilter;
import dev.podflare.client.Podflare;
import dev.podflare.client.RunListener;
import dev.podflare.client.RunRequest;
import dev.podflare.client.RunResult;
import dev.podflare.client.Sandbox;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/** The main job, step by step, over HTTP like any user. One thread. */
final class DemoScript {
  private final Podflare podflare;
  private final DemoSteps steps;

  DemoScript(Podflare podflare, DemoSteps steps) {
    this.podflare = podflare;
    this.steps = steps;
  }

  void run() {
    try (Sandbox sandbox = steps.start("create a sandbox", podflare::create)) {
      python(sandbox);
      steps.run("bash beside it", () -> bash(sandbox));
      steps.run("output as it is written", () -> streams(sandbox));
      try (Sandbox other = steps.start("create a second sandbox", podflare::create)) {
        steps.run("it knows nothing of the first", () -> isolated(other));
      }
      forks(sandbox);
      steps.run("list sandboxes", () -> listed(sandbox));
      steps.run("delete it, and its id is gone", () -> deleted(sandbox));
    }
  }

  private void python(Sandbox sandbox) {
    steps.run("run Python", () -> prints(sandbox, "print(6 * 7)", "42\n"));
    steps.run(
        "import, define, remember",
        () -> prints(sandbox, "import math\ndef area(r): return math.pi * r * r\nx = 2", ""));
    steps.run(
        "state is still there", () -> prints(sandbox, "print(round(area(x), 3))", "12.566\n"));
    steps.run("an exception is a result", () -> raises(sandbox));
    steps.run("and the state survives it", () -> prints(sandbox, "print(x)", "2\n"));
  }

  private static String prints(Sandbox sandbox, String code, String expected) {
    RunResult result = sandbox.runCode(code);
    check(
        result.ok() && result.stdout().equals(expected),
        "exit code 0 and output '" + expected.strip() + "'",
        result);
    return result.stdout();
  }

  private static String raises(Sandbox sandbox) {
    RunResult result = sandbox.runCode("1 / 0");
    check(
        result.exitCode() == 1 && result.stderr().contains("ZeroDivisionError"),
        "exit code 1 and a traceback",
        result);
    return result.stderr().lines().reduce((_, last) -> last).orElse("");
  }

  private static String bash(Sandbox sandbox) {
    RunResult result = sandbox.runCode("uname -sr && cat /proc/uptime | wc -w", Language.BASH);
    check(
        result.ok() && result.stdout().startsWith("Linux ") && result.stdout().endsWith("2\n"),
        "the guest's kernel",
        result);
    return result.stdout().lines().findFirst().orElse("");
  }

  /** The first line must be here well before the program, which waits after it, has ended. */
  private static String streams(Sandbox sandbox) {
    long began = System.nanoTime();
    AtomicLong first = new AtomicLong();
    RunListener listener =
        new RunListener() {
          @Override
          public void stdout(byte[] bytes) {
            if (new String(bytes, StandardCharsets.UTF_8).startsWith("first")) {
              first.compareAndSet(0, System.nanoTime());
            }
          }
        };
    String code = "import time\nprint('first', flush=True)\ntime.sleep(0.5)\nprint('last')";
    RunResult result = sandbox.run(RunRequest.of(code, Language.PYTHON), listener);
    long ended = System.nanoTime();
    check(result.ok() && result.stdout().equals("first\nlast\n"), "two lines", result);
    check(
        first.get() != 0 && ended - first.get() > 400_000_000L,
        "the first line before the program's pause",
        first.get() == 0 ? "no first line" : (ended - first.get()) / 1_000_000 + " ms apart");
    return "first line after " + Durations.text((first.get() - began) / 1e6);
  }

  /** Three copies of a running machine; each goes its own way, the original too. */
  private void forks(Sandbox sandbox) {
    Forked forked = steps.start("fork it into three", () -> sandbox.fork(ForkOptions.of(3)));
    List<Sandbox> children = forked.children();
    try {
      steps.run(
          "the parent stood still for",
          () -> Durations.text(forked.parentPausedMs()) + " of " + total(forked));
      steps.run("each knows what the parent knew", () -> inherit(children));
      steps.run("and goes its own way", () -> differ(sandbox, children));
      steps.run("what a branch wrote", () -> differences(sandbox, children.getLast()));
      steps.run("merge the best one", () -> merge(sandbox, children.getLast()));
      steps.run("three tries in one call, keep the best", () -> tries(sandbox));
    } finally {
      children.forEach(Sandbox::close);
    }
  }

  private static String total(Forked forked) {
    return Durations.text(forked.timingsMs().getOrDefault("total", 0.0));
  }

  private static String inherit(List<Sandbox> children) {
    for (Sandbox child : children) {
      prints(child, "print(round(area(x), 3))", "12.566\n");
    }
    return "all " + children.size() + " say area(x) = 12.566";
  }

  private static String differ(Sandbox parent, List<Sandbox> children) {
    for (int i = 0; i < children.size(); i++) {
      prints(children.get(i), "x = 10 + " + i, "");
    }
    StringBuilder seen = new StringBuilder();
    for (int i = 0; i < children.size(); i++) {
      seen.append(prints(children.get(i), "print(x)", (10 + i) + "\n").strip()).append(' ');
    }
    return "x is " + seen + "there, " + prints(parent, "print(x)", "2\n").strip() + " here";
  }

  private static String merge(Sandbox parent, Sandbox winner) {
    parent.mergeInto(winner);
    prints(parent, "print(x)", "12\n");
    try {
      winner.info();
    } catch (ApiException refused) {
      check(refused.code().equals("gone"), "410 gone", refused.code());
      return "x is 12 under the parent's id, the winner's is gone";
    }
    throw new DemoSteps.Wrong("expected 410 gone, found the winner");
  }

  private static String differences(Sandbox parent, Sandbox child) {
    prints(child, "with open('/root/found', 'w') as f: print(x, file=f)", "");
    FileDiff diff = parent.diff(child, List.of(), true);
    check(
        diff.added().size() == 1 && diff.removed().isEmpty() && diff.modified().isEmpty(),
        "one file that was added",
        diff);
    return "added "
        + diff.added().getFirst().path()
        + ", of "
        + diff.added().getFirst().size()
        + " bytes";
  }

  private static String tries(Sandbox sandbox) {
    List<String> codes =
        List.of("x = x - 5; print(x)", "x = x * 3; print(x)", "x = x + 1; print(x)");
    FannedOut done =
        sandbox.fanOut(
            FanOutOptions.each(codes, Language.PYTHON).withPick(Pick.MAX), FanOutListener.NONE);
    prints(sandbox, "print(x)", "36\n");
    check(done.winner().isPresent(), "a winner", done);
    return "7, 36 and 13; x is 36 now";
  }

  private static String isolated(Sandbox other) {
    RunResult result = other.runCode("print('x' in globals())");
    check(result.ok() && result.stdout().equals("False\n"), "no x in the second sandbox", result);
    return "x is not defined there";
  }

  private String listed(Sandbox sandbox) {
    var all = podflare.listAll(ListFilter.ALL, 1000);
    check(
        all.stream().anyMatch(it -> it.id().equals(sandbox.id()) && it.state().equals("ready")),
        sandbox.id() + " as ready",
        all);
    return all.size() + " of them, ours is ready";
  }

  private static String deleted(Sandbox sandbox) {
    sandbox.delete();
    try {
      sandbox.info();
    } catch (ApiException refused) {
      check(refused.code().equals("gone"), "410 gone", refused.code());
      return refused.status() + " " + refused.code();
    }
    throw new DemoSteps.Wrong("expected 410 gone, found the sandbox");
  }
}
