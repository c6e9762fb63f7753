package dev.podflare.guest;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * What a cell has shown, in a form that does not depend on who ran it: without addresses in memory,
 * names of files for cells, and line breaks in base64.
 *
 * @param error name and value, or empty
 */
record NotebookOutputs(String stdout, String stderr, String error, List<Shown> shown) {
  private static final JsonMapper JSON = JsonMapper.builder().build();
  private static final Pattern ADDRESS = Pattern.compile("0x[0-9a-f]{6,}");
  private static final Pattern CELL =
      Pattern.compile("(?:/\\S*/ipykernel_\\d+/\\d+\\.py|<call[^>]*>|<ipython-input[^>]*>)");

  private static final Pattern TIME = Pattern.compile("\\d+\\.\\d+ sec");
  private static final Pattern CACHE =
      Pattern.compile(
          "\\S*displayhook\\.py:\\d+: UserWarning: Output cache limit.*?\\n  warn\\(.*?\\n",
          Pattern.DOTALL);

  /** One output. {@code data}: mime type to text or JSON. */
  record Shown(String kind, Map<String, Object> data, Optional<String> id) {
    /** What is also in the other: ours may have more forms. */
    Map<String, Object> like(Shown other) {
      Map<String, Object> same = new TreeMap<>(data);
      if (other.data().containsKey("text/plain")) {
        same.keySet()
            .removeIf(mime -> mime.equals("application/json") && !other.data().containsKey(mime));
      }
      same.remove("application/vnd.podflare.chart+json");
      return same;
    }
  }

  List<String> kinds() {
    return shown.stream().map(Shown::kind).toList();
  }

  /** Of a kernel: as nbformat has them. */
  static NotebookOutputs of(JsonNode outputs) {
    StringBuilder stdout = new StringBuilder();
    StringBuilder stderr = new StringBuilder();
    String error = "";
    List<Shown> shown = new ArrayList<>();
    for (JsonNode output : outputs) {
      switch (output.get("output_type").asString()) {
        case "stream" ->
            (output.get("name").asString().equals("stdout") ? stdout : stderr)
                .append(output.get("text").asString());
        case "error" ->
            error = output.get("ename").asString() + ": " + output.get("evalue").asString();
        case "display_data" -> shown.add(shown("display", output.get("data"), Optional.empty()));
        default -> shown.add(shown("value", output.get("data"), Optional.empty()));
      }
    }
    return new NotebookOutputs(plain(stdout + ""), plain(stderr + ""), plain(error), shown);
  }

  /**
   * Of a context's call. An update changes what {@code earlier} cells have shown, as in a notebook.
   */
  static NotebookOutputs of(Recording call, List<NotebookOutputs> earlier) {
    StringBuilder stdout = new StringBuilder();
    StringBuilder stderr = new StringBuilder();
    String error = "";
    List<Shown> shown = new ArrayList<>();
    boolean clearing = false;
    for (Object event : call.order) {
      if (event instanceof GuestValue clear && clear.kind() == GuestValue.Kind.CLEAR) {
        clearing = true;
        if (!clear.data().isEmpty()) {
          continue; // it waits for something else
        }
      }
      if (clearing) {
        stdout.setLength(0);
        stderr.setLength(0);
        shown.clear();
        clearing = false;
      }
      switch (event) {
        case Recording.Output output ->
            (output.stream() == GuestStream.STDOUT ? stdout : stderr).append(output.text());
        case GuestValue value -> {
          switch (value.kind()) {
            case CLEAR -> {} // it has cleared
            case EXCEPTION -> error = error(value);
            case UPDATE -> {
              update(shown, value);
              earlier.forEach(cell -> update(cell.shown(), value));
            }
            case DISPLAY -> shown.add(shown("display", value));
            case VALUE -> shown.add(shown("value", value));
          }
        }
        default -> throw new AssertionError(event);
      }
    }
    return new NotebookOutputs(plain(stdout + ""), plain(stderr + ""), plain(error), shown);
  }

  private static void update(List<Shown> all, GuestValue value) {
    all.replaceAll(one ->
        one.id().equals(value.displayId()) && one.id().isPresent()
            ? shown(one.kind(), value)
            : one);
  }

  private static String error(GuestValue value) {
    JsonNode error = JSON.readTree(value.data().get("application/json"));
    return error.get("name").asString() + ": " + error.get("value").asString();
  }

  private static Shown shown(String kind, GuestValue value) {
    Map<String, Object> data = new TreeMap<>();
    value
        .data()
        .forEach(
            (mime, text) -> data.put(mime, isJson(mime) ? JSON.readTree(text) : plain(mime, text)));
    return new Shown(kind, data, value.displayId());
  }

  private static Shown shown(String kind, JsonNode forms, Optional<String> id) {
    Map<String, Object> data = new TreeMap<>();
    forms.forEachEntry(
        (mime, form) -> data.put(mime, isJson(mime) ? form : plain(mime, form.asString())));
    return new Shown(kind, data, id);
  }

  private static boolean isJson(String mime) {
    return mime.equals("application/json") || mime.endsWith("+json");
  }

  private static String plain(String mime, String text) {
    boolean binary = mime.startsWith("image/") && !mime.endsWith("+xml");
    return binary ? text.replaceAll("\\s", "") : plain(text);
  }

  private static String plain(String text) {
    // A kernel says when it keeps no more values; and work takes its time.
    String steady = CACHE.matcher(TIME.matcher(text).replaceAll("N sec")).replaceAll("");
    // A kernel runs commands on a terminal.
    String lines = steady.replace("\r\n", "\n");
    return CELL.matcher(ADDRESS.matcher(lines).replaceAll("0x")).replaceAll("<cell>");
  }
}
