package dev.podflare.guest;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class GuestFilesTest {
  @Test
  void everyResourceIsListed() throws Exception {
    Path resources = Path.of("src/main/resources/dev/podflare/guest");
    try (Stream<Path> files = Files.walk(resources)) {
      long count =
          files
              .filter(Files::isRegularFile)
              .filter(file -> !file.toString().endsWith(".pyc"))
              .count();
      assertThat(GuestFiles.all()).hasSize((int) count);
    }
  }

  @Test
  void initIsExecutableAndNamesItsInterpreter() {
    GuestFiles.GuestFile init = GuestFiles.all().getFirst();
    assertThat(init.path()).isEqualTo("/sbin/podflare-init");
    assertThat(init.mode()).isEqualTo(0755);
    assertThat(new String(init.bytes(), StandardCharsets.UTF_8)).startsWith("#!/usr/bin/python3 ");
  }

  @Test
  void digestIsStable() {
    assertThat(GuestFiles.digest()).matches("[0-9a-f]{64}").isEqualTo(GuestFiles.digest());
  }
}
