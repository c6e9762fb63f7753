package dev.podflare.server;

import static dev.podflare.server.testing.ApiClient.json;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.podflare.server.testing.Answer;
import dev.podflare.server.testing.ApiClient;
import dev.podflare.server.testing.RawHttp;
import dev.podflare.server.testing.TestServer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

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

  @Test
  void aFanOutRunsOneCodeInEachChildAndMergesTheBest() {
    List<JsonNode> lines = fanOut("{'codes':['3','-2.5e0','1'],'pick':'min'}");
    JsonNode children = lines.getFirst().path("children");
    assertThat(lines.getFirst().path("type").asString()).isEqualTo("forked");
    assertThat(children).hasSize(3);
    JsonNode said =
        lines.stream().filter(it -> it.path("data").asString("").equals("1")).findFirst().get();
    assertThat(said.path("index").asInt()).isEqualTo(2);
    assertThat(said.path("sandbox_id")).isEqualTo(children.get(2));
    JsonNode done = lines.getLast();
    assertThat(done.path("winner").path("index").asInt()).isEqualTo(1);
    assertThat(done.path("winner").path("value").asDouble()).isEqualTo(-2.5);
    assertThat(done.path("winner").path("sandbox_id")).isEqualTo(children.get(1));
    children.forEach(child -> assertThat(status(child)).isEqualTo(404));
  }

  @Test
  void withoutAPickAllChildrenLiveOnAndWithoutAWinnerNone() {
    List<JsonNode> kept = fanOut("{'code':'text','n':2}");
    assertThat(kept.getLast().path("winner").isNull()).isTrue();
    assertThat(kept.getLast().path("children")).isEqualTo(kept.getFirst().path("children"));
    kept.getLast().path("children").forEach(child -> assertThat(status(child)).isEqualTo(200));
    List<JsonNode> lost = fanOut("{'code':'text','n':2,'pick':'max'}");
    assertThat(lost.getLast().path("winner").isNull()).isTrue();
    lost.getFirst().path("children").forEach(child -> assertThat(status(child)).isEqualTo(404));
  }

  @Test
  void whoeverGoesAwayFromAFanOutEndsItsChildren() throws Exception {
    try (RawHttp raw = new RawHttp(test.uri(), Duration.ofSeconds(10))) {
      String body = "{\"code\":\"#hold\",\"n\":2}";
      raw.send(
          "POST /v1/sandboxes/"
              + parent
              + "/fanout HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "
              + test.server.newAdminKey().orElseThrow()
              + "\r\nContent-Type: application/json\r\nContent-Length: "
              + body.length()
              + "\r\n\r\n"
              + body);
      await().until(() -> family() == 3);
      raw.reset();
    }
    await().until(() -> family() == 1);
  }

  private int family() {
    return json(api.get("/v1/sandboxes/" + parent + "/tree")).path("sandboxes").size();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{}",
        "{'code':'a','codes':['a']}",
        "{'codes':['a'],'n':2}",
        "{'codes':[]}",
        "{'code':'a','n':101}",
        "{'code':'a','pick':'best'}",
        "{'code':'a','language':'perl'}"
      })
  void whatIsNoFanOutIsRefused(String body) {
    Answer answer = postFanOut(body);
    assertThat(answer.status()).isEqualTo(400);
    assertThat(family()).isEqualTo(1);
  }

  private List<JsonNode> fanOut(String body) {
    Answer answer = postFanOut(body);
    assertThat(answer.status()).as("%s", answer.text()).isEqualTo(200);
    return answer
        .text()
        .lines()
        .filter(line -> !line.isEmpty())
        .map(line -> JsonMapper.shared().readTree(line))
        .toList();
  }

  private Answer postFanOut(String body) {
    return api.post("/v1/sandboxes/" + parent + "/fanout", body.replace('\'', '"'));
  }

  @Test
  void aDiffTellsTypesModesAndDigests() {
    String child = json(fork("")).path("children").get(0).asString();
    String diff = "/v1/sandboxes/" + parent + "/diff/" + child;
    JsonNode usual = json(api.get(diff)).path("added").get(0);
    assertThat(usual.path("path").asString()).isEqualTo("/root:/tmp");
    assertThat(usual.path("mode").asString()).isEqualTo("0644");
    assertThat(usual.path("sha256").asString()).hasSize(64);
    assertThat(usual.has("patch")).isFalse();
    JsonNode own = json(api.get(diff + "?path=/a&path=/b&content=true")).path("added").get(0);
    assertThat(own.path("path").asString()).isEqualTo("/a:/b");
    assertThat(own.path("patch").asString()).isEqualTo("+new\n");
    assertThat(api.get(diff + "?content=yes").status()).isEqualTo(400);
    assertThat(api.get("/v1/sandboxes/" + parent + "/diff/sbx_0").status()).isEqualTo(404);
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
