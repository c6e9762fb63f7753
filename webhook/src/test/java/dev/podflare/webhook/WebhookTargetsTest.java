package dev.podflare.webhook;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.network.Cidr;
import dev.podflare.store.WebhookRecord;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;
import okhttp3.OkHttpClient;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Where webhooks may lead. */
class WebhookTargetsTest {
  private static final String PUBLIC = "93.184.215.14";

  @TempDir Path folder;
  private WebhookRig rig;
  private Receiver receiver;

  @BeforeEach
  void start() {
    rig = new WebhookRig(folder);
    receiver = Receiver.start();
  }

  @AfterEach
  void stop() {
    rig.close();
    receiver.close();
  }

  private void allow(List<Cidr> blocks, boolean all, Optional<Cidr> slots) {
    rig.targets = WebhookTargets.of(slots, blocks, all);
    rig.restart();
  }

  private void refused(String url) {
    assertThatThrownBy(() -> rig.add(url))
        .as(url)
        .isInstanceOfSatisfying(
            PodflareException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_FIELD))
        .hasMessageContaining("private address");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "127.0.0.1",
        "127.1.2.3",
        "localhost",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::127.0.0.1]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "[fd00::1]",
        "[fec0::1]",
        "[ff02::1]",
        "[::127.0.0.1]"
      })
  void privateAddressesAreRefused(String host) {
    allow(List.of(), false, Optional.empty());
    refused("http://" + host + "/");
    refused("https://" + host + ":8443/x");
  }

  @ParameterizedTest
  @ValueSource(strings = {"0x7f.1", "2130706433", "127.1", "0x7f000001", "127。0。0。1"})
  void noSpellingLeadsThere(String host) {
    allow(List.of(), false, Optional.empty());
    assertThatThrownBy(() -> rig.add("http://" + host + ":" + receiver.port() + "/"))
        .isInstanceOf(PodflareException.class);
  }

  @Test
  void theHostsOwnAddressesAreRefused() throws Exception {
    allow(List.of(Cidr.parse("10.0.0.0/8"), Cidr.parse("172.16.0.0/12")), false, Optional.empty());
    List<InetAddress> own =
        NetworkInterface.networkInterfaces().flatMap(NetworkInterface::inetAddresses).toList();
    assertThat(own).isNotEmpty();
    for (InetAddress address : own) {
      String text = address.getHostAddress().replaceFirst("%.*", "");
      refused("http://" + (text.contains(":") ? "[" + text + "]" : text) + "/");
    }
  }

  @Test
  void whatTheOperatorOpensIsOpen() {
    allow(List.of(Cidr.parse("10.1.2.0/24")), false, Optional.of(Cidr.parse("10.1.2.128/25")));
    assertThat(rig.add("http://10.1.2.3/")).isNotNull();
    refused("http://10.1.3.3/");
    refused("http://10.1.2.129/");
    allow(List.of(), true, Optional.of(Cidr.parse("10.213.0.0/16")));
    rig.create("sbx_0");
    rig.add(receiver.url("localhost"));
    rig.create("sbx_1");
    WebhookRig.until(() -> receiver.messages().size() == 1);
    refused("http://10.213.0.9/");
  }

  @Test
  void aNameThatMeansAnotherAddressLaterIsNotFollowedThere() {
    AtomicBoolean turned = new AtomicBoolean();
    allow(List.of(), false, Optional.empty());
    rig.withNames(host -> {
      if (!host.equals("hook.example")) {
        throw new UnknownHostException(host);
      }
      return WebhookRig.address(turned.get() ? "127.0.0.1" : PUBLIC);
    });
    WebhookRecord webhook = rig.add(receiver.url("hook.example"));
    turned.set(true);
    rig.create("sbx_1");
    WebhookRig.until(() -> rig.look(webhook).lastError().isPresent());
    assertThat(rig.look(webhook).lastError().orElseThrow()).contains("private address");
    assertThat(receiver.messages()).isEmpty();
  }

  /** With two answers the first of which is open, the second must not be connected to either. */
  @Test
  void oneOpenAddressDoesNotOpenTheNext() {
    allow(List.of(), false, Optional.empty());
    AtomicBoolean turned = new AtomicBoolean();
    rig.withNames(_ -> {
      List<InetAddress> all = new ArrayList<>(WebhookRig.address(PUBLIC));
      if (turned.get()) {
        all.clear();
        all.addAll(WebhookRig.address("::ffff:127.0.0.1"));
        all.addAll(WebhookRig.address("127.0.0.1"));
      }
      return all;
    });
    WebhookRecord webhook = rig.add(receiver.url("hook.example"));
    turned.set(true);
    rig.create("sbx_1");
    WebhookRig.until(() -> rig.look(webhook).lastError().isPresent());
    assertThat(receiver.messages()).isEmpty();
  }

  /** Records that were made while more was allowed. */
  @Test
  void anAddressThatIsClosedLaterIsNotConnectedTo() {
    WebhookRecord webhook = rig.add(receiver.url());
    allow(List.of(), false, Optional.empty());
    rig.create("sbx_1");
    WebhookRig.until(() -> rig.look(webhook).lastError().isPresent());
    assertThat(receiver.messages()).isEmpty();
  }

  @Test
  void tlsIsVerified() throws Exception {
    TlsIdentity known = TlsIdentity.make(folder.resolve("known.p12"), "hook.example");
    try (Receiver secure = Receiver.start(known.context())) {
      rig.withNames(_ -> WebhookRig.address("127.0.0.1"));
      WebhookRecord webhook = rig.add(secure.url("hook.example"));
      rig.create("sbx_1");
      WebhookRig.until(() -> rig.look(webhook).lastError().isPresent());
      assertThat(rig.look(webhook).lastError().orElseThrow()).startsWith("no TLS");
      trust(rig.http, known);
      rig.restart();
      WebhookRig.until(() -> rig.look(webhook).lastSuccessAt().isPresent());
      assertThat(secure.sandboxes()).containsExactly("sbx_1");
      WebhookRecord other = rig.add(secure.url("other.example"));
      rig.create("sbx_2");
      WebhookRig.until(() -> rig.look(other).lastError().isPresent());
      assertThat(rig.look(other).lastError().orElseThrow()).startsWith("no TLS");
    }
  }

  private static void trust(OkHttpClient.Builder http, TlsIdentity identity) throws Exception {
    TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
    trust.init(identity.trusted());
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, trust.getTrustManagers(), null);
    http.sslSocketFactory(
        context.getSocketFactory(), (X509TrustManager) trust.getTrustManagers()[0]);
  }
}
