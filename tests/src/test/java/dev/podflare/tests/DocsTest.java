package dev.podflare.tests;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Field;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import picocli.CommandLine.Command;

/**
 * The documents name only what exists. Each test gathers all that is wrong, so that one run shows
 * the whole list.
 */
class DocsTest {
  private static final SourceTree TREE = SourceTree.find();

  private static final Pattern CODE = Pattern.compile("`([^`\n]+)`");
  private static final Pattern LINK =
      Pattern.compile("\\]\\(([^)\\s]+)\\)|<img[^>]+src=\"([^\"]+)\"");
  private static final Pattern TEST = Pattern.compile("([A-Z]\\w*Test)(?:\\.(\\w+))?");
  private static final Pattern TYPE = Pattern.compile("[A-Z][A-Za-z0-9]*[a-z][A-Za-z0-9]*");
  private static final Pattern PATH = Pattern.compile("[A-Za-z.][\\w.-]*(/[\\w.-]+)+");
  private static final Pattern BENCH_ROWS = Pattern.compile("bench rows? (`[^|]+)");
  private static final Pattern VERB_ROW = Pattern.compile("(?m)^\\| ((?:`[a-z]+`(?:, )?)+) \\|");

  /** Capitalised words in code style that are no types of ours. */
  private static final Set<String> FOREIGN = Set.of("Host", "Origin");

  @Test
  void everyTestOfTheSpecificationExists() {
    Set<String> missing = new TreeSet<>();
    for (String word : codeWords("SPECIFICATION.md")) {
      TEST.matcher(word)
          .results()
          .filter(it -> it.group().equals(word) && !hasTest(it.group(1), it.group(2)))
          .forEach(it -> missing.add(word));
    }
    assertThat(missing).as("tests that SPECIFICATION.md names").isEmpty();
  }

  private static boolean hasTest(String type, @Nullable String method) {
    return TREE.sources()
        .filter(file -> named(file, type))
        .anyMatch(file -> method == null || TREE.read(file).contains("void " + method + "("));
  }

  private static boolean named(Path file, String type) {
    return file.toString().contains("src/test/java/")
        && Objects.toString(file.getFileName()).equals(type + ".java");
  }

  @Test
  void everyRowOfTheBenchExists() {
    String bench = TREE.textBelow("cli/src/main/java").replaceAll("\"\\s*\\+\\s*\"", "");
    List<String> missing = new ArrayList<>();
    int rows = 0;
    for (MatchResult line : matches(BENCH_ROWS, TREE.read("SPECIFICATION.md"))) {
      for (MatchResult row : matches(CODE, line.group(1))) {
        rows++;
        boolean whole =
            Arrays.stream(row.group(1).split("…", -1))
                .allMatch(part -> bench.contains('"' + part + '"'));
        if (!whole) {
          missing.add(row.group(1));
        }
      }
    }
    assertThat(missing).as("bench rows that SPECIFICATION.md names").isEmpty();
    assertThat(rows).isPositive();
  }

  @Test
  void everyTypeOfTheArchitectureExists() {
    Set<String> types =
        TREE.sources()
            .filter(file -> file.toString().endsWith(".java"))
            .map(file -> Objects.toString(file.getFileName()).replace(".java", ""))
            .collect(Collectors.toSet());
    Set<String> missing = new TreeSet<>();
    for (String page : TREE.pages()) {
      codeWords(page).stream()
          .map(word -> word.replaceFirst("\\..*", ""))
          .filter(word -> TYPE.matcher(word).matches())
          .filter(word -> !types.contains(word) && !FOREIGN.contains(word))
          .filter(word -> page.startsWith("ARCHITECTURE") || page.startsWith("docs/"))
          .forEach(word -> missing.add(page + ": " + word));
    }
    assertThat(missing).as("types that the documents name").isEmpty();
  }

  @Test
  void everyPathOfTheSpecificationExists() {
    List<String> paths =
        codeWords("SPECIFICATION.md").stream().filter(it -> PATH.matcher(it).matches()).toList();
    assertThat(paths).isNotEmpty();
    assertThat(paths.stream().filter(path -> !Files.exists(TREE.root().resolve(path))).distinct())
        .as("paths that SPECIFICATION.md names")
        .isEmpty();
  }

  @Test
  void everyLinkLeadsSomewhere() {
    List<String> broken = new ArrayList<>();
    for (String page : TREE.pages()) {
      for (MatchResult link : matches(LINK, TREE.read(page))) {
        String target = link.group(1) == null ? link.group(2) : link.group(1);
        if (!target.startsWith("https://") && !leadsSomewhere(page, target)) {
          broken.add(page + ": " + target);
        }
      }
    }
    assertThat(broken).isEmpty();
  }

  private static boolean leadsSomewhere(String page, String target) {
    int hash = target.indexOf('#');
    String file = hash < 0 ? target : target.substring(0, hash);
    Path from = TREE.root().resolve(page);
    Path to = file.isEmpty() ? from : from.resolveSibling(file).normalize();
    if (!to.startsWith(TREE.root()) || !Files.exists(to)) {
      return false;
    }
    return hash < 0 || anchors(TREE.read(to)).contains(target.substring(hash + 1));
  }

  /** Anchors of headings as GitHub makes them. */
  private static Set<String> anchors(String text) {
    return text.lines()
        .filter(line -> line.startsWith("#"))
        .map(line -> line.replaceFirst("^#+ ", "").toLowerCase(Locale.ROOT))
        .map(line -> line.replaceAll("[^a-z0-9 _-]", "").replace(' ', '-'))
        .collect(Collectors.toSet());
  }

  @Test
  void theVerbsOfTheReadmeAreThoseOfTheCommandLine() throws ReflectiveOperationException {
    Field all = Class.forName("dev.podflare.cli.Verbs").getDeclaredField("ALL");
    all.setAccessible(true);
    Set<String> verbs = new TreeSet<>();
    for (Class<?> verb : (Class<?>[]) all.get(null)) {
      if (!command(verb).hidden()) {
        verbs.add(command(verb).name());
      }
    }
    String readme = TREE.read("README.md");
    String section = readme.substring(readme.indexOf("## Verbs"));
    String table = section.substring(0, section.indexOf("\n## "));
    Set<String> named = new TreeSet<>();
    for (MatchResult row : matches(VERB_ROW, table)) {
      matches(CODE, row.group(1)).forEach(verb -> named.add(verb.group(1)));
    }
    assertThat(named).isEqualTo(verbs);
  }

  private static Command command(Class<?> type) {
    return Objects.requireNonNull(type.getAnnotation(Command.class), type.getName());
  }

  /**
   * What belongs to one machine or to one person has no place in a document for all. Addresses that
   * every guest has are nobody's.
   */
  @Test
  void noPageNamesAMachineOrAHost() {
    Pattern own =
        Pattern.compile(
            "/(work|home|tmp|mnt|Users)/|[\\w.-]+@[\\w-]+\\.\\w+"
                + "|\\b(?!127\\.0\\.0\\.1\\b|0\\.0\\.0\\.0\\b|192\\.0\\.0\\.[12]\\b|10\\.213\\.0\\.0\\b)\\d{1,3}(\\.\\d{1,3}){3}\\b");
    Predicate<String> known =
        Pattern.compile("https?://(127\\.0\\.0\\.1|keepachangelog\\.com|semver\\.org)[^ ]*")
            .asMatchPredicate();
    List<String> found = new ArrayList<>();
    for (String page : TREE.pages()) {
      matches(own, TREE.read(page)).forEach(it -> found.add(page + ": " + it.group()));
      matches(Pattern.compile("https?://[^ )\"`]+"), TREE.read(page)).stream()
          .map(MatchResult::group)
          .filter(known.negate())
          .forEach(address -> found.add(page + ": " + address));
    }
    assertThat(found).isEmpty();
  }

  private static List<String> codeWords(String page) {
    return matches(CODE, TREE.read(page)).stream().map(it -> it.group(1)).toList();
  }

  private static List<MatchResult> matches(Pattern pattern, String text) {
    return pattern.matcher(text).results().toList();
  }
}
