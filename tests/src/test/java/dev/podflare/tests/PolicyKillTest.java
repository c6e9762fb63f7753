package dev.podflare.tests;

import static dev.podflare.tests.GuestProbe.bash;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.podflare.client.ApiException;
import dev.podflare.client.ListFilter;
import dev.podflare.client.NetworkPolicy;
import dev.podflare.client.Podflare;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxOptions;
import dev.podflare.tests.Arrivals.Port;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * {@code kill -9} of the daemon at any moment, while its guests live on and knock at the internet
 * without end: the policies that were in force stay in force, without a daemon and while the next
 * one takes the guests over. Each guest has ports of its own there, so what arrives tells who has
 * sent it. Each is seen to arrive before its policy forbids it, and refusals are counted by the
 * kernel afterwards, so silence means that it was held back, not that it had stopped.
 */
@OnPlatform
@Order(91)
class PolicyKillTest {
  private static final int LATEST_MILLIS = 1500;
  private static final int ENOUGH = 8;
  private static final Duration SETTLED = Duration.ofMillis(500);
  private static final Duration DEAD = Duration.ofSeconds(2);

  private static final Port OPEN = new Port(TestInternet.SERVER, 7001);
  private static final Port SHUT = new Port(TestInternet.SERVER, 7002);
  private static final Port LISTED = new Port(TestInternet.SERVER, 7003);
  private static final Port UNLISTED = new Port(TestInternet.SERVER, 7004);
  private static final Port OTHER = new Port(TestInternet.OTHER_SERVER, 7003);
  private static final Port NAMED = new Port(TestInternet.SERVER, 7005);
  private static final Port CHANGING = new Port(TestInternet.SERVER, 7006);
  private static final List<Port> ALL =
      List.of(OPEN, SHUT, LISTED, UNLISTED, OTHER, NAMED, CHANGING);
  private static final List<Port> FORBIDDEN = List.of(SHUT, UNLISTED, OTHER, CHANGING);

  /** None of them allows {@link #CHANGING}. */
  private static final List<NetworkPolicy> CHANGES =
      List.of(
          NetworkPolicy.shut(),
          NetworkPolicy.only(List.of("203.0.113.10:7003")),
          NetworkPolicy.openBut(List.of("203.0.113.10")),
          NetworkPolicy.only(List.of("files.example:7005", "198.18.0.0/15")));

  @TempDir Path data;

  private final Random random = new Random(20_261_125);
  private final TestInternet internet = TestInternet.get();

  /** A failure must not leave guests that knock for ever. */
  @AfterEach
  void clear() throws IOException {
    if (!HostState.leftovers(data, internet).isEmpty()) {
      DaemonProcess.start(data, internet).close(); // takes them over, and ends them
    }
  }

  @Test
  void whatWasForbiddenStaysForbidden() throws Exception {
    internet.names.put("files.example", TestInternet.SERVER);
    Map<Port, Long> forbidden = Map.of();
    int rounds = LongRun.choose(2, 30);
    try (Arrivals arrivals = Arrivals.count(internet, ALL)) {
      for (int round = 0; round <= rounds; round++) {
        try (DaemonProcess daemon = DaemonProcess.start(data, internet);
            NamespaceDoor door = NamespaceDoor.open(internet.hostNamespace(), daemon.uri());
            Podflare client = daemon.client(door.uri())) {
          if (round > 0 && round < rounds) {
            assertInForceAgain(arrivals, forbidden);
          }
          client.listAll(ListFilter.ALL, 1000).forEach(one -> client.sandbox(one.id()).delete());
          if (round < rounds) {
            Scene scene = setOut(client, arrivals);
            forbidden = scene.forbidden();
            killAtWork(daemon, client, scene);
            assertInForce(arrivals, forbidden);
            if (round == rounds - 1) {
              assertThatNothingElseHeldThemBack(arrivals);
              forbidden = Map.of();
            }
          }
        }
      }
    }
    assertThat(HostState.leftovers(data, internet)).isEmpty();
  }

  /**
   * What is at work when the daemon dies.
   *
   * @param forked may not do anything either, and may be at a standstill when the daemon dies
   * @param forbidden what came to those ports before they were forbidden
   */
  private record Scene(Sandbox forked, Sandbox changing, Map<Port, Long> forbidden) {}

  /** Guests that all arrive, and then most of them must not. */
  private static Scene setOut(Podflare client, Arrivals arrivals) throws IOException {
    knocking(client, NetworkPolicy.open(), OPEN);
    Sandbox shut = knocking(client, NetworkPolicy.open(), SHUT);
    Sandbox listed = knocking(client, NetworkPolicy.open(), LISTED, UNLISTED, OTHER, NAMED);
    Sandbox changing = knocking(client, NetworkPolicy.open(), CHANGING);
    knock(listed, "files.example:7005"); // asks for the name, too
    ALL.forEach(port -> awaitMore(arrivals, port));
    shut.setNetwork(NetworkPolicy.shut());
    Sandbox forked = knocking(client, NetworkPolicy.shut(), SHUT);
    listed.setNetwork(NetworkPolicy.only(List.of("203.0.113.10:7003", "files.example:7005")));
    changing.setNetwork(NetworkPolicy.shut());
    Map<Port, Long> forbidden = new HashMap<>();
    FORBIDDEN.forEach(port -> forbidden.put(port, arrivals.at(port)));
    awaitMore(arrivals, NAMED); // through the gate
    return new Scene(forked, changing, forbidden);
  }

  private static Sandbox knocking(Podflare client, NetworkPolicy policy, Port... targets)
      throws IOException {
    Sandbox sandbox = client.create(SandboxOptions.builder().network(policy).build());
    try (InputStream code = PolicyKillTest.class.getResourceAsStream("/knock.py")) {
      assertThat(code).isNotNull();
      String program = Base64.getEncoder().encodeToString(code.readAllBytes());
      bash(sandbox, "echo " + program + " | base64 -d > /root/knock.py");
    }
    knock(sandbox, Stream.of(targets).map(Port::toString).toArray(String[]::new));
    return sandbox;
  }

  private static void knock(Sandbox sandbox, String... targets) {
    String words = String.join(" ", targets);
    bash(sandbox, "nohup python3 /root/knock.py " + words + " > /dev/null 2>&1 &");
  }

  private static void awaitMore(Arrivals arrivals, Port port) {
    long already = arrivals.at(port);
    await("arrivals at " + port)
        .atMost(TestPlatform.PATIENCE)
        .until(() -> arrivals.at(port) >= already + ENOUGH);
  }

  private static void assertSame(Arrivals arrivals, Map<Port, Long> forbidden) {
    forbidden.forEach(
        (port, count) -> assertThat(arrivals.at(port)).as("%s", port).isEqualTo(count));
  }

  /** Dies while a policy changes, a guest is forked and slots are used up, scrubbed and made. */
  private void killAtWork(DaemonProcess daemon, Podflare client, Scene scene) throws Exception {
    List<Thread> workers =
        List.of(
            start(() -> CHANGES.forEach(scene.changing()::setNetwork)),
            start(() -> scene.forked().fork(2).forEach(Sandbox::delete)),
            start(() -> client.create().delete()));
    Thread.sleep(random.nextInt(LATEST_MILLIS));
    daemon.kill();
    for (Thread worker : workers) {
      assertThat(worker.join(TestPlatform.PATIENCE)).isTrue();
    }
  }

  private static Thread start(Runnable work) {
    return Thread.ofVirtual()
        .start(() -> {
          try {
            while (true) {
              work.run();
            }
          } catch (ApiException dead) {
            assertThat(dead.code())
                .isIn(ApiException.UNREACHABLE, ApiException.BAD_ANSWER, "host_full");
          }
        });
  }

  private void assertInForce(Arrivals arrivals, Map<Port, Long> forbidden) throws Exception {
    Thread.sleep(SETTLED); // the gate's own connections end with the daemon
    long named = arrivals.at(NAMED);
    Map<String, Long> refused = refusals();
    long begin = System.nanoTime();
    awaitMore(arrivals, OPEN);
    awaitMore(arrivals, LISTED);
    await("refusals besides " + refused)
        .atMost(TestPlatform.PATIENCE)
        .until(() -> more(refused, refusals()) >= 3); // of shut, listed and changing
    Thread.sleep(Math.max(0, DEAD.toMillis() - (System.nanoTime() - begin) / 1_000_000));
    assertSame(arrivals, forbidden);
    assertThat(arrivals.at(NAMED)).as("without a gate no name is let through").isEqualTo(named);
  }

  /** The next daemon has a table of its own, which has the same guests' policies. */
  private void assertInForceAgain(Arrivals arrivals, Map<Port, Long> forbidden) throws Exception {
    awaitMore(arrivals, OPEN);
    awaitMore(arrivals, LISTED);
    awaitMore(arrivals, NAMED); // there is a gate again
    Thread.sleep(SETTLED);
    assertSame(arrivals, forbidden);
  }

  /** Whose refusals have grown. */
  private static long more(Map<String, Long> before, Map<String, Long> now) {
    return now.entrySet().stream()
        .filter(slot -> slot.getValue() >= before.getOrDefault(slot.getKey(), 0L) + ENOUGH)
        .count();
  }

  /** What the dead daemon's table has refused by policy, by slot. */
  private Map<String, Long> refusals() {
    Map<String, Long> counts = new HashMap<>();
    Pattern.compile("(10\\.[0-9.]+) counter packets (\\d+)")
        .matcher(internet.filter(data, "list set inet %s refused_policy"))
        .results()
        .forEach(slot -> counts.put(slot.group(1), Long.parseLong(slot.group(2))));
    return counts;
  }

  /** Without its rules, the same guests arrive at once. */
  private void assertThatNothingElseHeldThemBack(Arrivals arrivals) {
    internet.filter(data, "flush chain inet %s forward");
    FORBIDDEN.forEach(port -> awaitMore(arrivals, port));
  }
}
