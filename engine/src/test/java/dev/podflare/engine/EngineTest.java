package dev.podflare.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.image.Progress;
import dev.podflare.image.Recipes;
import dev.podflare.image.TemplateFactory;
import dev.podflare.qemu.HypervisorConfig;
import dev.podflare.store.Store;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EngineTest {
  static final Caller ADMIN =
      new Caller("key_test", true, OptionalInt.empty(), OptionalLong.empty());

  @TempDir Path data;

  @Test
  void runsCode() throws Exception {
    Path templates = Path.of("/var/lib/podflare/templates");
    new TemplateFactory(templates, HypervisorConfig.Choice.AUTO)
        .build(
            Recipes.builtIn("minimal"),
            false,
            new Progress() {
              @Override
              public void started(Step step) {
                System.out.println("start " + step);
              }

              @Override
              public void finished(Step step, Duration elapsed) {
                System.out.println("done " + step + " " + elapsed);
              }

              @Override
              public void waiting(String template, Duration elapsed) {}
            });
    try (Store store = Store.open(data.resolve("db.sqlite"));
        LocalEngine engine =
            LocalEngine.start(
                EngineConfig.of(data).withTemplates(templates, "minimal").withPool(3, 2), store)) {
      Thread.sleep(15000);
      CreatedSandbox created = engine.create(ADMIN, CreateRequest.defaults());
      String id = created.sandbox().id();
      for (int gap : new int[] {0, 0, 1, 3, 10, 0}) {
        java.util.List<Double> exec = new java.util.ArrayList<>();
        java.util.List<Double> ping = new java.util.ArrayList<>();
        long cpu = engine.probe().machine(id).cgroup().cpuMillis();
        for (int i = 0; i < 200; i++) {
          long t = System.nanoTime();
          run(engine, id, ExecRequest.Language.PYTHON, "print(1)");
          exec.add((System.nanoTime() - t) / 1e6);
          if (gap > 0) Thread.sleep(gap);
        }
        cpu = engine.probe().machine(id).cgroup().cpuMillis() - cpu;
        for (int i = 0; i < 200; i++) {
          ping.add(engine.probe().ping(id, 1).toNanos() / 1e6);
          if (gap > 0) Thread.sleep(gap);
        }
        java.util.Collections.sort(exec);
        java.util.Collections.sort(ping);
        System.out.printf(
            "GAP %d exec p50 %.2f p95 %.2f min %.2f cpu/call %.2f | ping p50 %.2f p95 %.2f%n",
            gap,
            exec.get(100),
            exec.get(190),
            exec.get(0),
            cpu / 200.0,
            ping.get(100),
            ping.get(190));
      }
      java.util.List<Double> bash = new java.util.ArrayList<>();
      for (int i = 0; i < 20; i++) {
        long t = System.nanoTime();
        run(engine, id, ExecRequest.Language.BASH, "echo 1 | cat");
        bash.add((System.nanoTime() - t) / 1e6);
      }
      java.util.Collections.sort(bash);
      System.out.println(
          "GAPBASH "
              + bash.get(10)
              + " pss "
              + dev.podflare.linux.ProcFs.memory(engine.probe().machine(id).pid(), "Pss") / 1e6
              + " own "
              + engine.probe().machine(id).ownMemory() / 1e6);
      for (dev.podflare.qemu.Machine m : engine.probe().machines())
        System.out.println(
            "GAPM " + m.state() + " pss " + dev.podflare.linux.ProcFs.memory(m.pid(), "Pss") / 1e6);
      for (dev.podflare.qemu.Machine m : engine.probe().machines())
        new ProcessBuilder("python3", "/tmp/lead/smaps.py", "" + m.pid())
            .redirectOutput(new java.io.File("/tmp/lead/smaps-" + m.state()))
            .start()
            .waitFor();
      assertThat(engine.capacity().sandboxes()).isEqualTo(1);
      System.out.println(engine.capacity());
    }
  }

  static String run(LocalEngine engine, String id, ExecRequest.Language language, String code)
      throws Exception {
    Execution execution =
        engine.exec(ADMIN, id, ExecRequest.of(language, code, ExecRequest.Framing.CHUNKS));
    StringBuilder text = new StringBuilder();
    try (ExecStream stream = execution.stream(0)) {
      while (!stream.ended()) {
        stream
            .next(Duration.ofSeconds(30))
            .ifPresent(event -> {
              switch (event) {
                case ExecEvent.Output output ->
                    text.append(new String(output.bytes(), StandardCharsets.UTF_8));
                case ExecEvent.Exit exit ->
                    text.append("[exit " + exit.code() + " " + exit.reason() + "]");
                default -> {}
              }
            });
      }
    }
    return text.toString();
  }
}
