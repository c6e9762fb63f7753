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
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

class FamilyRoutesTest {
  @TempDir Path folder;
  private TestServer test;
  private ApiClient api;
  private String parent;

  @BeforeEach
  void start() {
    test = TestServer.start(folder);
    api = test.admin;
    parent = json(api.post("/v1/sandboxes", "{}")).path("id").asString();
  }

  @AfterEach
  void stop() {
    test.close();
  }

  @Test
  void aForkMakesOneChildUnlessMoreAreAskedFor() {
    assertThat(json(fork("")).path("children")).hasSize(1);
    JsonNode three = json(fork("{'n':3,'reseed':true,'timeout_seconds':60}"));
    assertThat(three.path("children")).hasSize(3);
    assertThat(three.path("reseeded").get(0).asString()).isEqualTo("python.random");
    assertThat(three.path("timings_ms").path("total").asDouble()).isPositive();
    assertThat(three.path("parent_paused_ms").asDouble()).isPositive();
    JsonNode child = record(three);
    assertThat(child.path("parent").asString()).isEqualTo(parent);
    assertThat(child.path("timeout_seconds").asInt()).isEqualTo(60);
  }

  @Test
  void metadataAreTheParentsUnlessGiven() {
    JsonNode child = record(json(fork("{'metadata':{'a':'b'}}")));
    assertThat(child.path("metadata").path("a").asString()).isEqualTo("b");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"{'n':0}", "{'n':-1}", "{'n':33}", "{'n':1.5}", "{'n':'2'}", "{'reseed':1}"})
  void whatIsNoForkIsRefused(String body) {
    Answer answer = fork(body);
    assertThat(answer.status()).isEqualTo(400);
    assertThat(json(answer).path("code").asString()).isEqualTo("invalid_field");
  }

  @Test
  void aSandboxThatIsNotThereCannotBeForked() {
    String other = "/v1/sandboxes/sbx_" + "0".repeat(32) + "/fork";
    assertThat(api.post(other, "{}").status()).isEqualTo(404);
  }

  @Test
  void theWinnersIdIsGoneAfterAMergeAndSiblingsLiveOn() {
    JsonNode children = json(fork("{'n':2}")).path("children");
    assertThat(merge(children.get(0).asString(), "").status()).isEqualTo(204);
    assertThat(status(children.get(0))).isEqualTo(404);
    assertThat(status(children.get(1))).isEqualTo(200);
    assertThat(api.get("/v1/sandboxes/" + parent).status()).isEqualTo(200);
  }

  @Test
  void siblingsAreClosedOnRequestOnly() {
    JsonNode children = json(fork("{'n':2}")).path("children");
    assertThat(merge(children.get(0).asString(), "?siblings=keep").status()).isEqualTo(400);
    assertThat(status(children.get(0))).isEqualTo(200);
    assertThat(merge(children.get(0).asString(), "?siblings=close").status()).isEqualTo(204);
    assertThat(status(children.get(1))).isEqualTo(404);
  }

  @Test
  void whatIsNoForkOfItIsNotMerged() {
    assertThat(merge(parent, "").status()).isEqualTo(400);
    assertThat(merge("sbx_" + "0".repeat(32), "").status()).isEqualTo(404);
  }

  @Test
  void theTreeNamesParentsAndStates() {
    String child = json(fork("")).path("children").get(0).asString();
    JsonNode tree = json(api.get("/v1/sandboxes/" + parent + "/tree")).path("sandboxes");
    assertThat(tree).hasSize(2);
    assertThat(tree.get(0).path("id").asString()).isEqualTo(parent);
    assertThat(tree.get(0).path("parent").isNull()).isTrue();
    assertThat(tree.get(1).path("id").asString()).isEqualTo(child);
    assertThat(tree.get(1).path("parent").asString()).isEqualTo(parent);
    assertThat(tree.get(1).path("state").asString()).isEqualTo("ready");
  }

  private Answer merge(String winner, String query) {
    return api.post("/v1/sandboxes/" + parent + "/merge_into/" + winner + query, "");
  }

  private int status(JsonNode id) {
    return api.get("/v1/sandboxes/" + id.asString()).status();
  }

  private Answer fork(String body) {
    return api.post("/v1/sandboxes/" + parent + "/fork", body.replace('\'', '"'));
  }

  private JsonNode record(JsonNode forked) {
    return json(api.get("/v1/sandboxes/" + forked.path("children").get(0).asString()));
  }
}
