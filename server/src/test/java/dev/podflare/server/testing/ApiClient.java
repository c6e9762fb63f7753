package dev.podflare.server.testing;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Calls the API and checks every answer against the contract. Thread-safe. */
public final class ApiClient implements AutoCloseable {
  private final HttpClient http =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private final URI base;
  private final String key;
  private final OpenApiContract contract;

  public ApiClient(URI base, String key, OpenApiContract contract) {
    this.base = base;
    this.key = key;
    this.contract = contract;
  }

  public ApiClient withKey(String other) {
    return new ApiClient(base, other, contract);
  }

  public Answer get(String path) {
    return call("GET", path, "");
  }

  public Answer post(String path, String body, String... headers) {
    return call("POST", path, body, headers);
  }

  public Answer call(String method, String path, String body, String... headers) {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(base.resolve(path))
            .timeout(Duration.ofSeconds(20))
            .method(
                method,
                body.isEmpty()
                    ? HttpRequest.BodyPublishers.noBody()
                    : HttpRequest.BodyPublishers.ofString(body));
    if (!key.isEmpty()) {
      request.header("Authorization", "Bearer " + key);
    }
    if (!body.isEmpty()) {
      request.header("Content-Type", "application/json");
    }
    for (int i = 0; i < headers.length; i += 2) {
      request.setHeader(headers[i], headers[i + 1]);
    }
    return checked(method, path, send(request.build()));
  }

  /** The body as JSON. */
  public static JsonNode json(Answer answer) {
    return JsonMapper.shared().readTree(answer.body());
  }

  /** A new sandbox's id. */
  public String create() {
    return json(post("/v1/sandboxes", "{}")).get("id").stringValue();
  }

  private Answer send(HttpRequest request) {
    try {
      HttpResponse<byte[]> response = http.send(request, HttpResponse.BodyHandlers.ofByteArray());
      Map<String, java.util.List<String>> headers = new LinkedHashMap<>();
      response.headers().map().forEach((n, v) -> headers.put(n.toLowerCase(Locale.ROOT), v));
      return new Answer(response.statusCode(), headers, response.body());
    } catch (IOException | InterruptedException failed) {
      throw new AssertionError(request + " got no answer", failed);
    }
  }

  private Answer checked(String method, String path, Answer answer) {
    contract
        .fault(method, path, answer)
        .ifPresent(fault -> {
          throw new AssertionError(method + " " + path + ": " + fault);
        });
    return answer;
  }

  @Override
  public void close() {
    http.close();
  }
}
