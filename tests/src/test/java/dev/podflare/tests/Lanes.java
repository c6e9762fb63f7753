package dev.podflare.tests;

import java.lang.reflect.Executable;
import java.lang.reflect.Modifier;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.parallel.ResourceLocksProvider;

/**
 * Three classes run side by side, but never two that use the daemon that all share. Those that
 * measure their process are {@code @Isolated}: they come last and run alone. What else two cannot
 * have at a time, they lock by name. Most of what a test of a daemon of its own does is to wait.
 */
final class Lanes implements ResourceLocksProvider {
  private static final Lock SHARED = new Lock("shared daemon");

  @Override
  public Set<Lock> provideForClass(Class<?> tests) {
    return takesTheSharedOne(tests) ? Set.of(SHARED) : Set.of();
  }

  private static boolean takesTheSharedOne(Class<?> tests) {
    return Stream.<Executable>concat(
            Stream.of(tests.getDeclaredConstructors()), Stream.of(tests.getDeclaredMethods()))
        .filter(it -> !Modifier.isPrivate(it.getModifiers()))
        .flatMap(it -> Stream.of(it.getParameterTypes()))
        .anyMatch(TestPlatform.class::equals);
  }
}
