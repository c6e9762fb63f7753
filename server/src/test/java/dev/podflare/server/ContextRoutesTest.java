package dev.podflare.server;

import static dev.podflare.server.testing.ApiClient.json;
import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.server.testing.Answer;
import dev.podflare.server.testing.ApiClient;
import dev.podflare.server.testing.TestServer;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Contexts over HTTP; each answer is checked against the contract. */
class ContextRoutesTest {
  @TempDir Path folder;
  private TestServer test;
  private ApiClient api;
  private String sandbox;

  @BeforeEach
  void start() {
    test = TestServer.start(folder);
    api = test.admin;
    sandbox = "/v1/sandboxes/" + api.create();
  }

  @AfterEach
  void stop() {
    test.close();
  }

  @Test
  void contextsAreMadeListedRestartedAndEnded() {
    Answer made = api.post(sandbox + "/contexts", "{\"language\":\"bash\",\"cwd\":\"/usr\"}");
    assertThat(made.status()).isEqualTo(200);
    assertThat(json(made).get("cwd").stringValue()).isEqualTo("/usr");
    String one = sandbox + "/contexts/" + json(made).get("context_id").stringValue();
    assertThat(json(api.get(sandbox + "/contexts")).get("contexts")).hasSize(1);
    assertThat(api.post(one + "/restart", "{}").status()).isEqualTo(200);
    assertThat(api.post(one + "/interrupt", "{}").status()).isEqualTo(200);
    assertThat(api.call("DELETE", one, "").status()).isEqualTo(204);
    assertThat(api.call("DELETE", one, "").status()).isEqualTo(204);
    assertThat(api.post(one + "/restart", "{}").status()).isEqualTo(404);
  }

  @Test
  void whatIsNotThereIsSaid() {
    Answer language = api.post(sandbox + "/contexts", "{\"language\":\"cobol\"}");
    assertThat(language.status()).isEqualTo(400);
    assertThat(json(language).get("code").stringValue()).isEqualTo("language_not_available");
    Answer both =
        api.post(sandbox + "/exec", "{\"code\":\"1\",\"context\":\"ctx_1\",\"language\":\"bash\"}");
    assertThat(both.status()).isEqualTo(400);
    assertThat(api.get("/v1/sandboxes/sbx_none/contexts").status()).isEqualTo(404);
  }
}
