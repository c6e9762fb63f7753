package dev.podflare.guest;

import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.guest.NotebookOutputs.Shown;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.assertj.core.api.SoftAssertions;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Notebooks that real packages ship, cell by cell in a context, and in a real ipykernel with
 * nbclient: both show the same.
 */
@TestInstance(Lifecycle.PER_CLASS)
class RealNotebooksTest {
  private static final JsonMapper JSON = JsonMapper.builder().build();

  private Path python;
  private HostAgent agent;
  private GuestContexts contexts;
  private int made;

  @BeforeAll
  void start(@TempDir Path folder) throws Exception {
    Path bin = NotebookEnvironment.install().resolve("bin");
    python = bin.resolve("python3");
    agent = new HostAgent(folder, python + "", Map.of("PATH", bin + ":/usr/bin:/bin"));
    contexts = new GuestContexts(agent.channel(), HostAgent.PATIENCE);
  }

  @AfterAll
  void stop() {
    agent.close();
  }

  @Test
  void cellsShowWhatTheyShowInANotebook(@TempDir Path folder) throws Exception {
    assertThat(compare("usual", folder)).isGreaterThan(250);
  }

  @Test
  @Tag("slow")
  void allOfTheGalleryAndOfPandasShowWhatTheyShowInANotebook(@TempDir Path folder)
      throws Exception {
    assertThat(compare("long", folder)).isGreaterThan(1000);
  }

  /** How many cells there were. */
  private int compare(String set, Path folder) throws Exception {
    int cells = 0;
    SoftAssertions softly = new SoftAssertions();
    List<JsonNode> notebooks = natively(set, folder);
    for (JsonNode notebook : notebooks) {
      cells += notebook.get("cells").size();
      compare(notebook, softly);
    }
    softly.assertAll();
    return cells;
  }

  private List<JsonNode> natively(String set, Path folder) throws Exception {
    Path script = folder.resolve("notebooks.py");
    Path out = folder.resolve("out");
    Path errors = folder.resolve("errors");
    try (InputStream in = RealNotebooksTest.class.getResourceAsStream("notebooks.py")) {
      Files.copy(Objects.requireNonNull(in), script, StandardCopyOption.REPLACE_EXISTING);
    }
    Path sources = Path.of("target", "notebook-sources").toAbsolutePath();
    Process process =
        new ProcessBuilder(python + "", script + "", sources + "", set)
            .redirectOutput(out.toFile())
            .redirectError(errors.toFile())
            .start();
    if (!process.waitFor(set.equals("long") ? 30 : 10, TimeUnit.MINUTES)) {
      process.destroyForcibly();
      throw new AssertionError("no end of it");
    }
    assertThat(process.exitValue()).as(Files.readString(errors)).isZero();
    List<JsonNode> notebooks = new ArrayList<>();
    for (String line : Files.readAllLines(out)) {
      notebooks.add(JSON.readTree(line));
    }
    return notebooks;
  }

  private void compare(JsonNode notebook, SoftAssertions softly) {
    String name = notebook.get("name").asString();
    String cwd = notebook.get("cwd").asString();
    String context = contexts.open("ctx_" + ++made, "python", cwd, Map.of(), 64).id();
    List<NotebookOutputs> cells = new ArrayList<>();
    List<NotebookOutputs> expected = new ArrayList<>();
    for (JsonNode cell : notebook.get("cells")) {
      expected.add(NotebookOutputs.of(cell.get("outputs")));
      cells.add(NotebookOutputs.of(run(context, cell.get("source").asString()), cells));
    }
    contexts.close(context);
    for (int i = 0; i < cells.size(); i++) {
      String where = name + ", cell " + i + ": " + notebook.get("cells").get(i).get("source");
      NotebookOutputs wanted = expected.get(i);
      NotebookOutputs ours = cells.get(i);
      softly.assertThat(ours.stdout()).as(where).isEqualTo(wanted.stdout());
      softly.assertThat(ours.stderr()).as(where).startsWith(wanted.stderr());
      softly.assertThat(ours.error()).as(where).isEqualTo(wanted.error());
      softly.assertThat(ours.kinds()).as(where).isEqualTo(wanted.kinds());
      if (ours.kinds().equals(wanted.kinds())) {
        for (int n = 0; n < ours.shown().size(); n++) {
          Shown mine = ours.shown().get(n);
          softly
              .assertThat(mine.like(wanted.shown().get(n)))
              .as(where)
              .isEqualTo(wanted.shown().get(n).data());
        }
      }
    }
  }

  private Recording run(String context, String code) {
    ExecCommand command =
        new ExecCommand(
            GuestLanguage.PYTHON,
            code,
            Optional.empty(),
            Map.of(),
            false,
            true,
            ExecCommand.DEFAULT_WINDOW);
    return agent.start(command.in(context)).await();
  }
}
