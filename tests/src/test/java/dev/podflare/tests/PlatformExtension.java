package dev.podflare.tests;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;

/** Starts one daemon when the first test asks for it, and stops it after the last. Thread-safe. */
final class PlatformExtension implements ExecutionCondition, ParameterResolver {
  private static final Namespace OURS = Namespace.create(PlatformExtension.class);
  private static final List<String> PROGRAMS =
      List.of("qemu-system-x86_64", "bwrap", "setpriv", "mmdebstrap", "mke2fs");

  /** The shared daemon and its folder. */
  private record Shared(Path data, TestPlatform platform) implements AutoCloseable {
    static Shared start() {
      try {
        Path data = Files.createTempDirectory("podflare-tests");
        return new Shared(data, TestPlatform.start(data, UnaryOperator.identity()));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    @Override
    public void close() throws IOException {
      platform.close();
      try (Stream<Path> tree = Files.walk(data)) {
        for (Path path : tree.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(path);
        }
      }
    }
  }

  @Override
  public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
    if (!"root".equals(System.getProperty("user.name"))) {
      return ConditionEvaluationResult.disabled("real guests need root");
    }
    List<String> missing = PROGRAMS.stream().filter(name -> !installed(name)).toList();
    return missing.isEmpty()
        ? ConditionEvaluationResult.enabled("real guests can run here")
        : ConditionEvaluationResult.disabled("real guests need " + missing);
  }

  private static boolean installed(String program) {
    return Stream.of("/usr/bin", "/usr/sbin", "/sbin", "/bin", "/usr/local/bin")
        .anyMatch(folder -> Files.isExecutable(Path.of(folder, program)));
  }

  @Override
  public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
    return parameter.getParameter().getType() == TestPlatform.class;
  }

  @Override
  public TestPlatform resolveParameter(ParameterContext parameter, ExtensionContext context) {
    return context
        .getRoot()
        .getStore(OURS)
        .computeIfAbsent(Shared.class, _ -> Shared.start(), Shared.class)
        .platform();
  }
}
