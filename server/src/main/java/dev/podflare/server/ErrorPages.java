package dev.podflare.server;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.Lazily;
import dev.podflare.common.PodflareException;
import io.javalin.http.Context;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import tools.jackson.core.type.TypeReference;
import tools.jackson.dataformat.yaml.YAMLMapper;

/**
 * A page for each code, to which {@code help} of every error leads: what it means and what to do.
 * The texts are those of the documentation, {@code docs/errors.yaml}. Browsers get HTML, others
 * text. Thread-safe.
 */
final class ErrorPages {
  private static final String ADDRESS = "/errors/";
  private static final String TEXTS = "errors.yaml";

  /** A link of Markdown: where it leads is of the documentation's site, not of this server. */
  private static final Pattern LINK = Pattern.compile("\\[([^]]+)]\\([^)]*\\)");

  private static final Pattern CODE = Pattern.compile("`([^`]+)`");

  /** By code. Most daemons are never asked, so their start does not read it. */
  private final Supplier<Map<String, Told>> told = Lazily.once(ErrorPages::read);

  /** What the documentation says of a code, in Markdown. */
  private record Told(String means, @JsonProperty("do") String help) {}

  private static Map<String, Told> read() {
    try (InputStream file =
        Objects.requireNonNull(ErrorPages.class.getResourceAsStream(TEXTS), TEXTS)) {
      return Map.copyOf(
          new YAMLMapper().readValue(file, new TypeReference<Map<String, Told>>() {}));
    } catch (IOException e) {
      throw new PodflareException(ErrorCode.INTERNAL, "Cannot read the texts of errors.", e);
    }
  }

  /** Where the page of a code is, on this server. */
  static String address(ErrorCode code) {
    return ADDRESS + code.wireName();
  }

  List<Route> routes() {
    return List.of(new Route("GET", ADDRESS + "{code}", Scope.PUBLIC, this::page));
  }

  private void page(Exchange exchange) {
    Context context = exchange.context();
    String asked = context.pathParam("code");
    ErrorCode code =
        Arrays.stream(ErrorCode.values())
            .filter(it -> it.wireName().equals(asked))
            .findFirst()
            .orElseThrow(
                () -> new PodflareException(ErrorCode.ROUTE_NOT_FOUND, "no error has this code"));
    Told text = Objects.requireNonNull(told.get().get(code.wireName()));
    boolean browser =
        Optional.ofNullable(context.header("Accept")).orElse("").contains("text/html");
    context
        .status(200)
        .contentType((browser ? "text/html" : "text/plain") + "; charset=utf-8")
        .header("Vary", "Accept")
        .result(browser ? html(code, text) : plain(code, text));
  }

  private static String plain(ErrorCode code, Told text) {
    return """
    %s (HTTP %d)

    %s

    What to do: %s
    """
        .formatted(
            code.wireName(),
            code.httpStatus(),
            withoutLinks(text.means()),
            withoutLinks(text.help()));
  }

  private static String html(ErrorCode code, Told text) {
    return """
    <!doctype html>
    <html lang="en">
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>%1$s · Podflare</title>
    <style>
      body { font: 17px/1.55 system-ui, sans-serif; max-width: 38em; margin: 12vh auto; padding: 0 1.2em;
             color: #1c2530; background: #fff; color-scheme: light dark }
      h1 { font: 600 1.5em/1.2 ui-monospace, monospace; overflow-wrap: anywhere; margin: 0 }
      h2 { font-size: 1.05em; margin: 2em 0 0 }
      code { font: .9em ui-monospace, monospace; background: #8882; padding: .1em .3em; border-radius: 3px }
      p { margin: .4em 0 }
      .status { color: #5b6b7b }
      @media (prefers-color-scheme: dark) {
        body { color: #dfe5ec; background: #14191f }
        .status { color: #93a1b0 }
      }
    </style>
    <h1>%1$s</h1>
    <p class="status">HTTP %2$d</p>
    <p>%3$s</p>
    <h2>What to do</h2>
    <p>%4$s</p>
    </html>
    """
        .formatted(code.wireName(), code.httpStatus(), marked(text.means()), marked(text.help()));
  }

  private static String withoutLinks(String markdown) {
    return LINK.matcher(markdown).replaceAll("$1");
  }

  private static String marked(String markdown) {
    String escaped =
        withoutLinks(markdown).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
    return CODE.matcher(escaped).replaceAll("<code>$1</code>");
  }
}
