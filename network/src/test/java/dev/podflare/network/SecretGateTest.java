package dev.podflare.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.KeyStore;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.ConcurrentHashMap;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Secrets in requests: who gets them, and above all who does not. Real TLS on both sides. */
class SecretGateTest {
  private static final String HOST = "api.example";
  private static final String VALUE = "Bearer s3cr3t-value";
  private static final String PLACEHOLDER = "pf_secret_TOKEN_0123456789abcdef";

  @TempDir Path folder;
  private final Map<String, List<InetAddress>> names = new ConcurrentHashMap<>();
  private final Map<String, String> values = new ConcurrentHashMap<>();
  private volatile Runnable onOpen = () -> {};
  private GateAuthority gateAuthority;
  private SecretServer server;
  private GateRig rig;

  @BeforeEach
  void start() throws Exception {
    gateAuthority = GateAuthority.open(folder.resolve("gate.pem"));
    GateAuthority world = GateAuthority.open(folder.resolve("world.pem"));
    Files.writeString(folder.resolve("trusted.pem"), world.pem());
    server = SecretServer.start(GateRig.SERVER, world, HOST);
    names.put(HOST, List.of(GateRig.SERVER));
    names.put("evil.example", List.of(GateRig.SERVER));
    SecretGate secrets =
        SecretGate.of(
            () -> gateAuthority,
            List.of(folder.resolve("trusted.pem")),
            rule -> {
              onOpen.run();
              return values.getOrDefault(rule.sealed(), "").getBytes(StandardCharsets.ISO_8859_1);
            },
            (slot, name) -> names.getOrDefault(name, List.of()));
    rig =
        new GateRig(
            new InetSocketAddress(GateRig.SERVER, server.port()),
            Duration.ofSeconds(20),
            16,
            Optional.of(secrets));
    rig.slots.set(GateRig.SLOT, EgressPolicy.OPEN);
    values.put("sealed", VALUE);
    hold(header("TOKEN", "Authorization", true));
  }

  @AfterEach
  void stop() {
    rig.close();
    server.close();
  }

  private void hold(SecretRule... rules) {
    rig.slots.secrets(GateRig.SLOT, List.of(rules));
  }

  private SecretRule rule(
      String name, SecretRule.Place place, List<SecretRule.Request> only, boolean set) {
    return new SecretRule(
        name,
        "pf_secret_" + name + "_0123456789abcdef",
        List.of(new Destination.Domain(HOST, false, OptionalInt.of(server.port()))),
        place,
        only,
        set,
        "sealed");
  }

  /** One for the host on another port than the usual server's. */
  private static SecretRule onPort(int port) {
    return new SecretRule(
        "TOKEN",
        PLACEHOLDER,
        List.of(new Destination.Domain(HOST, false, OptionalInt.of(port))),
        new SecretRule.Place.Header("Authorization"),
        List.of(),
        true,
        "sealed");
  }

  private SecretRule header(String name, String header, boolean set) {
    return rule(name, new SecretRule.Place.Header(header), List.of(), set);
  }

  private SecretRule query(String name, String parameter, boolean set) {
    return rule(name, new SecretRule.Place.Query(parameter), List.of(), set);
  }

  /** TLS as a guest that trusts the gate's authority alone. */
  private SSLSocket guest(String name) throws Exception {
    KeyStore trusted = KeyStore.getInstance("PKCS12");
    trusted.load(null, null);
    trusted.setCertificateEntry("gate", gateAuthority.certificate());
    TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
    trust.init(trusted);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, trust.getTrustManagers(), null);
    Socket socket = rig.connect();
    SSLSocket tls =
        (SSLSocket) context.getSocketFactory().createSocket(socket, name, server.port(), true);
    SSLParameters parameters = tls.getSSLParameters();
    parameters.setEndpointIdentificationAlgorithm("HTTPS");
    tls.setSSLParameters(parameters);
    return tls;
  }

  private static String request(String target, String... fields) {
    StringBuilder text = new StringBuilder("GET " + target + " HTTP/1.1\r\nHost: " + HOST + "\r\n");
    for (String field : fields) {
      text.append(field).append("\r\n");
    }
    return text.append("Connection: close\r\n\r\n").toString();
  }

  private static String lines(String... lines) {
    return String.join("\r\n", lines) + "\r\n";
  }

  private String send(String request) throws Exception {
    try (SSLSocket tls = guest(HOST)) {
      GateRig.send(tls, request);
      return GateRig.rest(tls);
    }
  }

  private SecretServer.Seen only() {
    assertThat(server.seen).hasSize(1);
    return server.seen.iterator().next();
  }

  private void noneCarriesTheValue() {
    assertThat(server.seen)
        .allSatisfy(it -> assertThat(it.toString()).doesNotContain("s3cr3t-value"));
  }

  @Test
  void aRequestWithoutTheHeaderGetsIt() throws Exception {
    assertThat(send(request("/a"))).startsWith("HTTP/1.1 200").endsWith("fine\n");
    assertThat(only().authorization()).containsExactly(VALUE);
    assertThat(rig.slots.uses).containsEntry("TOKEN used", 1);
  }

  @Test
  void thePlaceholderBecomesTheValueAndItsSchemeIsNotDoubled() throws Exception {
    send(request("/a", "authorization: Bearer " + PLACEHOLDER, "X-Other: " + PLACEHOLDER));
    assertThat(only().authorization()).containsExactly(VALUE);
    values.put("sealed", "raw-s3cr3t-value");
    send(request("/a", "Authorization: token " + PLACEHOLDER));
    assertThat(server.seen)
        .last()
        .satisfies(it -> assertThat(it.authorization()).containsExactly("token raw-s3cr3t-value"));
  }

  @Test
  void whatTheGuestPutThereItselfStays() throws Exception {
    send(request("/a", "Authorization: Bearer own"));
    assertThat(only().authorization()).containsExactly("Bearer own");
    noneCarriesTheValue();
  }

  @Test
  void basicCredentialsAreOpenedAndClosedAgain() throws Exception {
    values.put("sealed", "s3cr3t-value");
    String own =
        Base64.getEncoder()
            .encodeToString((PLACEHOLDER + ":").getBytes(StandardCharsets.ISO_8859_1));
    send(request("/a", "Authorization: Basic " + own));
    String sent = only().authorization().getFirst().substring("Basic ".length());
    assertThat(new String(Base64.getDecoder().decode(sent), StandardCharsets.ISO_8859_1))
        .isEqualTo("s3cr3t-value:");
  }

  @Test
  void aParameterOfTheQueryIsReplacedOrAdded() throws Exception {
    values.put("sealed", "s3cr3t value&x=1");
    hold(query("TOKEN", "key", true));
    send(request("/a"));
    send(request("/a?b=1&key=" + PLACEHOLDER + "&c=" + PLACEHOLDER));
    send(request("/a?key=own"));
    assertThat(server.seen)
        .extracting(SecretServer.Seen::target)
        .containsExactly(
            "/a?key=s3cr3t%20value%26x%3D1",
            "/a?b=1&key=s3cr3t%20value%26x%3D1&c=" + PLACEHOLDER, "/a?key=own");
  }

  @Test
  void secretsOfTwoPlacesGoTogether() throws Exception {
    hold(header("TOKEN", "Authorization", true), header("KEY", "X-Key", true));
    send(request("/a"));
    assertThat(only().authorization()).containsExactly(VALUE);
    assertThat(only().key()).containsExactly(VALUE);
  }

  @Test
  void aRequestForAnotherHostIsMisdirected() throws Exception {
    String answer = send("GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
    assertThat(answer).startsWith("HTTP/1.1 421").contains("\"code\":\"misdirected\"");
    assertThat(server.seen).isEmpty();
    assertThat(rig.slots.uses).containsEntry("TOKEN refused", 1);
  }

  @Test
  void anotherNameInTheHandshakeGetsNothing() throws Exception {
    try (Socket socket = rig.connect()) {
      SSLContext any = SSLContext.getInstance("TLS");
      any.init(null, new javax.net.ssl.TrustManager[] {new TrustAll()}, null);
      SSLSocket tls =
          (SSLSocket)
              any.getSocketFactory().createSocket(socket, "evil.example", server.port(), true);
      GateRig.send(tls, request("/a", "X-Key: " + PLACEHOLDER));
      assertThat(GateRig.rest(tls)).startsWith("HTTP/1.1 200");
    }
    assertThat(only().authorization()).as("relayed as it was").isEmpty();
  }

  private static final class TrustAll extends javax.net.ssl.X509ExtendedTrustManager {
    @Override
    public void checkClientTrusted(java.security.cert.X509Certificate[] chain, String type) {}

    @Override
    public void checkServerTrusted(java.security.cert.X509Certificate[] chain, String type) {}

    @Override
    public void checkClientTrusted(
        java.security.cert.X509Certificate[] chain, String type, Socket socket) {}

    @Override
    public void checkServerTrusted(
        java.security.cert.X509Certificate[] chain, String type, Socket socket) {}

    @Override
    public void checkClientTrusted(
        java.security.cert.X509Certificate[] chain, String type, javax.net.ssl.SSLEngine engine) {}

    @Override
    public void checkServerTrusted(
        java.security.cert.X509Certificate[] chain, String type, javax.net.ssl.SSLEngine engine) {}

    @Override
    public java.security.cert.X509Certificate[] getAcceptedIssuers() {
      return new java.security.cert.X509Certificate[0];
    }
  }

  @Test
  void aSmuggledRequestIsNoRequest() throws Exception {
    List<String> heads =
        List.of(
            "POST / HTTP/1.1\r\nHost: api.example\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nX",
            "POST / HTTP/1.1\r\nHost: api.example\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
            "GET / HTTP/1.1\r\nHost: api.example\r\nHost: evil.example\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: api.example\r\n Authorization: x\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: api.example\r\nX: a\rHost: evil.example\r\n\r\n",
            "GET / HTTP/1.1\r\nHost : api.example\r\n\r\n",
            "GET / HTTP/1.1\nHost: api.example\n\r\n\r\n",
            "GET https://api.example/ HTTP/1.1\r\nHost: api.example\r\n\r\n",
            "GET http://evil.example/ HTTP/1.1\r\nHost: api.example\r\n\r\n",
            "GET /#x HTTP/1.1\r\nHost: api.example\r\n\r\n",
            "CONNECT evil.example:443 HTTP/1.1\r\nHost: api.example\r\n\r\n",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    for (String head : heads) {
      assertThat(send(head)).as(head).startsWith("HTTP/1.1 400");
    }
    assertThat(send("TRACE / HTTP/1.1\r\nHost: api.example\r\n\r\n")).startsWith("HTTP/1.1 405");
    assertThat(server.seen).isEmpty();
  }

  @Test
  void aSecondRequestForAnotherHostEndsTheConnection() throws Exception {
    try (SSLSocket tls = guest(HOST)) {
      GateRig.send(
          tls,
          lines("GET /a HTTP/1.1", "Host: api.example", "")
              + lines("GET /b HTTP/1.1", "Host: evil.example", ""));
      GateRig.rest(tls);
    }
    assertThat(server.seen).extracting(SecretServer.Seen::target).doesNotContain("/b");
  }

  @Test
  void plainHttpDoesNotCarryIt() throws Exception {
    try (Socket socket = rig.connect()) {
      GateRig.send(socket, request("/a", "Authorization: " + PLACEHOLDER));
      GateRig.rest(socket);
    }
    noneCarriesTheValue();
  }

  @Test
  void aRedirectIsTheGuestsOwnAffair() throws Exception {
    assertThat(send(request("/redirect")))
        .startsWith("HTTP/1.1 302")
        .contains("https://evil.example/stolen");
    assertThat(server.seen).hasSize(1);
  }

  @Test
  void aHostWithoutTheRightCertificateGetsNothing() throws Exception {
    GateAuthority stranger = GateAuthority.open(folder.resolve("stranger.pem"));
    GateAuthority world = GateAuthority.open(folder.resolve("world.pem"));
    try (SecretServer impostor = SecretServer.start(MemorySlots.v4("127.0.8.81"), stranger, HOST);
        SecretServer other =
            SecretServer.start(MemorySlots.v4("127.0.8.82"), world, "evil.example")) {
      for (SecretServer each : List.of(impostor, other)) {
        Inet4Address address = MemorySlots.v4(each == impostor ? "127.0.8.81" : "127.0.8.82");
        names.put(HOST, List.of(address));
        rig.destination = new InetSocketAddress(address, each.port());
        hold(onPort(each.port()));
        assertThat(send(request("/a")))
            .startsWith("HTTP/1.1 502")
            .contains("\"code\":\"certificate_refused\"");
        assertThat(each.seen).isEmpty();
      }
    }
  }

  @Test
  void theHostIsFoundByTheGateWhateverTheGuestConnectedTo() throws Exception {
    rig.destination = new InetSocketAddress(MemorySlots.v4("127.0.8.99"), server.port());
    assertThat(send(request("/a"))).startsWith("HTTP/1.1 200");
    assertThat(only().authorization()).containsExactly(VALUE);
  }

  @Test
  void aNameThatLeadsToADeniedAddressIsNotFollowed() throws Exception {
    names.put(HOST, List.of(MemorySlots.v4("10.213.0.7")));
    assertThat(send(request("/a")))
        .startsWith("HTTP/1.1 502")
        .contains("\"code\":\"host_unreachable\"");
    names.clear();
    assertThat(send(request("/a"))).startsWith("HTTP/1.1 502");
    assertThat(server.seen).isEmpty();
  }

  @Test
  void thePolicyDecidesNotTheSecret() throws Exception {
    rig.slots.set(GateRig.SLOT, EgressPolicy.SHUT);
    assertThatThrownBy(
            () -> {
              try (SSLSocket tls = guest(HOST)) {
                tls.startHandshake();
              }
            })
        .isInstanceOf(IOException.class);
    rig.allowOnly(HOST);
    assertThat(send(request("/a"))).startsWith("HTTP/1.1 200");
    assertThat(only().authorization()).containsExactly(VALUE);
  }

  @Test
  void aChangeCountsFromTheNextRequestOnAndARevocationCutsTheConnection() throws Exception {
    try (SSLSocket tls = guest(HOST)) {
      GateRig.send(tls, "GET /1 HTTP/1.1\r\nHost: api.example\r\n\r\n");
      assertThat(untilFine(tls)).startsWith("HTTP/1.1 200");
      values.put("sealed", "Bearer changed");
      GateRig.send(tls, "GET /2 HTTP/1.1\r\nHost: api.example\r\n\r\n");
      untilFine(tls);
      hold();
      rig.gate.recheck(GateRig.SLOT);
      GateRig.rest(tls);
    }
    rig.awaitNoConnections();
    assertThat(server.seen)
        .extracting(it -> it.authorization().getFirst())
        .containsExactly(VALUE, "Bearer changed");
  }

  private static String untilFine(SSLSocket tls) throws IOException {
    StringBuilder text = new StringBuilder();
    while (text.indexOf("fine\n") < 0) {
      text.append(GateRig.read(tls, 1));
    }
    return text.toString();
  }

  @Test
  void answersStreamAsTheyCome() throws Exception {
    try (SSLSocket tls = guest(HOST)) {
      GateRig.send(tls, request("/slow"));
      StringBuilder text = new StringBuilder();
      while (text.indexOf("one\n") < 0) {
        text.append(GateRig.read(tls, 1));
      }
      server.second.countDown();
      assertThat(GateRig.rest(tls)).contains("two\n");
    }
  }

  @Test
  void largeBodiesPassBothWays() throws Exception {
    assertThat(send(request("/large"))).hasSizeGreaterThan(5_000_000);
    try (SSLSocket tls = guest(HOST)) {
      GateRig.send(
          tls,
          lines(
              "POST /up HTTP/1.1",
              "Host: api.example",
              "Connection: close",
              "Content-Length: 3000000",
              ""));
      tls.getOutputStream().write(new byte[3_000_000]);
      assertThat(GateRig.rest(tls)).endsWith("fine\n");
    }
    assertThat(server.seen).last().satisfies(it -> assertThat(it.body()).isEqualTo(3_000_000));
    try (SSLSocket tls = guest(HOST)) {
      GateRig.send(
          tls,
          lines(
              "POST /up HTTP/1.1",
              "Host: api.example",
              "Connection: close",
              "Transfer-Encoding: chunked",
              "",
              "5",
              "abcde",
              "3",
              "fgh",
              "0",
              ""));
      assertThat(GateRig.rest(tls)).endsWith("fine\n");
    }
    assertThat(server.seen).last().satisfies(it -> assertThat(it.body()).isEqualTo(8));
  }

  @Test
  void aSecretOfSomeRequestsGoesIntoNoOther() throws Exception {
    List<SecretRule.Request> only =
        List.of(
            new SecretRule.Request("GET", "/o/r/info?service=read"),
            new SecretRule.Request("POST", "/o/r/read"));
    hold(rule("TOKEN", new SecretRule.Place.Header("Authorization"), only, true));
    send(request("/o/r/info?service=read"));
    send("POST /o/r/read HTTP/1.1\r\nHost: api.example\r\nContent-Length: 0\r\n\r\n");
    assertThat(server.seen)
        .hasSize(2)
        .allSatisfy(it -> assertThat(it.authorization()).containsExactly(VALUE));
    server.seen.clear();
    for (String target :
        List.of(
            "/",
            "/o/r/read",
            "/o/r/info",
            "/o/r/info?service=write",
            "/o/r/info?service=read&x=1",
            "/O/r/info?service=read",
            "/o/r/./info?service=read",
            "//o/r/info?service=read",
            "/o/r/%69nfo?service=read")) {
      send(request(target));
    }
    noneCarriesTheValue();
  }

  @Test
  void whereAHostLeadsToItDoesNotTellTheSecretOfTheQuery() throws Exception {
    values.put("sealed", "s3cr3t value/+1");
    hold(query("TOKEN", "key", true));
    for (String path : List.of("/again", "/again-in-pieces", "/again-coded-oddly")) {
      String answer = send(request(path));
      assertThat(answer)
          .startsWith("HTTP/1.1 301")
          .contains("?key=" + PLACEHOLDER + "\r\n")
          .contains("Content-Length: 0\r\n")
          .doesNotContainIgnoringCase("s3cr3t")
          .doesNotContainIgnoringCase("%733cr3t");
    }
    // The placeholder in the address that it leads to is filled in again.
    assertThat(send(request("/a?key=" + PLACEHOLDER)))
        .startsWith("HTTP/1.1 200")
        .endsWith("fine\n");
    assertThat(server.seen)
        .last()
        .satisfies(it -> assertThat(it.target()).isEqualTo("/a?key=s3cr3t%20value%2F%2B1"));
  }

  @Test
  void aConnectionWithASecretOfTheQueryHasOneRequest() throws Exception {
    hold(query("TOKEN", "key", true));
    try (SSLSocket tls = guest(HOST)) {
      GateRig.send(tls, "GET /1 HTTP/1.1\r\nHost: api.example\r\n\r\n");
      assertThat(GateRig.rest(tls)).startsWith("HTTP/1.1 200").endsWith("fine\n");
    }
    try (SSLSocket tls = guest(HOST)) {
      GateRig.send(tls, "POST /2 HTTP/1.1\r\nHost: api.example\r\nContent-Length: 3\r\n\r\nabc");
      assertThat(GateRig.rest(tls)).startsWith("HTTP/1.1 200");
    }
    assertThat(server.seen).extracting(SecretServer.Seen::body).containsExactly(0, 3);
    rig.awaitNoConnections();
  }

  @Test
  void methodsThatEchoAreRefusedHoweverTheyAreSpelled() throws Exception {
    for (String method : List.of("TRACE", "trace", "Track", "DEBUG")) {
      assertThat(send(method + " / HTTP/1.1\r\nHost: api.example\r\n\r\n"))
          .startsWith("HTTP/1.1 405");
    }
    assertThat(server.seen).isEmpty();
  }

  @Test
  void theHostsNameIsWrittenByTheGate() throws Exception {
    for (String spelled : List.of("API.example", "api.example.", "api.example:1")) {
      send("GET / HTTP/1.1\r\nHost: " + spelled + "\r\nConnection: close\r\n\r\n");
    }
    assertThat(server.seen).hasSize(3);
    assertThat(server.hosts).containsOnly(HOST + ":" + server.port());
  }

  @Test
  void aRevocationWhileARequestIsWrittenStopsIt() throws Exception {
    onOpen =
        () -> {
          hold();
          rig.gate.recheck(GateRig.SLOT);
        };
    try (SSLSocket tls = guest(HOST)) {
      GateRig.send(tls, request("/a"));
      GateRig.rest(tls);
    } catch (IOException cut) {
      // That is what happens to it.
    }
    rig.awaitNoConnections();
    assertThat(server.seen).isEmpty();
  }

  @Test
  void aSecretThatComesLaterCutsConnectionsThatWerePassedOn() throws Exception {
    hold();
    try (Socket socket = rig.connect()) {
      SSLContext any = SSLContext.getInstance("TLS");
      any.init(null, new javax.net.ssl.TrustManager[] {new TrustAll()}, null);
      SSLSocket tls =
          (SSLSocket) any.getSocketFactory().createSocket(socket, HOST, server.port(), true);
      GateRig.send(tls, "GET /1 HTTP/1.1\r\nHost: api.example\r\n\r\n");
      untilFine(tls);
      hold(header("TOKEN", "Authorization", true));
      rig.gate.recheck(GateRig.SLOT);
      rig.awaitNoConnections();
    }
    assertThat(only().authorization()).isEmpty();
  }

  @Test
  void aHostThatIsSilentIsSaidNotToBeReached() throws Exception {
    try (ServerSocket mute = new ServerSocket(0, 10, MemorySlots.v4("127.0.8.83"))) {
      Inet4Address address = MemorySlots.v4("127.0.8.83");
      names.put(HOST, List.of(address));
      rig.destination = new InetSocketAddress(address, mute.getLocalPort());
      hold(onPort(mute.getLocalPort()));
      assertThat(send(request("/a")))
          .startsWith("HTTP/1.1 502")
          .contains("\"code\":\"host_unreachable\"");
    }
  }

  @Test
  void whyASecretCannotBeReadIsNotToldToTheGuest() throws Exception {
    onOpen =
        () -> {
          throw new PodflareException(ErrorCode.HOST_NOT_READY, "no key in /var/lib/there");
        };
    assertThat(send(request("/a")))
        .startsWith("HTTP/1.1 502")
        .contains("\"code\":\"secret_unreadable\"")
        .doesNotContain("/var/lib");
    assertThat(server.seen).isEmpty();
  }

  @Test
  void aHeadThatSecretsMakeTooLargeIsRefused() throws Exception {
    values.put("sealed", "v".repeat(8000));
    assertThat(send(request("/a", "Authorization: " + PLACEHOLDER.repeat(20))))
        .startsWith("HTTP/1.1 431");
    assertThat(server.seen).isEmpty();
  }

  @Test
  void theAuthorityIsMadeOnceAndItsKeyIsRootsAlone() throws Exception {
    Path file = folder.resolve("gate.pem");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
        .isEqualTo("rw-------");
    assertThat(GateAuthority.open(file).pem()).isEqualTo(gateAuthority.pem());
    Path pem = Files.writeString(folder.resolve("public.pem"), gateAuthority.pem());
    Process openssl =
        new ProcessBuilder("openssl", "x509", "-noout", "-hash", "-in", pem.toString()).start();
    assertThat(new String(openssl.getInputStream().readAllBytes(), StandardCharsets.US_ASCII))
        .isEqualTo(gateAuthority.subjectHash() + "\n");
  }
}
