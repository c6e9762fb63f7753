package dev.podflare.server;

import dev.podflare.engine.ClonedRepository;
import dev.podflare.engine.Engine;
import dev.podflare.engine.GitCloneRequest;
import dev.podflare.engine.SecretValue;
import java.util.List;
import java.util.Optional;

/** Repositories for sandboxes. Thread-safe. */
final class GitRoutes {
  /** The name that servers take for whoever has a token. */
  private static final String TOKEN_USER = "x-access-token";

  private final Engine engine;

  GitRoutes(Engine engine) {
    this.engine = engine;
  }

  List<Route> routes() {
    return List.of(
        new Route("POST", "/v1/sandboxes/{id}/git/clone", Scope.EXEC, this::cloneRepository));
  }

  private void cloneRepository(Exchange exchange) {
    GitCloneRequest request = request(exchange.fields());
    exchange.releaseBody();
    ClonedRepository cloned =
        engine.cloneRepository(exchange.caller(), exchange.path("id"), request);
    exchange.answer(
        Json.object()
            .put("path", cloned.path())
            .put("commit", cloned.commit())
            .put("branch", cloned.branch()));
  }

  private static GitCloneRequest request(Fields fields) {
    return new GitCloneRequest(
        fields.text("url").orElseThrow(() -> Fields.invalid("url", "given")),
        fields.shortText("path"),
        fields.shortText("ref"),
        fields.positive("depth"),
        fields.has("credential")
            ? Optional.of(credential(fields.object("credential")))
            : Optional.empty(),
        fields.seconds("timeout_seconds"));
  }

  private static GitCloneRequest.Credential credential(Fields fields) {
    Optional<String> token = fields.text("token");
    Optional<String> password = fields.text("password");
    if (token.isPresent() == password.isPresent()) {
      throw Fields.invalid("credential", "a username and a password, or a token");
    }
    String user =
        token.isPresent()
            ? fields.text("username").orElse(TOKEN_USER)
            : fields
                .text("username")
                .orElseThrow(() -> Fields.invalid("credential.username", "given"));
    return new GitCloneRequest.Credential(
        user, SecretValue.of(token.or(() -> password).orElseThrow()));
  }
}
