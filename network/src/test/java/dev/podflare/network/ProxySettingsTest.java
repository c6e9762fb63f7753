package dev.podflare.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ProxySettingsTest {
  private static final Path BUNDLE = Path.of("/etc/ssl/certs/ca-certificates.crt");
  private static final Path COMPANY = Path.of("/usr/local/share/ca-certificates/company.crt");

  private static final ProxySettings WHOLE =
      ProxySettings.fromEnvironment(
          Map.of(
              "HTTP_PROXY", "http://ignored.example:1",
              "http_proxy", "proxy.example:3128",
              "HTTPS_PROXY", "http://user:p%40ss@proxy.example:3129",
              "NO_PROXY", "localhost, .corp.example,10.0.0.0/8",
              "NODE_EXTRA_CA_CERTS", COMPANY.toString()),
          List.of(COMPANY));

  @Test
  void readsTheUsualVariables() {
    assertThat(WHOLE.http()).hasToString("Optional[http://proxy.example:3128]");
    assertThat(WHOLE.https()).hasToString("Optional[http://user:p%40ss@proxy.example:3129]");
    assertThat(WHOLE.direct()).containsExactly("localhost", ".corp.example", "10.0.0.0/8");
    assertThat(WHOLE.certificates()).containsExactly(COMPANY);
    assertThat(WHOLE.hasCredentials()).isTrue();
    assertThat(WHOLE.toString()).doesNotContain("user").doesNotContain("p%40ss");
    assertThat(ProxySettings.fromEnvironment(Map.of("HTTP_PROXY", " "), List.of()))
        .isEqualTo(ProxySettings.NONE);
    assertThat(ProxySettings.fromEnvironment(Map.of("ALL_PROXY", "http://p.example"), List.of()))
        .satisfies(it -> assertThat(it.http()).isPresent())
        .satisfies(it -> assertThat(it.https()).isPresent())
        .satisfies(it -> assertThat(it.hasCredentials()).isFalse());
  }

  @Test
  void rendersWhatProgramsInAGuestRead() {
    assertThat(WHOLE.guestEnvironment(BUNDLE))
        .containsEntry("http_proxy", "http://proxy.example:3128")
        .containsEntry("HTTP_PROXY", "http://proxy.example:3128")
        .containsEntry("https_proxy", "http://user:p%40ss@proxy.example:3129")
        .containsEntry("no_proxy", "localhost,127.0.0.1,::1,.corp.example,10.0.0.0/8")
        .containsEntry("REQUESTS_CA_BUNDLE", BUNDLE.toString())
        .containsEntry("NODE_EXTRA_CA_CERTS", BUNDLE.toString())
        .containsEntry("GIT_SSL_CAINFO", BUNDLE.toString());
    assertThat(WHOLE.pipConfiguration(BUNDLE))
        .containsExactly(
            "[global]", "proxy = http://user:p%%40ss@proxy.example:3129", "cert = " + BUNDLE);
    assertThat(WHOLE.npmConfiguration(BUNDLE))
        .containsExactly(
            "proxy=http://proxy.example:3128",
            "https-proxy=http://user:p%40ss@proxy.example:3129",
            "noproxy=localhost,127.0.0.1,::1,.corp.example,10.0.0.0/8",
            "cafile=" + BUNDLE);
    assertThat(WHOLE.gitConfiguration(BUNDLE))
        .containsExactly(
            "[http]", "\tproxy = http://user:p%40ss@proxy.example:3129", "\tsslCAInfo = " + BUNDLE);
  }

  @Test
  void nothingIsSaidWhereThereIsNothing() {
    assertThat(ProxySettings.NONE.guestEnvironment(BUNDLE)).isEmpty();
    assertThat(ProxySettings.NONE.pipConfiguration(BUNDLE)).isEmpty();
    assertThat(ProxySettings.NONE.npmConfiguration(BUNDLE)).isEmpty();
    assertThat(ProxySettings.NONE.gitConfiguration(BUNDLE)).isEmpty();
  }

  @Test
  void gitReadsItsLines(@TempDir Path folder) throws Exception {
    Path file = folder.resolve("gitconfig");
    Files.write(file, WHOLE.gitConfiguration(BUNDLE));
    Process git =
        new ProcessBuilder("git", "config", "--file", file.toString(), "http.proxy")
            .redirectErrorStream(true)
            .start();
    String answer = new String(git.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(git.waitFor(10, TimeUnit.SECONDS)).isTrue();
    assertThat(answer.strip()).isEqualTo("http://user:p%40ss@proxy.example:3129");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "ftp://proxy.example", "http://", "http://proxy.example/path", "http://proxy.example?x",
        "http://proxy.example\ninjected = 1", "http://secret:word@a b", "http://a;rm", "http://a#b",
        "http://a'b", "socks5://proxy.example:1080"
      })
  void refusesWhatIsNoProxyWithoutRepeatingIt(String value) {
    assertThatThrownBy(() -> ProxySettings.fromEnvironment(Map.of("HTTPS_PROXY", value), List.of()))
        .isInstanceOfSatisfying(
            PodflareException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_CONFIG))
        .message()
        .doesNotContain("secret");
  }

  @Test
  void refusesWhatCouldBreakOutOfALine() {
    assertThatThrownBy(() -> ProxySettings.fromEnvironment(Map.of("NO_PROXY", "a,b;c"), List.of()))
        .isInstanceOf(PodflareException.class);
    assertThatThrownBy(
            () -> ProxySettings.fromEnvironment(Map.of(), List.of(Path.of("relative.pem"))))
        .isInstanceOf(PodflareException.class);
  }
}
