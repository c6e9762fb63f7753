package dev.podflare.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.common.ErrorCode;
import dev.podflare.server.testing.Answer;
import dev.podflare.server.testing.OpenApiContract;
import dev.podflare.server.testing.TestServer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ContractTest {
  private static final OpenApiContract CONTRACT = TestServer.CONTRACT;

  @TempDir Path folder;

  @Test
  void everyRouteHasAnOperationAndTheOtherWayRound() {
    try (TestServer test = TestServer.start(folder)) {
      Set<String> routes = new TreeSet<>();
      for (String operation : test.server.operations()) {
        routes.add(operation.replace('<', '{').replace('>', '}'));
      }
      assertThat(routes).isEqualTo(CONTRACT.operations());
    }
  }

  @Test
  void theListOfErrorCodesIsWhole() {
    assertThat(CONTRACT.errorCodes())
        .containsExactlyInAnyOrderElementsOf(
            Arrays.stream(ErrorCode.values()).map(ErrorCode::wireName).toList());
  }

  @Test
  void theValidatorFindsFaults() {
    String good = "{\"error\":\"x\",\"code\":\"gone\",\"details\":{},\"help\":\"/errors/gone\"}";
    assertThat(CONTRACT.fault("GET", "/v1/info", answer(410, good))).isEmpty();
    assertThat(CONTRACT.fault("GET", "/v1/info", answer(410, good.replace("gone", "went"))))
        .isPresent();
    assertThat(CONTRACT.fault("GET", "/v1/info", answer(200, good))).isPresent();
    assertThat(CONTRACT.fault("GET", "/v1/info", answer(503, good))).isPresent();
    assertThat(CONTRACT.fault("GET", "/r/eu/v1/sandboxes?limit=1", answer(200, "{}"))).isPresent();
    assertThat(
            CONTRACT.fault(
                "GET", "/v1/sandboxes", answer(200, "{\"sandboxes\":[],\"next_cursor\":null}")))
        .isEmpty();
  }

  @Test
  void whatComesLaterSaysSoAfterAuthentication() {
    try (TestServer test = TestServer.start(folder)) {
      String id = "sbx_" + "0".repeat(32);
      for (Route route : new LaterRoutes().routes()) {
        String path =
            route
                .path()
                .replace("{id}", id)
                .replace("<path>", "deep/er?x=1")
                .replaceAll("\\{[a-z]+}", "other");
        assertThat(test.admin.call(route.method(), path, "").status())
            .as(route.method() + " " + path)
            .isEqualTo(501);
        assertThat(test.client("").call(route.method(), "/r/eu" + path, "").status())
            .as(route.method() + " " + path)
            .isEqualTo(401);
      }
    }
  }

  private static Answer answer(int status, String body) {
    return new Answer(
        status,
        Map.of("x-request-id", List.of("a"), "content-type", List.of("application/json")),
        body.getBytes(StandardCharsets.UTF_8));
  }
}
