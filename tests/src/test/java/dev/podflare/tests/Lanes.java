package dev.podflare.tests;

import java.lang.reflect.Executable;
import java.lang.reflect.Modifier;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.parallel.ResourceLocksProvider;

/**
 * Three classes run side by side: one of those that use the daemon that all share, and one of each
 * half of those that have a daemon of their own, by name. The three take about as long. Without the
 * halves the shared ones would be left over, to run alone. Those that measure their process are
 * {@code @Isolated}: they come last. What else two cannot have at a time, they lock by name.
 */
final class Lanes implements ResourceLocksProvider {
  private static final Lock SHARED = new Lock("shared daemon");
  private static final Lock FIRST_HALF = new Lock("own daemon, A to O");
  private static final Lock SECOND_HALF = new Lock("own daemon, P to Z");

  @Override
  public Set<Lock> provideForClass(Class<?> tests) {
    if (takesTheSharedOne(tests)) {
      return Set.of(SHARED);
    }
    return Set.of(tests.getSimpleName().charAt(0) < 'P' ? FIRST_HALF : SECOND_HALF);
  }

  private static boolean takesTheSharedOne(Class<?> tests) {
    return Stream.<Executable>concat(
            Stream.of(tests.getDeclaredConstructors()), Stream.of(tests.getDeclaredMethods()))
        .filter(it -> !Modifier.isPrivate(it.getModifiers()))
        .flatMap(it -> Stream.of(it.getParameterTypes()))
        .anyMatch(TestPlatform.class::equals);
  }
}
