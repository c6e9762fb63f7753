package dev.podflare.server.testing;

import com.networknt.schema.Error;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaLocation;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.dataformat.yaml.YAMLMapper;

/** {@code openapi.yaml}, and whether an answer keeps to it. Thread-safe. */
public final class OpenApiContract {
  private static final String HOME = "https://podflare.dev/openapi.json";
  private static final JsonMapper JSON = JsonMapper.shared();

  private final JsonNode document;
  private final SchemaRegistry registry;
  private final Map<String, Schema> schemas = new ConcurrentHashMap<>();
  private final Map<Pattern, String> templates = new ConcurrentHashMap<>();

  private OpenApiContract(JsonNode document) {
    this.document = document;
    this.registry =
        SchemaRegistry.withDefaultDialect(
            SpecificationVersion.DRAFT_2020_12,
            builder -> builder.schemas(Map.of(HOME, document.toString())));
    for (String path : document.get("paths").propertyNames()) {
      templates.put(pattern(path), path);
    }
  }

  public static OpenApiContract load(Path openApiYaml) {
    return new OpenApiContract(YAMLMapper.shared().readTree(openApiYaml.toFile()));
  }

  /** All operations, as {@code GET /v1/info}. */
  public Set<String> operations() {
    Set<String> operations = new TreeSet<>();
    for (Map.Entry<String, JsonNode> path : document.get("paths").properties()) {
      for (String method : path.getValue().propertyNames()) {
        if (!method.equals("parameters")) {
          operations.add(method.toUpperCase(java.util.Locale.ROOT) + " " + path.getKey());
        }
      }
    }
    return operations;
  }

  public List<String> errorCodes() {
    return document
        .at("/components/schemas/ErrorCode/enum")
        .valueStream()
        .map(JsonNode::stringValue)
        .toList();
  }

  /**
   * What is wrong with an answer to a request; empty if nothing is.
   *
   * @param path with or without region and query
   */
  public Optional<String> fault(String method, String path, Answer answer) {
    if (answer.header("x-request-id").isEmpty()) {
      return Optional.of("no X-Request-Id");
    }
    int status = answer.status();
    if ((status == 429 || status == 503) && answer.header("retry-after").isEmpty()) {
      return Optional.of("no Retry-After with " + status);
    }
    if (status == 405 && answer.header("allow").isEmpty()) {
      return Optional.of("no Allow with 405");
    }
    if (method.equals("HEAD")) {
      return Optional.empty();
    }
    return bodyFault(responsePointer(method, path, status), answer);
  }

  private Optional<String> bodyFault(String response, Answer answer) {
    JsonNode content = document.at(response + "/content");
    if (content.isMissingNode()) {
      return answer.body().length == 0
          ? Optional.empty()
          : Optional.of("a body where " + response + " has none: " + answer.text());
    }
    String type = answer.mediaType();
    if (!content.has(type)) {
      return Optional.of("media type '" + type + "' is not in " + response);
    }
    String schema = response + "/content/" + escaped(type) + "/schema";
    if (!utf8(answer.body())) {
      return Optional.of("the body is not UTF-8");
    }
    return switch (type) {
      case "application/json" -> schemaFault(schema, JSON.readTree(answer.body()));
      case "application/x-ndjson" ->
          answer
              .text()
              .lines()
              .filter(line -> !line.isEmpty())
              .flatMap(line -> schemaFault(schema, JSON.readTree(line)).stream())
              .findFirst();
      default -> schemaFault(schema, JSON.valueToTree(answer.text()));
    };
  }

  /** What is wrong with a value that is to be of a named schema. */
  public Optional<String> fault(String schema, JsonNode value) {
    return schemaFault("/components/schemas/" + schema, value);
  }

  private Optional<String> schemaFault(String pointer, JsonNode value) {
    Schema schema =
        schemas.computeIfAbsent(
            pointer, at -> registry.getSchema(SchemaLocation.of(HOME + "#" + at)));
    List<Error> errors = schema.validate(value);
    return errors.isEmpty()
        ? Optional.empty()
        : Optional.of(pointer + ": " + errors + " in " + value);
  }

  /** Where the response of an operation is described; errors outside of any are plain errors. */
  private String responsePointer(String method, String path, int status) {
    String bare =
        path.split("[?#]", 2)[0]
            .replaceFirst("^https?://[^/]+", "")
            .replaceFirst("^/r/[^/]+(?=/v1/)", "")
            .replaceFirst("(?<=.)/$", "");
    String operation =
        templates.entrySet().stream()
            .filter(entry -> entry.getKey().matcher(bare).matches())
            // What is named comes before what may be any path.
            .sorted(Comparator.comparing(entry -> entry.getValue().endsWith("/{path}")))
            .map(entry -> "/paths/" + escaped(entry.getValue()) + "/" + lower(method))
            .filter(pointer -> !document.at(pointer).isMissingNode())
            .findFirst()
            .orElse("");
    String exact = operation + "/responses/" + status;
    if (!operation.isEmpty() && !document.at(exact).isMissingNode()) {
      return followed(exact);
    }
    return "/components/responses/Error";
  }

  private String followed(String pointer) {
    JsonNode reference = document.at(pointer + "/$ref");
    return reference.isMissingNode() ? pointer : reference.stringValue().substring(1);
  }

  private static Pattern pattern(String template) {
    String tail = template.endsWith("/{path}") ? ".+" : "[^/]+";
    String text = template.replace("{path}", tail).replaceAll("\\{[a-z]+}", "[^/]+");
    return Pattern.compile(text);
  }

  private static boolean utf8(byte[] body) {
    try {
      StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(body));
      return true;
    } catch (CharacterCodingException malformed) {
      return false;
    }
  }

  private static String lower(String method) {
    return method.toLowerCase(java.util.Locale.ROOT);
  }

  private static String escaped(String pointerPart) {
    return pointerPart.replace("~", "~0").replace("/", "~1");
  }
}
