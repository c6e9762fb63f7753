package dev.podflare.image;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Which changes make a template be built anew. */
class InputsTest {
  private static final String RECIPE = "name: x\npackages: [git]\nwarm_up: pass\n";
  private static final GuestFile AGENT = file("/a", "1", 0644);
  private static final GuestFile INIT = file("/b", "2", 0755);
  private static final String BEFORE =
      inputs(RECIPE, List.of(AGENT, INIT), Collections.emptySortedMap());

  @Test
  void sameInputsGiveTheSameDigest() {
    assertThat(BEFORE).matches("[0-9a-f]{32}");
    assertThat(inputs(RECIPE, List.of(INIT, AGENT), Collections.emptySortedMap()))
        .isEqualTo(BEFORE);
    assertThat(
            inputs(
                RECIPE + "distribution: debian\nsuite: trixie\nshape: {memory: 1024MiB}",
                List.of(AGENT, INIT),
                Collections.emptySortedMap()))
        .isEqualTo(BEFORE);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "suite: bookworm",
        "distribution: ubuntu",
        "mirror: http://mirror.example/debian",
        "kernel: linux-image-amd64",
        "pip: [numpy]",
        "npm: [numpy]",
        "files: [{path: /a, content: b}]",
        "files: [{path: /a, content: b, mode: '0600'}]",
        "files: [{path: /ab, content: ''}]",
        "shape: {vcpus: 1}",
        "shape: {memory: 2GiB}",
        "shape: {disk: 8GiB}",
        "shape: {disk: 4097MiB}",
      })
  void everyKeyOfTheRecipeCounts(String change) {
    assertThat(inputs(RECIPE + change, List.of(AGENT, INIT), Collections.emptySortedMap()))
        .isNotEqualTo(BEFORE);
  }

  @Test
  void nameWarmUpAndPackagesCount() {
    for (String recipe :
        List.of(
            RECIPE.replace(": x", ": y"),
            RECIPE.replace("git", "jq"),
            RECIPE.replace("pass", "pass; pass"))) {
      assertThat(inputs(recipe, List.of(AGENT, INIT), Collections.emptySortedMap()))
          .isNotEqualTo(BEFORE);
    }
  }

  @Test
  void guestFilesCount() {
    for (GuestFile other :
        List.of(file("/a", "3", 0644), file("/a", "1", 0600), file("/c", "1", 0644))) {
      assertThat(inputs(RECIPE, List.of(other, INIT), Collections.emptySortedMap()))
          .isNotEqualTo(BEFORE);
    }
    assertThat(inputs(RECIPE, List.of(AGENT), Collections.emptySortedMap())).isNotEqualTo(BEFORE);
  }

  @Test
  void certificatesOfTheHostCount() {
    SortedMap<String, String> certificates = new TreeMap<>();
    certificates.put("00ff", "pem");
    assertThat(inputs(RECIPE, List.of(AGENT, INIT), certificates)).isNotEqualTo(BEFORE);
  }

  @Test
  void packagesAreSharedByRecipesThatDifferOnlyOtherwise() {
    assertThat(new PackageInstaller(Recipes.builtIn("python-datasci"), "amd64").inputs())
        .isEqualTo(new PackageInstaller(Recipes.builtIn("default"), "amd64").inputs())
        .isNotEqualTo(new PackageInstaller(Recipes.builtIn("minimal"), "amd64").inputs())
        .isNotEqualTo(new PackageInstaller(Recipes.builtIn("default"), "arm64").inputs());
  }

  private static String inputs(
      String recipe, List<GuestFile> files, SortedMap<String, String> certificates) {
    return new TemplateBuilder(new TemplateStore(Path.of("/nonexistent")), files, certificates)
        .inputs(Recipes.parse(recipe));
  }

  private static GuestFile file(String path, String content, int mode) {
    return new GuestFile(path, content.getBytes(StandardCharsets.UTF_8), mode);
  }
}
