package dev.podflare.image;

import static dev.podflare.image.Recipe.invalid;

import dev.podflare.image.RecipeText.FileText;
import dev.podflare.image.RecipeText.ShapeText;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.DatabindException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.exc.UnrecognizedPropertyException;
import tools.jackson.dataformat.yaml.YAMLMapper;
import tools.jackson.dataformat.yaml.YAMLWriteFeature;

/** YAML to recipe texts and back. Stateless, hence thread-safe. */
final class RecipeYaml {
  static final int MAX_BYTES = 256 << 10;

  private static final YAMLMapper YAML =
      YAMLMapper.builder()
          .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .disable(YAMLWriteFeature.WRITE_DOC_START_MARKER)
          .enable(YAMLWriteFeature.LITERAL_BLOCK_STYLE)
          .build();

  private RecipeYaml() {}

  static RecipeText read(String yaml) {
    if (yaml.length() > MAX_BYTES) {
      throw invalid("A recipe may have at most " + MAX_BYTES + " characters.");
    }
    try {
      RecipeText text = YAML.readValue(yaml, RecipeText.class);
      if (text == null) {
        throw invalid("The recipe is empty.");
      }
      return checkedForNulls(text);
    } catch (UnrecognizedPropertyException e) {
      throw invalid("Unknown key '" + path(e) + "'; there are " + known(e) + ".");
    } catch (DatabindException e) {
      throw invalid("Key '" + path(e) + "': " + e.getOriginalMessage());
    } catch (JacksonException e) {
      throw invalid("Not a recipe in YAML: " + e.getMessage());
    }
  }

  /** The recipe as a file that reads back to the same recipe, whole in itself. */
  static String write(Recipe recipe) {
    return YAML.writeValueAsString(
        new RecipeText(
            recipe.name(),
            null,
            recipe.distribution().recipeName(),
            recipe.suite(),
            recipe.mirror().orElse(null),
            recipe.kernel().orElse(null),
            new ShapeText(
                recipe.shape().vcpus(),
                recipe.shape().memory().mebibytes() + "MiB",
                recipe.disk().mebibytes() + "MiB"),
            recipe.packages(),
            recipe.pip(),
            recipe.npm(),
            recipe.files().stream().map(RecipeYaml::fileText).toList(),
            recipe.warmUp(),
            recipe.warmContexts()));
  }

  private static FileText fileText(GuestFile file) {
    String mode = "0" + Integer.toOctalString(file.mode());
    while (mode.length() < 4) {
      mode = "0" + mode;
    }
    String text = new String(file.bytes(), StandardCharsets.UTF_8);
    boolean isText =
        java.util.Arrays.equals(text.getBytes(StandardCharsets.UTF_8), file.bytes())
            && text.chars().noneMatch(c -> Character.isISOControl(c) && c != '\n' && c != '\t');
    String base64 = isText ? null : Base64.getEncoder().encodeToString(file.bytes());
    return new FileText(file.path(), mode, isText ? text : null, base64, null);
  }

  private static RecipeText checkedForNulls(RecipeText text) {
    List<List<?>> lists =
        java.util.Arrays.asList(
            text.packages(), text.pip(), text.npm(), text.files(), text.warmContexts());
    for (List<?> list : lists) {
      if (list != null && list.stream().anyMatch(Objects::isNull)) {
        throw invalid("A list of the recipe has an empty entry.");
      }
    }
    return text;
  }

  private static String path(DatabindException e) {
    return e.getPath().stream()
        .map(at -> at.getPropertyName() == null ? "[" + at.getIndex() + "]" : at.getPropertyName())
        .collect(Collectors.joining("."))
        .replace(".[", "[");
  }

  private static String known(UnrecognizedPropertyException e) {
    return e.getKnownPropertyIds().stream()
        .map(Object::toString)
        .sorted()
        .collect(Collectors.joining(", "));
  }
}
