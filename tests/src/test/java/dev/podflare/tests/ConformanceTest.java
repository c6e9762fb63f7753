package dev.podflare.tests;

import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** The conformance scripts, by the Java SDK. */
@OnPlatform
@Order(43)
class ConformanceTest {
  private final TestPlatform platform;

  ConformanceTest(TestPlatform platform) {
    this.platform = platform;
  }

  @TestFactory
  Stream<DynamicTest> scripts() throws IOException {
    return ConformanceScript.names().stream()
        .map(name ->
            dynamicTest(
                name,
                () -> ConformanceScript.load(name).run(new ConformanceCalls(platform.client))));
  }

  /** The language itself: what does not match is told with its place. */
  @Test
  void aScriptThatIsNotKeptToFails() {
    List<List<Object>> wrongs =
        List.of(
            List.of(
                Map.of("a", List.of(1, Map.of("b", "x"))),
                Map.of("a", List.of(1, Map.of("b", "y")))),
            List.of(List.of(1, 2), List.of(1)),
            List.of(true, 1),
            List.of("text", Map.of("matches", "^ext")),
            List.of(List.of(Map.of("id", 1)), Map.of("contains", Map.of("id", 2))),
            List.of(List.of(), Map.of("size", 1)),
            List.of(1, Map.of("at_least", 2)),
            List.of(2, Map.of("at_most", 1)),
            List.of("x", Map.of("not", "x")),
            List.of(Map.of(), Map.of("missing", 1)),
            List.of(new byte[] {1}, new byte[] {2}));
    for (List<Object> wrong : wrongs) {
      assertThatThrownBy(() -> ConformanceMatch.check(wrong.getFirst(), wrong.getLast(), ""))
          .isInstanceOf(AssertionError.class)
          .hasMessageContaining(" is ");
    }
    assertThatThrownBy(() -> ConformanceMatch.check(null, Map.of("any", true), "x"))
        .hasMessageContaining("x is null");
    for (Object same : Arrays.asList(7, 7L, 7.0)) {
      ConformanceMatch.check(same, 7, "");
    }
    ConformanceMatch.check(
        Map.of("a", 1, "b", List.of("x", "y")), Map.of("b", Map.of("contains", "y")), "");
  }
}
