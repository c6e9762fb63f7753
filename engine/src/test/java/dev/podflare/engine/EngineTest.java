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
      for (int i = 0; i < 5; i++) {
        CreatedSandbox created = engine.create(ADMIN, CreateRequest.defaults());
        System.out.println(created.source() + " " + created.timings() + " " + created.sandbox());
        String id = created.sandbox().id();
        System.out.println(run(engine, id, ExecRequest.Language.PYTHON, "x = 41; print(x)"));
        for (int j = 0; j < 5; j++) {
          long t = System.nanoTime();
          String out = run(engine, id, ExecRequest.Language.PYTHON, "x += 1; print(x)");
          System.out.println(out + " " + (System.nanoTime() - t) / 1e6 + " ms");
        }
        long t = System.nanoTime();
        System.out.println(
            run(
                engine,
                id,
                ExecRequest.Language.BASH,
                "hostname; date +%s.%N; id -u; free -m; df -h /; cat /proc/loadavg"));
        System.out.println("bash " + (System.nanoTime() - t) / 1e6 + " ms");
        for (int j = 0; j < 20; j++) {
          System.out.print(engine.probe().ping(id, 1) + " ");
        }
        System.out.println(engine.get(ADMIN, id));
        t = System.nanoTime();
        if (i < 3) engine.delete(ADMIN, id);
        System.out.println("delete " + (System.nanoTime() - t) / 1e6 + " ms");
        Thread.sleep(1500);
      }
      assertThat(engine.capacity().sandboxes()).isEqualTo(2);
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
