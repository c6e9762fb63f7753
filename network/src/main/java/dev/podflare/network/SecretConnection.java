package dev.podflare.network;

import dev.podflare.common.PodflareException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.security.cert.CertificateException;
import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import javax.net.ssl.SSLHandshakeException;
import javax.net.ssl.SSLSocket;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A guest's TLS connection to a host that it has secrets for. TLS ends here on both sides: to the
 * guest with a certificate of the daemon's own authority, to the host with the usual checks, at an
 * address that the host's name has now, whatever the guest connected to. Each request is read
 * strictly, has to be for the host of the handshake, and is written anew with its secrets; nothing
 * else of the guest's reaches the host. Answers are passed on as they are.
 *
 * <p>Secrets are looked up for each request, so a change counts from the next one on; a connection
 * that has used one which was revoked is cut ({@link #revoked}). {@link #serve} is one thread.
 */
final class SecretConnection {
  private static final Logger LOG = LoggerFactory.getLogger(SecretConnection.class);
  private static final int MOST_TRIED = 4;
  private static final int MOST_DRAINED = 256 << 10;
  private static final int USUAL_PORT = 443;

  /** Until a guest that has shaken hands says what it wants. */
  private static final Duration FIRST_HEAD = Duration.ofSeconds(30);

  /** For what a guest is still saying to a gate that has refused it. */
  private static final Duration LAST_WORDS = Duration.ofSeconds(5);

  /** They tell the sender what was sent, secrets included. */
  private static final Set<String> ECHOING = Set.of("TRACE", "TRACK", "DEBUG");

  private final Inet4Address slot;
  private final InetSocketAddress destination;
  private final String host;
  private final SocketChannel client;
  private final GateRules rules;
  private final GateConfig config;
  private final HostSockets sockets;
  private final SecretGate gate;
  private final SecretInjector injector;

  /** Names of the secrets that were sent on this connection. */
  private final Set<String> used = ConcurrentHashMap.newKeySet();

  /** Whether the connection ends with its first answer, see {@link QueryAnswers}. */
  private final boolean single;

  private volatile @Nullable InetSocketAddress reached;

  /** What the connection's owner sees to. */
  record Owner(Runnable moved, Runnable cut, Consumer<SocketChannel> opened) {}

  private final Owner owner;

  SecretConnection(
      GateConnection.Ends ends,
      String host,
      GateRules rules,
      GateConfig config,
      HostSockets sockets,
      SecretGate gate,
      Owner owner) {
    this.slot = ends.slot();
    this.destination = ends.destination();
    this.client = ends.client();
    this.host = host;
    this.rules = rules;
    this.config = config;
    this.sockets = sockets;
    this.gate = gate;
    this.injector = new SecretInjector(gate.values());
    this.owner = owner;
    this.single = inQuery(secrets());
  }

  private static boolean inQuery(List<SecretRule> rules) {
    return rules.stream().anyMatch(it -> it.place() instanceof SecretRule.Place.Query);
  }

  /** A request that is answered here, since it cannot be passed on. */
  private static final class Refused extends Exception {
    private static final long serialVersionUID = 1L;
    private final int status;
    private final String reason;
    private final String code;
    private final String sentence;

    Refused(int status, String reason, String code, String sentence) {
      super(sentence);
      this.status = status;
      this.reason = reason;
      this.code = code;
      this.sentence = sentence;
    }
  }

  /**
   * Whether a secret that went over this connection is not the guest's any more, the policy does
   * not let it reach the host's address any more, or the host now has one for its query.
   */
  boolean revoked() {
    List<SecretRule> rulesNow = secrets();
    List<String> present = rulesNow.stream().map(SecretRule::name).toList();
    InetSocketAddress to = reached;
    return !present.containsAll(used)
        || (inQuery(rulesNow) && !single)
        || (to != null && !rules.rule(slot, Optional.of(host), to, true).allowed());
  }

  private List<SecretRule> secrets() {
    return rules.slots().secrets(slot, host, destination.getPort());
  }

  /** Serves the connection to its end. */
  void serve(Inflow opening) throws IOException {
    client.setOption(StandardSocketOptions.TCP_NODELAY, true);
    SSLSocket guest = accept(opening);
    owner.moved().run();
    TlsChannel inside = new TlsChannel(guest);
    try (Arena arena = Arena.ofConfined()) {
      ByteBuffer buffer = arena.allocate(config.buffer().bytes()).asByteBuffer();
      Inflow in = new Inflow(inside, buffer);
      HttpRequests requests = new HttpRequests(in);
      try {
        inside.patience(FIRST_HEAD);
        Optional<HttpHead> first = first(requests);
        inside.patience(Duration.ZERO);
        if (first.isPresent()) {
          relay(requests, first.get(), inside);
        }
      } catch (Refused refused) {
        secrets().forEach(it -> rules.slots().secretUsed(slot, it.name(), true));
        answer(refused, inside, in);
      }
    }
  }

  private SSLSocket accept(Inflow opening) throws IOException {
    try {
      return gate.tls().accept(client.socket(), rest(opening), host);
    } catch (PodflareException e) {
      LOG.warn("{}: no certificate for {}: {}", slot, host, e.sentence());
      throw new IOException("no certificate", e);
    }
  }

  private static InputStream rest(Inflow opening) {
    byte[] bytes = new byte[opening.seen().remaining()];
    opening.seen().get(bytes);
    return new ByteArrayInputStream(bytes);
  }

  private Optional<HttpHead> first(HttpRequests requests) throws IOException, Refused {
    try {
      Optional<HttpHead> head = requests.next();
      if (head.isPresent()) {
        check(head.get());
      }
      return head;
    } catch (HttpRequests.Unreadable e) {
      throw new Refused(
          400, "Bad Request", "bad_request", "the secret gate takes no request like this one");
    }
  }

  private void check(HttpHead head) throws Refused {
    if (!head.host().equals(Optional.of(host))) {
      throw new Refused(
          421,
          "Misdirected Request",
          "misdirected",
          "this connection is for " + host + ", and the request is for another host");
    }
    if (ECHOING.contains(head.method().toUpperCase(Locale.ROOT))) {
      throw new Refused(
          405,
          "Method Not Allowed",
          "bad_request",
          head.method() + " would tell the guest its secrets");
    }
    boolean plain = head.target().startsWith("/") || head.target().equals("*");
    if (!plain || head.target().indexOf('#') >= 0) {
      throw new Refused(400, "Bad Request", "bad_request", "the request's target must be a path");
    }
  }

  private boolean permits(HttpHead head) {
    try {
      check(head);
      return true;
    } catch (Refused refused) {
      secrets().forEach(it -> rules.slots().secretUsed(slot, it.name(), true));
      LOG.debug("{}: {}", slot, refused.sentence);
      return false; // an answer is perhaps under way: the connection is cut
    }
  }

  private void relay(HttpRequests requests, HttpHead first, TlsChannel inside)
      throws IOException, Refused {
    TlsChannel outside = connect();
    owner.moved().run();
    try (SecretBytes head = new SecretBytes()) {
      Set<String> names = fill(first, head);
      Relay relay = new Relay(inside, outside, config, owner.moved(), owner.cut());
      AtomicBoolean begun = new AtomicBoolean();
      HttpRequests.Heads heads =
          (next, out) -> {
            if (begun.compareAndSet(false, true)) {
              send(head, names, out);
            } else {
              write(next, out);
            }
          };
      boolean clean =
          single
              ? relay.run(it -> it.passLast(requests, first, heads), answers(names))
              : relay.run(it -> it.passHttp(requests, first, this::permits, heads));
      if (!clean) {
        owner.cut().run();
      }
    }
  }

  private Relay.Answers answers(Set<String> names) {
    return new QueryAnswers(
        gate.values(),
        secrets().stream()
            .filter(it -> it.place() instanceof SecretRule.Place.Query)
            .filter(it -> names.contains(it.name()))
            .toList());
  }

  /** Secrets are known to be used before they are read, so that a revocation finds them. */
  private Set<String> fill(HttpHead request, SecretBytes head) throws Refused {
    List<SecretRule> now = secrets();
    Set<String> before = Set.copyOf(used);
    now.forEach(it -> used.add(it.name()));
    try {
      SecretInjector.Form form =
          new SecretInjector.Form(
              destination.getPort() == USUAL_PORT ? host : host + ":" + destination.getPort(),
              single && !request.webSocket());
      Set<String> names = injector.write(request, form, now, head);
      used.removeIf(it -> !before.contains(it) && !names.contains(it));
      return names;
    } catch (SecretInjector.TooLarge e) {
      throw new Refused(
          431,
          "Request Header Fields Too Large",
          "bad_request",
          "the request's head is too large with its secrets");
    } catch (PodflareException e) {
      LOG.warn("{}: a secret for {} cannot be read: {}", slot, host, e.sentence());
      throw new Refused(
          502, "Bad Gateway", "secret_unreadable", "the server cannot read a secret for " + host);
    }
  }

  private void write(HttpHead request, Outflow out) throws IOException {
    try (SecretBytes head = new SecretBytes()) {
      send(head, fill(request, head), out);
    } catch (Refused refused) {
      throw new IOException(refused.sentence, refused);
    }
  }

  private void send(SecretBytes head, Set<String> names, Outflow out) throws IOException {
    names.forEach(it -> rules.slots().secretUsed(slot, it, false));
    if (revoked()) {
      throw new IOException("a secret was taken away while its request was written");
    }
    byte[] bytes = head.toByteArray();
    head.close();
    try {
      out.write(ByteBuffer.wrap(bytes));
    } finally {
      Arrays.fill(bytes, (byte) 0);
    }
  }

  private TlsChannel connect() throws Refused {
    Refused last =
        new Refused(
            502,
            "Bad Gateway",
            "host_unreachable",
            host + " has no address that this sandbox may reach");
    for (InetAddress address : addresses()) {
      InetSocketAddress to = new InetSocketAddress(address, destination.getPort());
      if (!rules.rule(slot, Optional.of(host), to, true).allowed()) {
        continue;
      }
      try {
        return connect(to);
      } catch (SSLHandshakeException e) {
        boolean untrusted = hasCause(e, CertificateException.class);
        last =
            new Refused(
                502,
                "Bad Gateway",
                untrusted ? "certificate_refused" : "host_unreachable",
                untrusted
                    ? "the certificate of " + host + " is not trusted by this server"
                    : "no TLS with " + host);
      } catch (IOException e) {
        LOG.debug("{} at {} cannot be reached: {}", host, to, e.toString());
        last = new Refused(502, "Bad Gateway", "host_unreachable", host + " cannot be reached");
      }
    }
    throw last;
  }

  private static boolean hasCause(Throwable thrown, Class<? extends Throwable> kind) {
    for (Throwable each = thrown; each != null; each = each.getCause()) {
      if (kind.isInstance(each)) {
        return true;
      }
    }
    return false;
  }

  /** That which the guest chose comes first, if it is one of the host's. */
  private Set<InetAddress> addresses() {
    List<InetAddress> found = gate.names().addresses(slot, host);
    Set<InetAddress> ordered = new LinkedHashSet<>();
    found.stream().filter(it -> it.equals(destination.getAddress())).forEach(ordered::add);
    found.stream().limit(MOST_TRIED).forEach(ordered::add);
    return ordered;
  }

  private TlsChannel connect(InetSocketAddress to) throws IOException {
    SocketChannel channel = sockets.stream(to.getAddress());
    try {
      owner.opened().accept(channel);
      reached = to;
      channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
      channel.socket().connect(to, Math.toIntExact(config.connect().toMillis()));
      return new TlsChannel(
          gate.tls().connect(channel.socket(), host, to.getPort(), config.connect()));
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  private void answer(Refused refused, TlsChannel inside, Inflow in) throws IOException {
    String body =
        "{\"error\":\""
            + refused.sentence.replace('"', '\'').replace('\\', '/')
            + "\",\"code\":\""
            + refused.code
            + "\"}\n";
    byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
    Outflow out = new Outflow(inside, owner.moved());
    String head =
        "HTTP/1.1 "
            + refused.status
            + " "
            + refused.reason
            + "\r\nContent-Type: application/json\r\nContent-Length: "
            + bytes.length
            + "\r\nConnection: close\r\nPodflare-Gate: "
            + refused.code
            + "\r\n\r\n";
    out.write(ByteBuffer.wrap(head.getBytes(StandardCharsets.ISO_8859_1)));
    out.write(ByteBuffer.wrap(bytes));
    out.end();
    inside.patience(LAST_WORDS);
    drain(in);
  }

  /** A connection that is closed with bytes unread is reset, and the answer with it. */
  private static void drain(Inflow in) {
    int seen = 0;
    try {
      do {
        seen += in.seen().remaining();
        in.seen().position(in.seen().limit());
      } while (seen < MOST_DRAINED && in.more());
    } catch (IOException e) {
      LOG.debug("the guest left: {}", e.toString());
    }
  }
}
