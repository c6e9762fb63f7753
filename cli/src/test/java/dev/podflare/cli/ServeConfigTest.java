package dev.podflare.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.engine.GuestNetworkConfig;
import dev.podflare.network.Cidr;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

class ServeConfigTest {
  private static final String WHOLE =
      """
      data: /srv/podflare
      server:
        listen: 0.0.0.0:9000
        region: eu
        endpoint: https://eu.example
        ports_domain: sandboxes.example
      engine:
        accelerator: tcg
        templates: /srv/templates
        template: python-datasci
        pool: 7
        blanks: 3
        pools: {minimal: {pool: 1, blanks: 2}}
        max_sandboxes: 10
        max_sandboxes_per_key: 5
        memory_overcommit: 1.5
        max_fork: 50
        max_undo: 12
        max_processes: 20
        max_contexts: 9
        max_output_bytes: 5000000000
        timeout_seconds: 60
        idle_timeout_seconds: 30
      network:
        range: 10.77.0.0/16
        ipv6: off
        allow: [10.1.2.0/24]
        resolvers: [10.1.2.53]
        connections: 100
      database: {url: 'postgresql://u@h/d', node: host-a}
      webhooks:
        allow_private: true
        allow: [10.3.0.0/16]
      log:
        format: json
        level: debug
      """;

  @Test
  void defaults() {
    assertThat(ServeConfig.of(ServeFile.parse("# nothing\n", "f")))
        .isEqualTo(
            new ServeConfig(
                new ListenAddress("127.0.0.1", 8787),
                DataFolder.standard(),
                AcceleratorChoice.AUTO,
                Optional.empty(),
                "default",
                OptionalInt.empty(),
                OptionalInt.empty(),
                ServeFile.EnginePart.EMPTY,
                ServeFile.NetworkPart.EMPTY,
                ServeFile.StorePart.EMPTY,
                ServeFile.DatabasePart.EMPTY,
                ServeFile.WebhooksPart.EMPTY,
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                LogFormat.TEXT,
                "info"));
  }

  @Test
  void everyKeyOfTheFileCounts() {
    ServeFile file = ServeFile.parse(WHOLE, "f");
    ServeFile.EnginePart engine = file.engine().orElseThrow();
    assertThat(engine.pools().orElseThrow())
        .containsExactly(java.util.Map.entry("minimal", new ServeFile.PoolPart(1, 2)));
    assertThat(engine.maxSandboxes()).hasValue(10);
    assertThat(engine.maxSandboxesPerKey()).hasValue(5);
    assertThat(engine.memoryOvercommit()).hasValue(1.5);
    assertThat(engine.maxFork()).hasValue(50);
    assertThat(engine.maxUndo()).hasValue(12);
    assertThat(engine.maxProcesses()).hasValue(20);
    assertThat(engine.maxContexts()).hasValue(9);
    assertThat(engine.maxOutputBytes()).hasValue(5_000_000_000L);
    GuestNetworkConfig network =
        NetworkSettings.of(file.network().orElseThrow(), Map.of()).orElseThrow();
    assertThat(network.range()).contains(Cidr.parse("10.77.0.0/16"));
    assertThat(network.exceptions()).containsExactly(Cidr.parse("10.1.2.0/24"));
    assertThat(network.resolvers())
        .containsExactly(new InetSocketAddress(InetAddress.ofLiteral("10.1.2.53"), 53));
    assertThat(network.limits().connections()).isEqualTo(100);
    assertThat(network.ipv6()).isFalse();
    assertThat(NetworkSettings.of(ServeFile.NetworkPart.EMPTY, Map.of()).orElseThrow().ipv6())
        .isTrue();
    assertThat(engine.timeoutSeconds()).hasValue(60);
    assertThat(engine.idleTimeoutSeconds()).hasValue(30);
    assertThat(ServeConfig.of(file))
        .isEqualTo(
            new ServeConfig(
                new ListenAddress("0.0.0.0", 9000),
                Path.of("/srv/podflare"),
                AcceleratorChoice.TCG,
                Optional.of(Path.of("/srv/templates")),
                "python-datasci",
                OptionalInt.of(7),
                OptionalInt.of(3),
                engine,
                file.network().orElseThrow(),
                ServeFile.StorePart.EMPTY,
                file.database().orElseThrow(),
                new ServeFile.WebhooksPart(Optional.of(true), Optional.of(List.of("10.3.0.0/16"))),
                Optional.of("eu"),
                Optional.of("https://eu.example"),
                Optional.of("sandboxes.example"),
                LogFormat.JSON,
                "debug"));
  }

  @Test
  void optionsWinOverTheFile(@TempDir Path folder) throws Exception {
    Path file = Files.writeString(folder.resolve("c.yaml"), WHOLE);
    DaemonOptions options =
        CommandLine.populateCommand(
            new DaemonOptions(),
            "--config=" + file,
            "--data=/other",
            "--pool=1",
            "--accel=KVM",
            "--log-level=warn");
    ServeConfig config = options.resolve(Optional.of(new ListenAddress("127.0.0.1", 0)));
    assertThat(config.data()).isEqualTo(Path.of("/other"));
    assertThat(config.pool()).hasValue(1);
    assertThat(config.blanks()).hasValue(3);
    assertThat(config.accelerator()).isEqualTo(AcceleratorChoice.KVM);
    assertThat(config.logLevel()).isEqualTo("warn");
    assertThat(config.logFormat()).isEqualTo(LogFormat.JSON);
    assertThat(config.listen().port()).isZero();
  }

  @Test
  void unknownKeysAreRefusedWithPathAndChoice() {
    assertThatThrownBy(() -> ServeFile.parse("engine:\n  pool: 1\n  blank: 2\n", "my.yaml"))
        .isInstanceOfSatisfying(
            PodflareException.class,
            it -> assertThat(it.code()).isEqualTo(ErrorCode.INVALID_CONFIG))
        .hasMessageContaining("my.yaml: unknown key 'engine.blank'")
        .hasMessageContaining("blanks");
    assertThatThrownBy(() -> ServeFile.parse("poool: 1\n", "f")).hasMessageContaining("'poool'");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "engine:\n  pool: many\n",
        "engine:\n  accelerator: fast\n",
        "engine: [1]\n",
        "data: {a\n"
      })
  void wrongValuesAreRefused(String yaml) {
    assertThatThrownBy(() -> ServeFile.parse(yaml, "f"))
        .isInstanceOf(PodflareException.class)
        .hasMessageMatching("f, (line \\d+|[a-z.]+): .+(?s:.*)");
  }

  @ParameterizedTest
  @ValueSource(strings = {"8787", ":8787", "host:", "host:99999", "a:b:1", "host:-1", ""})
  void addressesToListenOnAreChecked(String text) {
    assertThatThrownBy(() -> ListenAddress.parse(text)).isInstanceOf(PodflareException.class);
  }

  @Test
  void listensOnVersionSix() {
    assertThat(ListenAddress.parse("[::1]:80")).isEqualTo(new ListenAddress("::1", 80));
  }
}
