package dev.podflare.tests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.image.BuiltTemplate;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * The templates of another host: another build of the tests' template, which a daemon on it boots
 * for itself. Stateless.
 */
final class OtherTemplates {
  private OtherTemplates() {}

  static Path make(Path folder) throws IOException, InterruptedException {
    BuiltTemplate ours = TestTemplates.minimal();
    String digest = new StringBuilder(ours.digest()).reverse().toString();
    assertThat(digest).isNotEqualTo(ours.digest());
    Path template = Files.createDirectories(folder.resolve(ours.name()));
    Path build = Files.createDirectory(template.resolve(digest));
    for (Path file : List.of(ours.kernel(), ours.initrd(), ours.disk())) {
      Process copy =
          new ProcessBuilder("cp", "-p", "--sparse=always", file.toString(), build.toString())
              .inheritIO()
              .start();
      assertThat(copy.waitFor()).isZero();
    }
    String manifest = Files.readString(ours.directory().resolve("manifest.json"));
    Files.writeString(build.resolve("manifest.json"), manifest.replace(ours.digest(), digest));
    Files.writeString(template.resolve("current"), digest);
    return folder;
  }
}
