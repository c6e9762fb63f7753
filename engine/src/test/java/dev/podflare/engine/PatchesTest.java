package dev.podflare.engine;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class PatchesTest {
  @Test
  void aPatchIsInGitsForm() {
    assertThat(Patches.unified("/f", "a\nb\nc\n", "a\nB\nc\n"))
        .hasValue("--- a/f\n+++ b/f\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n");
  }

  @Test
  void aNewFileAndOneWithoutANewlineAtItsEnd() {
    assertThat(Patches.unified("/f", "", "a\nb"))
        .hasValueSatisfying(
            patch -> assertThat(patch).endsWith("+a\n+b\n\\ No newline at end of file\n"));
  }

  @Test
  void whatHasTooManyLinesHasNoPatchAndWhatIsWhollyOtherHasOne() {
    assertThat(Patches.unified("/f", "a\n".repeat(10_001), "b")).isEmpty();
    assertThat(Patches.unified("/f", "a\n".repeat(10_000), "b\n".repeat(10_000)))
        .hasValueSatisfying(patch -> assertThat(patch.lines().count()).isEqualTo(20_003));
  }
}
