package dev.podflare.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.client.ApiException;
import dev.podflare.client.Podflare;
import dev.podflare.client.RunListener;
import dev.podflare.client.RunRequest;
import dev.podflare.client.RunResult;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxOptions;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Contexts of every language in the templates that have them, over a fork, a freeze, and the end of
 * the daemon.
 */
@Tag("slow")
@OnPlatform
@Order(89)
class LanguageLifeTest {
  private static final RunListener NOBODY = new RunListener() {};

  @TempDir Path data;

  /**
   * How a language sets a variable, changes it, and says its value, which is {@code 1} at first.
   */
  private record Language(String name, String set, String change, String show) {
    static Language r() {
      return new Language("r", "v <- 1", "v <- v + 1", "cat(v, '\\n')");
    }

    static final List<Language> OF_JAVA =
        List.of(
            new Language("python", "v = 1", "v += 1", "print(v)"),
            new Language("bash", "v=1", "v=$((v + 1))", "echo $v"),
            new Language("javascript", "let v = 1", "v += 1", "console.log(v)"),
            new Language(
                "typescript",
                "enum E { A = 1 }; let v: number = E.A",
                "v = (v as number) + 1",
                "console.log(v)"),
            new Language("java", "int v = 1;", "v = v + 1;", "System.out.println(v);"));
  }

  private static RunResult run(Sandbox sandbox, String context, String code) {
    RunResult result = sandbox.run(RunRequest.in(context, code), NOBODY);
    assertThat(result.exitCode()).as(code + ": " + result.stderr()).isZero();
    return result;
  }

  private static String say(Sandbox sandbox, String context, String code) {
    return run(sandbox, context, code).stdout().strip();
  }

  private static Map<Language, String> open(Sandbox sandbox, List<Language> languages) {
    Map<Language, String> contexts = new LinkedHashMap<>();
    for (Language language : languages) {
      contexts.put(language, sandbox.contexts().open(language.name()).id());
    }
    return contexts;
  }

  private static void each(Sandbox sandbox, Map<Language, String> contexts, String expected) {
    contexts.forEach((language, context) ->
        assertThat(say(sandbox, context, language.show())).as(language.name()).isEqualTo(expected));
  }

  private static Sandbox live(DaemonProcess daemon, Podflare client, String id) {
    Sandbox sandbox = client.sandbox(id);
    Awaitility.await()
        .atMost(TestPlatform.PATIENCE)
        .untilAsserted(
            () -> assertThat(sandbox.info().state()).as(daemon.log()).isEqualTo("ready"));
    return sandbox;
  }

  private void lives(String template, List<Language> languages) throws Exception {
    TestTemplates.build(template);
    String id;
    Map<Language, String> contexts;
    SandboxOptions options = SandboxOptions.builder().template(template).persistent(true).build();
    try (DaemonProcess daemon = DaemonProcess.start(data);
        Podflare client = daemon.client()) {
      Sandbox sandbox = client.create(options);
      id = sandbox.id();
      contexts = open(sandbox, languages);
      contexts.forEach((language, context) -> run(sandbox, context, language.set()));
      Sandbox child = sandbox.fork(1).getFirst();
      contexts.forEach((language, context) -> run(child, context, language.change()));
      each(child, contexts, "2");
      each(sandbox, contexts, "1");
      child.delete();
      sandbox.freeze();
      sandbox.resume();
      each(sandbox, contexts, "1");
      contexts.forEach((language, context) -> run(sandbox, context, language.change()));
      daemon.kill();
    }
    try (DaemonProcess daemon = DaemonProcess.start(data);
        Podflare client = daemon.client()) {
      Sandbox sandbox = live(daemon, client, id);
      each(sandbox, contexts, "2");
      assertThat(sandbox.contexts().list()).hasSize(languages.size());
      sandbox.delete();
      daemon.terminate();
    }
    assertThat(HostState.leftovers(data)).isEmpty();
  }

  @Test
  void theTemplateForJavaKeepsAllItsContexts() throws Exception {
    lives("java", Language.OF_JAVA);
  }

  @Test
  void theTemplateForRKeepsItsContexts() throws Exception {
    lives("r", List.of(Language.r()));
  }

  /** The same process in both, as it was frozen; but what must be secret is drawn anew. */
  @Test
  void warmInterpretersLieInTheTemplateAndShareNoSecrets() throws Exception {
    TestTemplates.build("java");
    SandboxOptions options = SandboxOptions.builder().template("java").build();
    Map<String, String> pids =
        Map.of(
            "bash", "echo $$",
            "javascript", "console.log(process.pid)",
            "java", "System.out.println(ProcessHandle.current().pid());");
    Map<String, String> draws =
        Map.of(
            "bash", "echo $RANDOM$RANDOM$RANDOM",
            "javascript", "console.log(require('crypto').randomBytes(16).toString('hex'))",
            "java", "System.out.println(UUID.randomUUID());");
    try (DaemonProcess daemon = DaemonProcess.start(data);
        Podflare client = daemon.client();
        Sandbox one = client.create(options);
        Sandbox other = client.create(options)) {
      for (String language : pids.keySet()) {
        String mine = one.contexts().open(language).id();
        String its = other.contexts().open(language).id();
        String pid = pids.getOrDefault(language, "");
        assertThat(say(one, mine, pid)).as(language).isEqualTo(say(other, its, pid));
        String draw = draws.getOrDefault(language, "");
        assertThat(say(one, mine, draw)).as(language).isNotEqualTo(say(other, its, draw));
        String second = one.contexts().open(language).id();
        assertThat(say(one, second, pid)).as(language).isNotEqualTo(say(one, mine, pid));
      }
      assertThatThrownBy(() -> one.contexts().open("r"))
          .isInstanceOfSatisfying(
              ApiException.class,
              it ->
                  assertThat(it.details().get("languages"))
                      .hasToString("[python, bash, javascript, typescript, java]"));
    }
  }
}
