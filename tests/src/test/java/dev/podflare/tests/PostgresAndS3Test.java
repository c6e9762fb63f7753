package dev.podflare.tests;

import static dev.podflare.tests.GuestProbe.assertUsable;
import static dev.podflare.tests.GuestProbe.bash;
import static dev.podflare.tests.GuestProbe.python;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.podflare.client.ApiException;
import dev.podflare.client.ListFilter;
import dev.podflare.client.Podflare;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxInfo;
import dev.podflare.client.SandboxOptions;
import dev.podflare.client.SpaceInfo;
import dev.podflare.store.testing.PostgresProcess;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.ResourceLock;

/** Daemons whose records are in a PostgreSQL and whose checkpoints are in an S3. */
@OnPlatform
@ResourceLock(SharedServers.LOCK)
@Order(58)
class PostgresAndS3Test {
  @TempDir Path folder;

  private final SharedServers servers = new SharedServers();

  @AfterEach
  void close() {
    servers.close();
  }

  private static Sandbox persistent(Podflare client) {
    return client.create(SandboxOptions.builder().persistent(true).build());
  }

  private static void refused(Runnable call, String code, int status) {
    assertThatThrownBy(call::run)
        .isInstanceOfSatisfying(
            ApiException.class,
            e -> {
              assertThat(e.code()).isEqualTo(code);
              assertThat(e.status()).isEqualTo(status);
              assertThat(e.getMessage()).doesNotContain(PostgresProcess.PASSWORD);
            });
  }

  /** A growing state, of which memory and disk are checked in each round. */
  @Test
  void roundsOfFreezingLoseNothingOverRestartsOfAllThree() throws Exception {
    int rounds = LongRun.choose(4, 100);
    String id = "";
    String before = "";
    for (int half = 0; half < 2; half++) {
      try (DaemonProcess daemon = servers.daemon(folder.resolve("a"), "a");
          Podflare client = daemon.client()) {
        Sandbox sandbox = half == 0 ? persistent(client) : client.sandbox(id);
        if (half == 0) {
          id = sandbox.id();
          python(sandbox, "import hashlib, os; state = []");
          bash(sandbox, "mkdir /root/files");
        } else {
          assertThat(digests(sandbox)).as("after a restart").isEqualTo(before);
        }
        for (int round = 0; round < rounds / 2; round++) {
          python(sandbox, "state.append(os.urandom(300_000))");
          bash(sandbox, "head -c 300k /dev/urandom > /root/files/" + half + "-" + round);
          before = digests(sandbox);
          sandbox.freeze();
          if (round % 10 == 1) {
            servers.postgres.stop();
            servers.postgres.goOn();
          }
          assertThat(digests(sandbox)).as("round %d of half %d", round, half).isEqualTo(before);
        }
        if (half == 1) {
          sandbox.delete();
        }
        assertThat(daemon.terminate()).as(daemon.log()).isEqualTo(143);
      }
      assertThat(HostState.leftovers(folder.resolve("a"))).isEmpty();
    }
    assertThat(folder.resolve("a").resolve("podflare.db")).doesNotExist();
    assertThat(servers.isClosed(id)).isTrue();
  }

  private static String digests(Sandbox sandbox) {
    return python(sandbox, "print(len(state), hashlib.sha256(b''.join(state)).hexdigest())")
        + bash(
            sandbox,
            "sync; echo 3 > /proc/sys/vm/drop_caches; cat /root/files/* | sha256sum; ls /root/files"
                + " | wc -l");
  }

  @Test
  void aDatabaseThatIsAwayStopsNoSandbox() throws Exception {
    Path data = folder.resolve("a");
    try (DaemonProcess daemon = servers.daemon(data, "a");
        Podflare client = daemon.client()) {
      Sandbox stays = persistent(client);
      Sandbox goes = client.create();
      python(stays, "x = 1");
      servers.postgres.stop();
      try {
        assertThat(python(stays, "print(x)")).isEqualTo("1");
        refused(client::create, "records_unavailable", 503);
        refused(stays::freeze, "records_unavailable", 503);
        refused(goes::delete, "records_unavailable", 503); // its machine is gone all the same
        assertThat(python(stays, "print(x)")).isEqualTo("1");
      } finally {
        servers.postgres.goOn();
      }
      await().atMost(TestPlatform.PATIENCE).until(() -> servers.isClosed(goes.id()));
      assertUsable(client.create());
      stays.freeze();
      assertThat(python(stays, "print(x)")).isEqualTo("1");
      assertThat(Files.readString(Path.of("/proc/" + daemon.process.pid() + "/cmdline")))
          .doesNotContain(PostgresProcess.PASSWORD);
      assertThat(daemon.log())
          .contains("postgresql://podflare@127.0.0.1")
          .doesNotContain(PostgresProcess.PASSWORD);
    }
    assertThat(HostState.leftovers(data)).isEmpty();
  }

  @Test
  void twoDaemonsShareAllButTheMachines() throws Exception {
    Path first = folder.resolve("a");
    Path second = folder.resolve("b");
    try (DaemonProcess other = servers.daemon(second, "b");
        Podflare atOther = other.client()) {
      Sandbox theirs = atOther.create();
      String frozen;
      try (DaemonProcess one = servers.daemon(first, "a");
          Podflare atOne = one.client()) {
        Sandbox ours = persistent(atOne);
        python(ours, "x = 7");
        assertThat(atOther.listAll(ListFilter.ALL, 100))
            .extracting(SandboxInfo::id)
            .contains(ours.id(), theirs.id());
        assertThat(atOther.sandbox(ours.id()).info().state()).isEqualTo("ready");
        refused(() -> atOther.sandbox(ours.id()).runCode("print(x)"), "wrong_node", 421);
        refused(() -> atOther.sandbox(ours.id()).delete(), "wrong_node", 421);
        refused(() -> atOther.sandbox(ours.id()).freeze(), "wrong_node", 421);
        assertThat(python(ours, "print(x)")).isEqualTo("7");
        SpaceInfo space = ours.freeze();
        frozen = ours.id();
        assertThat(atOther.spaces().list()).extracting(SpaceInfo::id).containsExactly(space.id());
        one.kill();
      }
      // They have the template's frozen shape in common, so that the other one can go on with it.
      assertThat(python(atOther.sandbox(frozen), "print(x)")).isEqualTo("7");
      assertUsable(theirs);
      try (DaemonProcess one = servers.daemon(first, "a");
          Podflare atOne = one.client()) {
        assertUsable(theirs);
        assertThat(python(atOther.sandbox(frozen), "print(x)")).isEqualTo("7");
        refused(() -> atOne.sandbox(frozen).runCode("print(x)"), "wrong_node", 421);
      }
    }
    assertThat(HostState.leftovers(first)).isEmpty();
    assertThat(HostState.leftovers(second)).isEmpty();
  }
}
