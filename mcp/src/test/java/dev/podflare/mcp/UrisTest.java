package dev.podflare.mcp;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class UrisTest {
  @ParameterizedTest
  @ValueSource(strings = {"/a", "/a b/ä#?%.txt", "/a+b", "/a//b", "/%2F"})
  void aFilesAddressLeadsToItsPath(String path) {
    String uri = Uris.file("sbx_1", path);
    assertThat(Uris.asFile(uri)).contains(new Uris.FileAddress("sbx_1", path));
    assertThat(java.net.URI.create(uri).getScheme()).isEqualTo("podflare");
  }

  @Test
  void aRelativePathBeginsAtHome() {
    assertThat(Uris.file("sbx_1", "a")).isEqualTo("podflare://sandbox/sbx_1/files/root/a");
  }

  @Test
  void aFiguresAddressHasItsNumber() {
    assertThat(Uris.asFigure(Uris.figure("sbx_1", "exe_2", 3)))
        .contains(new Uris.FigureAddress("sbx_1", "exe_2", 3));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "file:///etc/passwd",
        "podflare://sandbox/sbx_1/files",
        "podflare://sandbox//files/a",
        "podflare://sandbox/sbx_1/execs/e/figures/x",
        "podflare://sandbox/sbx_1/files/%zz"
      })
  void allElseIsNone(String uri) {
    assertThat(Uris.asFile(uri)).isEmpty();
    assertThat(Uris.asFigure(uri)).isEmpty();
  }
}
