package dev.podflare.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.common.DataSize;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RecipesTest {
  @TempDir Path folder;

  @Test
  void builtInRecipesAreValid() {
    for (String name : Recipes.builtIn()) {
      assertThat(Recipes.builtIn(name).name()).isEqualTo(name);
    }
    Recipe standard = Recipes.builtIn("default");
    assertThat(standard.shape()).isEqualTo(new Shape(2, DataSize.ofGibibytes(1)));
    assertThat(standard.disk()).isEqualTo(DataSize.ofGibibytes(4));
    assertThat(standard.suite()).isEqualTo("trixie");
  }

  @Test
  void unknownBuiltInNamesThoseThereAre() {
    assertThatThrownBy(() -> Recipes.find("defualt"))
        .hasMessageContaining("default, java, minimal, python-datasci, r")
        .asInstanceOf(InstanceOfAssertFactories.type(PodflareException.class))
        .extracting(PodflareException::code)
        .isEqualTo(ErrorCode.TEMPLATE_NOT_FOUND);
  }

  @Test
  void childReplacesValuesAndAppendsLists() {
    Recipe parent = Recipes.builtIn("python-datasci");
    Recipe child =
        Recipes.parse(
            """
            name: mine
            extends: python-datasci
            pip: [polars]
            shape: {memory: 2GiB}
            warm_up: import polars
            warm_contexts: [java, bash, java]
            """);
    assertThat(child.packages()).isEqualTo(Recipes.builtIn("default").packages());
    assertThat(child.pip()).startsWith("numpy").endsWith("polars").hasSize(6);
    assertThat(child.shape()).isEqualTo(new Shape(2, DataSize.ofGibibytes(2)));
    assertThat(child.disk()).isEqualTo(parent.disk());
    assertThat(child.warmUp()).startsWith(parent.warmUp()).endsWith("import polars");
    assertThat(child.warmContexts()).containsExactly("java", "bash");
  }

  @Test
  void fileNamesSourcesAndParentsBesideIt() throws IOException {
    Files.write(folder.resolve("tool.bin"), new byte[] {0, 1, (byte) 0xff});
    Files.writeString(folder.resolve("base.yaml"), "packages: [jq]");
    Files.writeString(
        folder.resolve("tools.yaml"),
        """
        extends: base.yaml
        distribution: ubuntu
        files:
          - {path: /opt/tool, source: tool.bin, mode: 0755}
          - {path: /opt/note, content: "hello\\n"}
        """);
    Recipe recipe = Recipes.find(folder.resolve("tools.yaml").toString());
    assertThat(recipe.name()).isEqualTo("tools");
    assertThat(recipe.suite()).isEqualTo("noble");
    assertThat(recipe.packages()).containsExactly("jq");
    assertThat(recipe.files().get(0).bytes()).containsExactly(0, 1, 0xff);
    assertThat(recipe.files().get(0).mode()).isEqualTo(0755);
    assertThat(recipe.files().get(1).mode()).isEqualTo(0644);
  }

  @Test
  void writtenRecipeReadsBackTheSame() {
    Recipe recipe =
        Recipes.parse(
            """
            name: all
            distribution: ubuntu
            mirror: https://mirror.example/ubuntu
            kernel: linux-image-generic
            packages: [git, "jq=1.7", zlib1g:amd64]
            pip: ["numpy>=2", "x @ https://example.org/x.whl"]
            npm: ["@types/node@22"]
            files:
              - {path: /a, content: "é\\n  x\\n", mode: "4755"}
              - {path: /b, content_base64: AAH/}
              - {path: /c, content: ""}
            warm_up: "import os\\n"
            warm_contexts: [typescript]
            shape: {vcpus: 3, memory: 640MiB, disk: 1GiB}
            """);
    assertThat(Recipes.parse(RecipeYaml.write(recipe)))
        .usingRecursiveComparison()
        .isEqualTo(recipe);
    assertThat(new String(recipe.files().getFirst().bytes(), StandardCharsets.UTF_8))
        .isEqualTo("é\n  x\n");
  }

  @Test
  void circleOfParentsIsRefused() throws IOException {
    Files.writeString(folder.resolve("a.yaml"), "extends: b.yaml");
    Files.writeString(folder.resolve("b.yaml"), "extends: a.yaml");
    assertThatThrownBy(() -> Recipes.file(folder.resolve("a.yaml")))
        .hasMessageContaining("extends: more than 8");
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\0',
      value = {
        "name: x%pakages: [git]|Unknown key 'pakages'; there are",
        "name: x%pakages: [git]|extends, files, kernel",
        "name: x%shape: {cpus: 2}|Unknown key 'shape.cpus'; there are disk, memory, vcpus",
        "name: x%files: [{path: /a, text: b}]|Unknown key 'files[0].text'",
        "name: x%shape: {vcpus: two}|Key 'shape.vcpus'",
        "name: x%shape: {vcpus: 0}|vcpus must be 1 to 64",
        "name: x%shape: {memory: 1GB}|shape.memory: not a size: '1GB'",
        "name: x%shape: {memory: 64MiB}|memory must be 128MiB",
        "name: x%shape: {disk: 100GiB}|shape.disk must be 512MiB to 64GiB, not 100GiB",
        "name: x%packages: git|Key 'packages'",
        "name: x%packages: ['--purge']|packages must be a Debian package's name",
        "name: x%packages: ['a,b']|packages must be a Debian package's name",
        "name: x%packages: ['']|packages must be",
        "name: x%packages: [null]|empty entry",
        "name: x%pip: ['-e .']|pip must be a requirement",
        "name: x%warm_contexts: [cobol]|warm_contexts must be bash, javascript, typescript, java or r",
        "name: x%warm_contexts: [null]|empty entry",
        "name: x%npm: ['--prefix=/']|npm must be a package",
        "name: x%distribution: arch|distribution must be debian or ubuntu, not 'arch'",
        "name: x%suite: ../x|suite must be",
        "name: x%mirror: 'http://a b'|mirror must be",
        "name: x%mirror: 'ftp://a'|mirror must be",
        "name: x%mirror: 'file:///srv/debian'|mirror: only a recipe file",
        "name: Not Good|name must be lower-case",
        "packages: [git]|name must be lower-case",
        "name: x%name: y|Duplicate",
        "name: x%extends: nothing|extends: no built-in recipe is called 'nothing'",
        "name: x%extends: /etc/passwd|only a recipe file on this host",
        "name: x%files: [{path: /a, source: /etc/shadow}]|only a recipe file on this host",
        "name: x%files: [{path: /a}]|/a needs one of content",
        "name: x%files: [{path: /a, content: b, content_base64: c}]|/a needs one of content",
        "name: x%files: [{path: /a, content_base64: '='}]|no base64",
        "name: x%files: [{content: b}]|every entry needs a path",
        "name: x%files: [{path: /../etc/passwd, content: b}]|must be absolute and plain",
        "name: x%files: [{path: a, content: b}]|must be absolute and plain",
        "name: x%files: [{path: /a, content: b, mode: rwx}]|must be octal",
        "name: 'x|Not a recipe in YAML",
        "- a|Key ''",
        "x|Key ''",
        "|Key ''",
      })
  void badRecipeIsRefusedWithItsReason(String yaml, String message) {
    assertThatThrownBy(() -> Recipes.parse(yaml == null ? "" : yaml.replace('%', '\n')))
        .hasMessageContaining(message)
        .asInstanceOf(InstanceOfAssertFactories.type(PodflareException.class))
        .extracting(PodflareException::code)
        .isEqualTo(ErrorCode.INVALID_RECIPE);
  }

  @Test
  void floodIsRefused() {
    assertThatThrownBy(() -> Recipes.parse("x".repeat(RecipeYaml.MAX_BYTES + 1)))
        .hasMessageContaining("at most");
    assertThatThrownBy(() -> Recipes.parse("name: x\npackages: [" + "git, ".repeat(1001) + "git]"))
        .hasMessageContaining("at most 1000");
    assertThatThrownBy(() -> Recipes.parse("name: " + "[".repeat(100_000)))
        .isInstanceOf(PodflareException.class);
  }
}
