package dev.podflare.server;

import static dev.podflare.server.testing.ApiClient.json;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.server.testing.Answer;
import dev.podflare.server.testing.ApiClient;
import dev.podflare.server.testing.TestServer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/** Files over HTTP; each answer is held against the contract. */
class FileRoutesTest {
  @TempDir Path folder;
  private TestServer test;
  private ApiClient api;
  private String files;

  @BeforeEach
  void start() {
    test = TestServer.start(folder);
    api = test.admin;
    files = "/v1/sandboxes/" + api.create() + "/files";
  }

  @AfterEach
  void stop() {
    test.close();
  }

  private Answer put(String query, String body, String... headers) {
    return api.call("PUT", files + "?" + query, body, headers);
  }

  private static String text(Answer answer) {
    return new String(answer.body(), StandardCharsets.UTF_8);
  }

  @Test
  void aFileIsWrittenReadMovedAndDeleted() {
    JsonNode written = json(put("path=/a/b&mode=600", "hello"));
    assertThat(written.get("size").intValue()).isEqualTo(5);
    assertThat(written.get("sha256").stringValue()).hasSize(64);
    Answer read = api.get(files + "?path=/a/b");
    assertThat(text(read)).isEqualTo("hello");
    assertThat(read.headers()).containsEntry("content-length", List.of("5"));
    assertThat(json(api.get(files + "/stat?path=/a/b")).get("size").intValue()).isEqualTo(5);
    assertThat(
            json(api.post(files + "/move", "{\"from\":\"/a/b\",\"to\":\"/a/c\"}"))
                .get("path")
                .stringValue())
        .isEqualTo("/a/c");
    assertThat(api.call("DELETE", files + "?path=/a/c", "").status()).isEqualTo(204);
    assertThat(api.get(files + "?path=/a/c").status()).isEqualTo(404);
  }

  @Test
  void rangesAndTagsAreAsInHttp() {
    assertThat(put("path=/r", "0123456789").status()).isEqualTo(200);
    String query = files + "?path=/r";
    String tag = json(api.get(files + "/stat?path=/r")).get("etag").stringValue();
    Answer part = api.call("GET", query, "", "Range", "bytes=2-4");
    assertThat(part.status()).isEqualTo(206);
    assertThat(text(part)).isEqualTo("234");
    assertThat(part.headers()).containsEntry("content-range", List.of("bytes 2-4/10"));
    assertThat(text(api.call("GET", query, "", "Range", "bytes=-3"))).isEqualTo("789");
    assertThat(text(api.call("GET", query, "", "Range", "bytes=8-"))).isEqualTo("89");
    assertThat(api.call("GET", query, "", "Range", "bytes=10-").status()).isEqualTo(416);
    assertThat(api.call("GET", query, "", "Range", "bytes=1-2,4-5").status()).isEqualTo(200);
    assertThat(api.call("GET", query, "", "Range", "bytes=4-2").status()).isEqualTo(200);
    assertThat(api.call("GET", query, "", "Range", "lines=4-5").status()).isEqualTo(200);
    assertThat(api.call("GET", query, "", "Range", "bytes=2-4", "If-Range", "\"old\"").status())
        .isEqualTo(200);
    assertThat(api.call("GET", query, "", "Range", "bytes=2-4", "If-Range", tag).status())
        .isEqualTo(206);
    assertThat(api.call("GET", query, "", "If-None-Match", tag).status()).isEqualTo(304);
    assertThat(api.call("GET", query, "", "If-None-Match", "\"x\"").status()).isEqualTo(200);
  }

  @Test
  void onlyANewFileIsWrittenIfThatIsWanted() {
    assertThat(put("path=/n", "1", "If-None-Match", "*").status()).isEqualTo(200);
    assertThat(put("path=/n", "2", "If-None-Match", "*").status()).isEqualTo(412);
    assertThat(put("path=/n", "2", "If-None-Match", "\"x\"").status()).isEqualTo(400);
  }

  @Test
  void namesThatAreNoTextHaveTheirBytesBesideThem() {
    assertThat(put("path_b64=L2Qv__4", "odd").status()).isEqualTo(200);
    JsonNode entry = json(api.get(files + "/list?path=/d")).get("entries").get(0);
    assertThat(entry.get("name_b64").stringValue()).isEqualTo("//4=");
    assertThat(entry.get("path_b64").stringValue()).isEqualTo("L2Qv//4=");
    assertThat(text(api.get(files + "?path_b64=" + entry.get("path_b64").stringValue())))
        .isEqualTo("odd");
  }

  @Test
  void aListComesInPages() {
    for (int i = 0; i < 5; i++) {
      assertThat(put("path=/p/" + i, "x").status()).isEqualTo(200);
    }
    JsonNode first = json(api.get(files + "/list?path=/p&limit=3"));
    assertThat(first.get("entries")).hasSize(3);
    String cursor = first.get("next_cursor").stringValue();
    JsonNode rest = json(api.get(files + "/list?path=/p&limit=3&cursor=" + cursor));
    assertThat(rest.get("entries")).hasSize(2);
    assertThat(rest.get("entries").get(0).get("path").stringValue()).isEqualTo("/p/3");
    assertThat(rest.get("next_cursor").isNull()).isTrue();
  }

  @Test
  void archivesAndWatchesAreStreams() {
    Answer packed = api.call("PUT", files + "/archive?path=/t", "x".repeat(1024));
    assertThat(json(packed).get("size").intValue()).isEqualTo(1024);
    assertThat(api.call("PUT", files + "/archive?path=/t", "x").status()).isEqualTo(400);
    assertThat(put("path=/t", "tar").status()).isEqualTo(200);
    assertThat(text(api.get(files + "/archive?path=/t"))).isEqualTo("tar");
    assertThat(api.get(files + "/archive?path=/no").status()).isEqualTo(404);
    String lines = text(api.get(files + "/watch?path=/t&recursive=true"));
    assertThat(lines.lines().toList())
        .containsExactly(
            "{\"path\":\"/t\",\"type\":\"watching\"}",
            "{\"type\":\"created\",\"path\":\"/t/new\",\"directory\":true}",
            "{\"path\":\"/t\",\"type\":\"gone\"}");
  }

  @Test
  void anAnswerThatBreaksOffIsCut() {
    assertThat(put("path=/torn", "x".repeat(200_000)).status()).isEqualTo(200);
    assertThatThrownBy(() -> api.get(files + "?path=/torn")).isInstanceOf(AssertionError.class);
    assertThat(put("path=/small-torn", "x").status()).isEqualTo(200);
    assertThat(api.get(files + "?path=/small-torn").status()).isEqualTo(503);
  }

  @Test
  void aRefusedUploadSaysWhyThoughItIsStillBeingSent() {
    Answer refused = put("path=/full/f", "x".repeat(4 << 20));
    assertThat(refused.status()).isEqualTo(507);
    assertThat(json(refused).get("code").stringValue()).isEqualTo("disk_full");
  }

  @ParameterizedTest
  @CsvSource({
    "'', invalid_field",
    "path=, invalid_field",
    "path=a%00b, invalid_field",
    "path=a&path_b64=YQ, invalid_field",
    "path_b64=*, invalid_field",
    "path=a&mode=9, invalid_field",
    "path=a&mode=77777, invalid_field",
    "path=a&offset=1, invalid_field",
    "path=a&last=false, invalid_field",
    "path=a&last=maybe, invalid_field",
    "path=a&upload_id=../x, invalid_field",
    "path=a&offset=-1&upload_id=x, invalid_field",
  })
  void whatCannotBeMeantIsRefused(String query, String code) {
    Answer answer = put(query, "x");
    assertThat(json(answer).get("code").stringValue()).isEqualTo(code);
  }

  @Test
  void aNameOfTooManyBytesIsRefused() {
    assertThat(put("path=/" + "n".repeat(255), "x").status()).isEqualTo(200);
    assertThat(json(put("path=/" + "n".repeat(256), "x")).get("code").stringValue())
        .isEqualTo("file_name_too_long");
    assertThat(json(put("path=/" + "n/".repeat(2048), "x")).get("code").stringValue())
        .isEqualTo("file_name_too_long");
  }
}
