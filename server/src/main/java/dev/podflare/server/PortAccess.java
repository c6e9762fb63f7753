package dev.podflare.server;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.engine.Caller;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.eclipse.jetty.http.HttpMethod;
import org.eclipse.jetty.server.Request;
import org.jspecify.annotations.Nullable;

/**
 * Who may reach a guest's port: the owner's key with the scope EXEC, or whoever has a link that
 * such a key has made. Thread-safe.
 *
 * <p>What a guest's page can do in a browser, and why it cannot do more:
 *
 * <ul>
 *   <li>The API takes keys from {@code Authorization} alone, which no page can send without knowing
 *       one. No cookie opens the API; ours opens one port of one sandbox.
 *   <li>By path all guests would share the API's origin, so a page of one could read, with the
 *       browser's cookies, what a link has opened of another, and what the API's own pages keep.
 *       Therefore {@link GuestAnswerHead} gives every answer by path a sandboxing policy: its page
 *       has an origin of its own that no other page shares, keeps nothing in the browser, and sends
 *       no cookies. That is enough for a document, a file, an answer to a program. A web
 *       application that loads further parts with the browser's credentials wants a host name,
 *       {@link PortsConfig#domain}.
 *   <li>By host name every port has an origin of its own. They may count as one site, for which
 *       SameSite is no help: a request that only the cookie admits must come from the port's own
 *       pages, by {@code Origin} and {@code Sec-Fetch-Site}, or be a plain visit.
 *   <li>Which pages may show a guest's page in a frame is for its application to say, in headers
 *       that we pass on. But a page of another guest may not, which would make its visitor click on
 *       what he does not see: a visit in a frame that only the cookie admits must say in {@code
 *       Referer} that it comes from elsewhere, such as a company's own page around it.
 * </ul>
 */
final class PortAccess {
  private final Authenticator authenticator;
  private final PortLinks links;
  private final LocalOnly localOnly;

  PortAccess(Authenticator authenticator, PortLinks links, LocalOnly localOnly) {
    this.authenticator = authenticator;
    this.links = links;
    this.localOnly = localOnly;
  }

  /**
   * Who was let in.
   *
   * @param caller whose sandbox it must be
   * @param visit a link's first request, which is answered by a cookie and a redirect
   * @param left how long the link still lets in; empty for a key
   */
  record Admitted(Caller caller, Optional<Visit> visit, Optional<Duration> left) {}

  /** What the cookie is made of. */
  record Visit(String token, Duration left) {}

  /** Refuses as everywhere: 401 and 403. */
  Admitted admit(Request request, PortTarget target) {
    boolean named = target.kind() == PortTarget.Kind.HOST;
    localOnly.check(header(request, "Host"), header(request, "Origin"), named);
    boolean keyOnly =
        target.kind() == PortTarget.Kind.TUNNEL || target.kind() == PortTarget.Kind.TERMINAL;
    Optional<String> token =
        keyOnly ? Optional.empty() : PortQuery.token(request.getHttpURI().getQuery());
    if (token.isPresent()) {
      return byToken(request, target, token.get());
    }
    String authorization = header(request, "Authorization");
    if (authorization == null && target.kind() == PortTarget.Kind.TERMINAL) {
      authorization = BearerProtocol.authorization(request).orElse(null);
    }
    Optional<Identity> known = authenticator.known(authorization);
    List<String> cookies = PortCookies.tokens(request);
    if (known.isEmpty() && !cookies.isEmpty() && !keyOnly) {
      requireOwnPage(request, target);
      Holder holder = holder(cookies, target);
      return new Admitted(holder.identity().caller(), Optional.empty(), Optional.of(holder.left()));
    }
    String shown = authorization;
    Identity identity = known.orElseGet(() -> authenticator.authenticate(shown));
    identity.require(Scope.EXEC);
    return new Admitted(identity.caller(), Optional.empty(), Optional.empty());
  }

  /** Whether the guest must not see this value of {@code Authorization}. */
  boolean ours(String authorization) {
    return authorization.regionMatches(true, 0, "Bearer pf_", 0, 10)
        || authenticator.known(authorization).isPresent();
  }

  private Admitted byToken(Request request, PortTarget target, String token) {
    Holder holder = holder(token, target);
    boolean visit =
        (HttpMethod.GET.is(request.getMethod()) || HttpMethod.HEAD.is(request.getMethod()))
            && !Upgrades.wanted(request);
    return new Admitted(
        holder.identity().caller(),
        visit ? Optional.of(new Visit(token, holder.left())) : Optional.empty(),
        Optional.of(holder.left()));
  }

  /** Who has made a link, and how long it still holds. */
  private record Holder(Identity identity, Duration left) {}

  /** Of the first good one; what others have put beside it must not lock its holder out. */
  private Holder holder(List<String> tokens, PortTarget target) {
    PodflareException refusal = PortLinks.refused("there is no link's token");
    for (String token : tokens) {
      try {
        return holder(token, target);
      } catch (PodflareException refused) {
        refusal = refused;
      }
    }
    throw refusal;
  }

  private Holder holder(String token, PortTarget target) {
    PortLinks.Grant grant = links.verify(token, target.sandboxId(), target.portNumber());
    Identity identity =
        authenticator
            .byId(grant.keyId())
            .orElseThrow(() -> PortLinks.refused("the key that made this link is revoked"));
    identity.require(Scope.EXEC);
    return new Holder(identity, grant.left());
  }

  private static void requireOwnPage(Request request, PortTarget target) {
    String origin = header(request, "Origin");
    String host = header(request, "Host");
    if (origin != null
        && (host == null
            || !(origin.equals("http://" + host) || origin.equals("https://" + host)))) {
      throw foreign();
    }
    String site = header(request, "Sec-Fetch-Site");
    boolean plainVisit =
        HttpMethod.GET.is(request.getMethod())
            && "navigate".equals(header(request, "Sec-Fetch-Mode"))
            && !maybeFramedByAGuest(request, target);
    if (site != null && site.contains("-site") && !plainVisit) {
      throw foreign();
    }
  }

  private static boolean maybeFramedByAGuest(Request request, PortTarget target) {
    String destination = header(request, "Sec-Fetch-Dest");
    if (destination == null || destination.equals("document")) {
      return false;
    }
    String host = String.valueOf(request.getHttpURI().getHost()).toLowerCase(Locale.ROOT);
    String guests = target.byPath() ? host : host.substring(Math.max(0, host.indexOf('.')));
    return refererHost(request).map(from -> from.endsWith(guests)).orElse(true);
  }

  private static Optional<String> refererHost(Request request) {
    try {
      return Optional.ofNullable(header(request, "Referer"))
          .map(URI::create)
          .map(URI::getHost)
          .map(host -> host.toLowerCase(Locale.ROOT));
    } catch (IllegalArgumentException unreadable) {
      return Optional.empty();
    }
  }

  private static PodflareException foreign() {
    return new PodflareException(
        ErrorCode.FORBIDDEN, "a link's cookie does not let pages of other origins in");
  }

  private static @Nullable String header(Request request, String name) {
    return request.getHeaders().get(name);
  }
}
