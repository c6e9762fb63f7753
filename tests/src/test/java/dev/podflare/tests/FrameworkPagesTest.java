package dev.podflare.tests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.client.ListFilter;
import dev.podflare.tests.ScriptedModel.Turn;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Programs on the pages of Java's frameworks, as they stand there, against a scripted model. */
@OnPlatform
@Order(45)
class FrameworkPagesTest {
  private static final Path PAGES = Path.of("..", "docs", "pages", "frameworks");
  private static final Pattern PROGRAM =
      Pattern.compile("```java\n(.*?)```\n+```output\n(.*?)```", Pattern.DOTALL);

  /** Frameworks log; that is not what the program prints. */
  private static final String QUIET =
      """
      <configuration>
        <statusListener class="ch.qos.logback.core.status.NopStatusListener"/>
        <root level="OFF"/>
      </configuration>
      """;

  @TempDir Path folder;
  private final TestPlatform platform;

  FrameworkPagesTest(TestPlatform platform) {
    this.platform = platform;
  }

  @ParameterizedTest
  @ValueSource(strings = {"langchain4j", "spring-ai"})
  void theProgramOfAPagePrintsWhatIsWrittenThere(String page) throws Exception {
    Matcher program = PROGRAM.matcher(Files.readString(PAGES.resolve(page + ".md")));
    assertThat(program.find()).isTrue();
    int before = sandboxes();
    Turn call = new Turn.Call("run_code", Map.of("code", "print(6 * 7)"));
    try (ScriptedModel model = ScriptedModel.of(call, new Turn.Word("It is 42."))) {
      assertThat(printed(program.group(1), model.url())).isEqualTo(program.group(2));
      assertThat(model.lastResult()).contains("42");
    }
    assertThat(sandboxes()).as("the program's sandbox is gone").isEqualTo(before);
  }

  private int sandboxes() {
    return platform.client.listAll(ListFilter.ALL, 1000).size();
  }

  private String printed(String program, String model) throws Exception {
    Path source = Files.writeString(folder.resolve("Main.java"), program);
    File said = folder.resolve("said").toFile();
    File complaints = folder.resolve("complaints").toFile();
    Path java = Path.of(System.getProperty("java.home"), "bin", "java");
    Path quiet = Files.writeString(folder.resolve("logback.xml"), QUIET);
    ProcessBuilder builder =
        new ProcessBuilder(
            java.toString(),
            "-Dlogback.configurationFile=" + quiet,
            "-cp",
            System.getProperty("java.class.path"),
            source.toString());
    builder.environment().put("PODFLARE_API_URL", platform.uri.toString());
    builder.environment().put("PODFLARE_API_KEY", platform.key);
    builder.environment().put("OPENAI_BASE_URL", model);
    builder.environment().put("OPENAI_API_KEY", "none");
    Process process = builder.redirectOutput(said).redirectError(complaints).start();
    try {
      assertThat(process.waitFor(TestPlatform.PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
    } finally {
      process.destroyForcibly();
    }
    assertThat(process.exitValue()).as(Files.readString(complaints.toPath())).isZero();
    return Files.readString(said.toPath());
  }
}
