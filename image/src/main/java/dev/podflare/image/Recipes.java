package dev.podflare.image;

import static dev.podflare.image.Recipe.invalid;

import dev.podflare.common.DataSize;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.image.RecipeText.FileText;
import dev.podflare.image.RecipeText.ShapeText;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Reads recipes: the ones that Podflare brings, files, and texts that came over the network.
 * Stateless, hence thread-safe. Every refusal is {@code INVALID_RECIPE} and names the key.
 */
public final class Recipes {
  private static final List<String> BUILT_IN =
      List.of("default", "java", "minimal", "python-datasci", "r");
  private static final long MAX_FILE_BYTES = 64L << 20;
  private static final int MAX_DEPTH = 8;

  private Recipes() {}

  /** Names of the recipes that Podflare brings. */
  public static List<String> builtIn() {
    return BUILT_IN;
  }

  /** A recipe that Podflare brings; {@code TEMPLATE_NOT_FOUND} names those there are. */
  public static Recipe builtIn(String name) {
    return resolve(builtInText(name), name, Optional.empty());
  }

  /** Name of a built-in recipe, or the path of a recipe file (with a slash or ending in .yaml). */
  public static Recipe find(String nameOrFile) {
    return isFile(nameOrFile) ? file(Path.of(nameOrFile)) : builtIn(nameOrFile);
  }

  /** Sources and parents are found beside the file. Without a {@code name}, the file's is taken. */
  public static Recipe file(Path file) {
    Path absolute = file.toAbsolutePath().normalize();
    String name = Objects.toString(absolute.getFileName(), "").replaceFirst("\\.ya?ml$", "");
    return resolve(
        RecipeYaml.read(text(absolute)), name, Optional.ofNullable(absolute.getParent()));
  }

  /** A recipe from a caller who is not at this host: it cannot name files of the host. */
  public static Recipe parse(String yaml) {
    return resolve(RecipeYaml.read(yaml), "", Optional.empty());
  }

  private static boolean isFile(String name) {
    return name.contains("/") || name.endsWith(".yaml") || name.endsWith(".yml");
  }

  private static RecipeText builtInText(String name) {
    if (!BUILT_IN.contains(name)) {
      throw new PodflareException(
          ErrorCode.TEMPLATE_NOT_FOUND,
          "No built-in recipe is called '"
              + name
              + "'; there are "
              + String.join(", ", BUILT_IN)
              + ", and any file that ends in .yaml.");
    }
    try (InputStream in =
        Objects.requireNonNull(Recipes.class.getResourceAsStream("recipes/" + name + ".yaml"))) {
      return RecipeYaml.read(new String(in.readAllBytes(), StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new PodflareException(ErrorCode.INTERNAL, "Cannot read recipe " + name + ".", e);
    }
  }

  private static String text(Path file) {
    try {
      if (Files.size(file) > RecipeYaml.MAX_BYTES) {
        throw invalid(file + " is larger than " + RecipeYaml.MAX_BYTES + " bytes.");
      }
      return Files.readString(file);
    } catch (IOException e) {
      throw invalid("Cannot read recipe " + file + ": " + e + ".");
    }
  }

  private static Recipe resolve(RecipeText text, String name, Optional<Path> folder) {
    RecipeText whole = text;
    @Nullable String parent = text.parent();
    for (int depth = 0; parent != null; depth++) {
      if (depth == MAX_DEPTH) {
        throw invalid("extends: more than " + MAX_DEPTH + " recipes on top of each other.");
      }
      RecipeText below = parentText(parent, folder);
      whole = whole.over(below);
      parent = below.parent();
    }
    return recipe(whole, name, folder);
  }

  private static RecipeText parentText(String parent, Optional<Path> folder) {
    if (!isFile(parent)) {
      if (!BUILT_IN.contains(parent)) {
        throw invalid(
            "extends: no built-in recipe is called '"
                + parent
                + "'; there are "
                + String.join(", ", BUILT_IN)
                + ".");
      }
      return builtInText(parent);
    }
    return RecipeYaml.read(text(hostFile("extends", parent, folder)));
  }

  private static Path hostFile(String key, String name, Optional<Path> folder) {
    return folder
        .orElseThrow(() -> invalid(key + ": only a recipe file on this host can name other files."))
        .resolve(name)
        .normalize();
  }

  private static Recipe recipe(RecipeText text, String name, Optional<Path> folder) {
    if (folder.isEmpty() && orElse(text.mirror(), "").startsWith("file:")) {
      throw invalid("mirror: only a recipe file on this host can name a file: mirror.");
    }
    ShapeText shape = Objects.requireNonNullElse(text.shape(), new ShapeText(null, null, null));
    Distribution distribution = Distribution.parse(orElse(text.distribution(), "debian"));
    String suite = text.suite();
    if (suite == null) {
      suite = distribution == Distribution.DEBIAN ? "trixie" : "noble";
    }
    return new Recipe(
        orElse(text.name(), name),
        distribution,
        suite,
        Optional.ofNullable(text.mirror()),
        Optional.ofNullable(text.kernel()),
        list(text.packages()),
        list(text.pip()),
        list(text.npm()),
        files(list(text.files()), folder),
        orElse(text.warmUp(), ""),
        list(text.warmContexts()),
        shape(shape),
        size("shape.disk", orElse(shape.disk(), "4GiB")));
  }

  private static Shape shape(ShapeText shape) {
    DataSize memory = size("shape.memory", orElse(shape.memory(), "1GiB"));
    Integer vcpus = shape.vcpus();
    try {
      return new Shape(vcpus == null ? 2 : vcpus, memory);
    } catch (PodflareException e) {
      throw invalid("shape: " + e.sentence());
    }
  }

  private static DataSize size(String key, String text) {
    try {
      return DataSize.parse(text);
    } catch (PodflareException e) {
      throw invalid(key + ": " + e.sentence());
    }
  }

  private static List<GuestFile> files(List<FileText> texts, Optional<Path> folder) {
    Map<String, GuestFile> byPath = new LinkedHashMap<>();
    long bytes = 0;
    for (FileText text : texts) {
      String path = text.path();
      if (path == null) {
        throw invalid("files: every entry needs a path.");
      }
      GuestFile file = new GuestFile(path, content(path, text, folder), mode(path, text.mode()));
      bytes += file.bytes().length;
      if (bytes > MAX_FILE_BYTES) {
        throw invalid("files: more than " + new DataSize(MAX_FILE_BYTES) + " in all.");
      }
      byPath.put(path, file);
    }
    return new ArrayList<>(byPath.values());
  }

  private static byte[] content(String path, FileText text, Optional<Path> folder) {
    String content = text.content();
    String base64 = text.contentBase64();
    String source = text.source();
    if ((content == null ? 0 : 1) + (base64 == null ? 0 : 1) + (source == null ? 0 : 1) != 1) {
      throw invalid("files: " + path + " needs one of content, content_base64 and source.");
    }
    if (content != null) {
      return content.getBytes(StandardCharsets.UTF_8);
    }
    return base64 != null
        ? decoded(path, base64)
        : hostBytes(hostFile("files: source", Objects.requireNonNull(source), folder));
  }

  private static byte[] decoded(String path, String base64) {
    try {
      return Base64.getMimeDecoder().decode(base64);
    } catch (IllegalArgumentException e) {
      throw invalid("files: content_base64 of " + path + " is no base64: " + e.getMessage());
    }
  }

  private static byte[] hostBytes(Path source) {
    try {
      if (!Files.isRegularFile(source) || Files.size(source) > MAX_FILE_BYTES) {
        throw invalid(
            "files: source "
                + source
                + " is no regular file of at most "
                + new DataSize(MAX_FILE_BYTES)
                + ".");
      }
      return Files.readAllBytes(source);
    } catch (IOException e) {
      throw invalid("files: cannot read source " + source + ": " + e + ".");
    }
  }

  private static int mode(String path, @Nullable String mode) {
    String octal = orElse(mode, "0644");
    if (!octal.matches("0?o?[0-7]{3,4}")) {
      throw invalid("files: mode of " + path + " must be octal like \"0755\", not " + octal + ".");
    }
    return Integer.parseInt(octal.replace("o", ""), 8);
  }

  private static String orElse(@Nullable String value, String otherwise) {
    return value == null ? otherwise : value;
  }

  private static <T> List<T> list(@Nullable List<T> values) {
    return values == null ? List.of() : values;
  }
}
