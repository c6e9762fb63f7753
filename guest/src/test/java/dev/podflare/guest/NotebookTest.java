package dev.podflare.guest;

import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.guest.GuestValue.Kind;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** What real libraries show, through the real interpreter: as in a notebook. */
@TestInstance(Lifecycle.PER_CLASS)
class NotebookTest {
  private static final JsonMapper JSON = JsonMapper.builder().build();
  private static final String CHART = "application/vnd.podflare.chart+json";

  private HostAgent agent;

  @BeforeAll
  void start(@TempDir Path folder) throws Exception {
    Path bin = NotebookEnvironment.install().resolve("bin");
    Map<String, String> variables = Map.of("PATH", bin + ":/usr/bin:/bin", "PODFLARE_WARM", "1");
    agent = new HostAgent(folder, bin.resolve("python3").toString(), variables);
  }

  @AfterAll
  void stop() {
    agent.close();
  }

  private Recording show(String... lines) {
    ExecCommand command =
        new ExecCommand(
            GuestLanguage.PYTHON,
            String.join("\n", lines),
            Optional.empty(),
            Map.of(),
            false,
            true,
            ExecCommand.DEFAULT_WINDOW);
    return agent.start(command).await();
  }

  private static List<Kind> kinds(Recording call) {
    return call.values.stream().map(GuestValue::kind).toList();
  }

  private static JsonNode chart(GuestValue value) {
    return JSON.readTree(value.data().get(CHART));
  }

  private static byte[] png(GuestValue value) {
    byte[] bytes = Base64.getMimeDecoder().decode(value.data().get("image/png"));
    assertThat(Arrays.copyOf(bytes, 4)).isEqualTo(new byte[] {(byte) 0x89, 'P', 'N', 'G'});
    return bytes;
  }

  @Test
  void figuresThatWereDrawnAreShownAtTheEnd() {
    Recording call =
        show(
            "import matplotlib.pyplot as plt",
            "plt.plot([1, 2, 3], [4, 5, 7], label='rise')",
            "plt.xlabel('day'); plt.ylabel('price'); plt.title('Shares')",
            "print('drawn')");
    assertThat(call.code()).isZero();
    assertThat(call.stdout()).isEqualTo("drawn\n");
    assertThat(kinds(call)).containsExactly(Kind.DISPLAY);
    assertThat(png(call.values.getFirst())).hasSizeGreaterThan(1000);
    JsonNode axes = chart(call.values.getFirst()).get("charts").get(0);
    assertThat(axes.get("type").asString()).isEqualTo("line");
    assertThat(axes.get("title").asString()).isEqualTo("Shares");
    assertThat(axes.get("x").get("label").asString()).isEqualTo("day");
    assertThat(axes.get("series").get(0).toString())
        .isEqualTo("{\"type\":\"line\",\"label\":\"rise\",\"x\":[1,2,3],\"y\":[4,5,7]}");
    assertThat(show("1").values).hasSize(1); // it is not shown again
  }

  @Test
  void usualChartsComeAsData() {
    Recording call =
        show(
            "import matplotlib.pyplot as plt",
            "figure, (a, b, c, d) = plt.subplots(1, 4)",
            "_ = a.bar(['x', 'y'], [3, 4])",
            "_ = b.scatter([1, 2], [5, 6], label='dots')",
            "_ = c.pie([1, 3], labels=['one', 'three'])",
            "_ = d.barh([1, 2], [7, float('nan')])",
            "plt.show()",
            "print('after')");
    assertThat(call.stderr()).isEmpty();
    JsonNode charts = chart(call.values.getFirst()).get("charts");
    assertThat(charts.get(0).get("series").get(0).toString())
        .isEqualTo("{\"type\":\"bar\",\"label\":\"\",\"x\":[\"x\",\"y\"],\"y\":[3,4]}");
    assertThat(charts.get(1).get("series").get(0).get("y").toString()).isEqualTo("[5.0,6.0]");
    assertThat(charts.get(2).get("series").get(0).get("labels").toString())
        .isEqualTo("[\"one\",\"three\"]");
    assertThat(charts.get(3).get("type").asString()).isEqualTo("barh");
    assertThat(charts.get(3).get("series").get(0).get("y").get(1).isNull()).isTrue();
  }

  @Test
  void tablesAreHtmlAndRecords() {
    Recording call = show("import pandas as pd", "pd.DataFrame({'a': [1, 2], 'b': ['x', None]})");
    Map<String, String> data = call.values.getFirst().data();
    assertThat(data.get("text/html")).contains("<table");
    assertThat(data.get("text/plain")).contains("a").contains("x");
    assertThat(JSON.readTree(data.get("application/json")).toString())
        .isEqualTo("[{\"a\":1,\"b\":\"x\"},{\"a\":2,\"b\":null}]");
  }

  @Test
  void displaysComeInOrderWithWhatWasWritten() {
    Recording call =
        show(
            "from IPython.display import HTML, Markdown, Latex, JSON, Image, clear_output",
            "h = display(HTML('<b>1</b>'), display_id='mine')",
            "h.update(Markdown('**2**'))",
            "display(Latex('$x$'), JSON({'k': [1]}))",
            "clear_output()",
            "'last'");
    assertThat(kinds(call))
        .containsExactly(
            Kind.DISPLAY, Kind.UPDATE, Kind.DISPLAY, Kind.DISPLAY, Kind.CLEAR, Kind.VALUE);
    assertThat(call.values.get(0).displayId()).contains("mine");
    assertThat(call.values.get(1).displayId()).contains("mine");
    assertThat(call.values.get(1).data()).containsEntry("text/markdown", "**2**");
    assertThat(call.values.get(3).data()).containsEntry("application/json", "{\"k\": [1]}");
    assertThat(call.values.getLast().data()).isEqualTo(Map.of("text/plain", "'last'"));
  }

  @Test
  void picturesOfPillowAndPlotly() {
    Recording call =
        show(
            "from PIL import Image",
            "import plotly.graph_objects as go",
            "display(go.Figure(go.Scatter(y=[1, 2])))",
            "Image.new('RGB', (8, 8), 'red')");
    assertThat(call.values)
        .anyMatch(value -> value.data().containsKey("application/vnd.plotly.v1+json"));
    png(call.values.getLast());
  }

  @Test
  void objectsThatShowThemselves() {
    Recording call =
        show(
            "class A:",
            "  def _ipython_display_(self): print('by itself')",
            "class B:",
            "  def _repr_html_(self): return '<i>'",
            "  def _repr_mimebundle_(self, **_): return {'x/y': 'z'}",
            "display(B())",
            "A()");
    assertThat(call.stdout()).isEqualTo("by itself\n");
    assertThat(kinds(call)).containsExactly(Kind.DISPLAY);
    assertThat(call.values.getFirst().data()).containsEntry("x/y", "z");
  }

  @Test
  void valuesLargerThanTheWindowArriveWhole() {
    Recording call =
        show(
            "from IPython.display import HTML",
            "for i in range(3): print(i); display(HTML(str(i) * 2_000_000))");
    assertThat(call.code()).isZero();
    assertThat(call.stdout()).isEqualTo("0\n1\n2\n");
    assertThat(call.values)
        .extracting(value -> value.data().getOrDefault("text/html", "").length())
        .containsExactly(2_000_000, 2_000_000, 2_000_000);
    Recording huge = show("HTML('x' * 9_000_000)");
    assertThat(huge.values.getFirst().data()).containsOnlyKeys("text/plain");
  }

  @Test
  void aDisplayWaitsForRoomAndCanBeInterrupted() throws Exception {
    Recording call = new Recording();
    call.acknowledging = false;
    ExecCommand command =
        new ExecCommand(
            GuestLanguage.PYTHON,
            "from IPython.display import HTML\nwhile True: display(HTML('y' * 100_000))",
            Optional.empty(),
            Map.of(),
            false,
            true,
            ExecCommand.DEFAULT_WINDOW);
    call.attach(agent.channel().exec(command, call));
    org.awaitility.Awaitility.await().until(() -> call.values.size() == 2);
    Thread.sleep(300);
    assertThat(call.values).hasSize(2); // 256 KiB have no room for a third
    call.exec().signal(GuestSignal.INT);
    call.acknowledging = true;
    call.exec().acknowledge(200_000 + 200);
    call.await();
    assertThat(call.code()).isEqualTo(130);
    assertThat(show("5").values.getFirst().data()).isEqualTo(Map.of("text/plain", "5"));
  }

  @Test
  void exceptionsAreTold() {
    Recording call = show("def f(x):", "  return 1 / x", "f(0)");
    GuestValue value = call.values.getFirst();
    assertThat(value.kind()).isEqualTo(Kind.EXCEPTION);
    JsonNode error = JSON.readTree(value.data().get("application/json"));
    assertThat(error.get("name").asString()).isEqualTo("ZeroDivisionError");
    assertThat(error.get("value").asString()).isEqualTo("division by zero");
    assertThat(error.get("frames").get(1).get("function").asString()).isEqualTo("f");
    assertThat(error.get("frames").get(1).get("source").asString()).isEqualTo("return 1 / x");
    assertThat(call.stderr()).endsWith("ZeroDivisionError: division by zero\n");
    assertThat(show("import sys; sys.exit(3)").values).isEmpty();
  }

  @Test
  void magicsAndThePlainExitAreBothThere() {
    assertThat(agent.python("exit(4)").code()).isEqualTo(4);
    assertThat(agent.python("%env X=1\n!echo $X").stdout()).contains("1\n");
    assertThat(agent.python("quit(5)").code()).isEqualTo(5);
    assertThat(agent.python("get_ipython()").code()).isZero();
  }

  @Test
  void withoutWishForValuesDisplaysAreText() {
    Recording call = agent.python("display({'a': 1})\nimport pandas as pd\npd.DataFrame()");
    assertThat(call.stdout()).isEqualTo("{'a': 1}\n");
    assertThat(call.values).isEmpty();
  }

  @Test
  void forkedChildrenDoNotSpeakToTheHost() {
    Recording call =
        show(
            "import os, sys",
            "pid = os.fork()",
            "if pid == 0:",
            "  display('child'); sys.stdout.flush(); os._exit(0)",
            "_ = os.waitpid(pid, 0)",
            "'parent'");
    assertThat(call.stdout()).isEqualTo("'child'\n");
    assertThat(kinds(call)).containsExactly(Kind.VALUE);
  }
}
