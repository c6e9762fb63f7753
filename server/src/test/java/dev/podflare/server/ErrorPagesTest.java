package dev.podflare.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.common.ErrorCode;
import dev.podflare.server.testing.Answer;
import dev.podflare.server.testing.TestServer;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.json.JsonMapper;

class ErrorPagesTest {
  @TempDir Path folder;

  @Test
  void everyErrorLeadsToItsPageWhichNeedsNoKey() {
    try (TestServer test = TestServer.start(folder)) {
      for (Answer refused :
          new Answer[] {
            test.client("").call("GET", "/v1/sandboxes", ""),
            test.admin.call("GET", "/v1/sandboxes/sbx_nope", ""),
            test.admin.call("GET", "/nowhere", ""),
            test.admin.call("POST", "/v1/sandboxes", "{"),
          }) {
        var error = new JsonMapper().readTree(refused.body());
        String code = error.path("code").stringValue();
        String help = error.path("help").stringValue();
        assertThat(help).isEqualTo("/errors/" + code);
        Answer page = test.client("").call("GET", help, "");
        assertThat(page.status()).isEqualTo(200);
        assertThat(page.text()).startsWith(code + " (HTTP " + refused.status() + ")");
      }
    }
  }

  @Test
  void eachCodeHasAPageForPeopleAndForPrograms() {
    try (TestServer test = TestServer.start(folder)) {
      for (ErrorCode code : ErrorCode.values()) {
        Answer plain = test.client("").call("GET", ErrorPages.address(code), "");
        assertThat(plain.text()).contains("What to do: ").doesNotContain("](");
        Answer page =
            test.client("").call("GET", ErrorPages.address(code), "", "Accept", "text/html,*/*");
        assertThat(page.text())
            .contains("<h1>" + code.wireName() + "</h1>")
            .doesNotContain("](")
            .doesNotContain("`");
      }
      assertThat(test.client("").call("GET", "/errors/no_such_code", "").status()).isEqualTo(404);
      assertThat(test.client("").call("GET", "/errors/a/b", "").status()).isEqualTo(401);
    }
  }
}
