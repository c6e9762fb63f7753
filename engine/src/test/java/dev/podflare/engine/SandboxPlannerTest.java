package dev.podflare.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.common.DataSize;
import dev.podflare.common.PodflareException;
import dev.podflare.image.BuiltTemplate;
import dev.podflare.image.Shape;
import dev.podflare.network.EgressPolicy;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

class SandboxPlannerTest {
  private static final Path FOLDER = Path.of("template");
  private static final BuiltTemplate TEMPLATE =
      new BuiltTemplate(
          "default",
          "d".repeat(32),
          "i".repeat(32),
          FOLDER,
          FOLDER,
          FOLDER,
          FOLDER,
          DataSize.ofGibibytes(4),
          new Shape(2, DataSize.ofGibibytes(1)),
          "",
          java.util.List.of(),
          Instant.EPOCH);

  private final SandboxPlanner planner = new SandboxPlanner(EngineConfig.of(Path.of("data")));

  @Test
  void whatIsNotSaidComesFromTheTemplateAndTheDefaults() {
    SandboxPlanner.Plan plan = planner.plan(CreateRequest.defaults(), TEMPLATE);
    assertThat(plan.shape()).isEqualTo(TEMPLATE.shape());
    assertThat(plan.disk()).isEqualTo(TEMPLATE.diskSize());
    assertThat(plan.timeout()).isEqualTo(Duration.ofMinutes(30));
    assertThat(plan.idleTimeout()).isEqualTo(Duration.ofMinutes(5));
    Caller caller = new Caller("key_a", false, OptionalInt.empty(), OptionalLong.empty());
    assertThat(plan.record("sbx_1", caller, List.of(), Instant.EPOCH).expiresAt())
        .isEqualTo(Instant.EPOCH.plus(Duration.ofMinutes(30)));
  }

  @Test
  void memoryIsRoundedUpSinceEveryShapeIsKept() {
    assertThat(planner.plan(size(1, 300, 4), TEMPLATE).shape())
        .isEqualTo(new Shape(1, DataSize.ofMebibytes(384)));
  }

  @Test
  void valuesOverACapAreRefusedWithTheCap() {
    assertThatThrownBy(() -> planner.plan(size(17, 1024, 4), TEMPLATE))
        .isInstanceOf(PodflareException.class)
        .hasMessageContaining("vcpus")
        .hasMessageContaining("16");
    assertThatThrownBy(() -> planner.plan(size(1, 16385, 4), TEMPLATE))
        .hasMessageContaining("16384");
    assertThatThrownBy(() -> planner.plan(size(1, 1024, 65), TEMPLATE)).hasMessageContaining("64");
    assertThatThrownBy(() -> planner.plan(size(1, 1024, 3), TEMPLATE))
        .hasMessageContaining("4 to 64");
  }

  @Test
  void environmentMustBeSomethingThatAProcessCanHave() {
    for (Map<String, String> env :
        java.util.List.of(
            Map.of("A=B", "x"),
            Map.of("", "x"),
            Map.of("A", "\0"),
            Map.of("A", "x".repeat(70000)))) {
      assertThatThrownBy(() -> planner.plan(env(env), TEMPLATE))
          .as("%s", env.keySet())
          .isInstanceOf(PodflareException.class);
    }
    assertThat(planner.plan(env(Map.of("A_1", "=x y")), TEMPLATE).request().env()).hasSize(1);
  }

  private static CreateRequest env(Map<String, String> env) {
    CreateRequest usual = CreateRequest.defaults();
    return new CreateRequest(
        usual.template(),
        usual.timeout(),
        usual.idleTimeout(),
        usual.vcpus(),
        usual.memoryMebibytes(),
        usual.diskGibibytes(),
        false,
        Optional.empty(),
        0,
        EgressPolicy.OPEN,
        List.of(),
        List.of(),
        env,
        Map.of());
  }

  private static CreateRequest size(int vcpus, int memory, int disk) {
    return new CreateRequest(
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        OptionalInt.of(vcpus),
        OptionalInt.of(memory),
        OptionalInt.of(disk),
        false,
        Optional.empty(),
        0,
        EgressPolicy.OPEN,
        List.of(),
        List.of(),
        Map.of(),
        Map.of());
  }
}
