package podflare;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Map;
import java.util.function.Consumer;

/** Sets variables where processes that Java starts inherit them from. Needs Java 22. */
final class JavaEnvironment implements Consumer<Map<String, String>> {
  private final MethodHandle setenv;

  JavaEnvironment() {
    Linker linker = Linker.nativeLinker();
    setenv =
        linker.downcallHandle(
            linker.defaultLookup().findOrThrow("setenv"),
            FunctionDescriptor.of(
                ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.ADDRESS, ValueLayout.JAVA_INT));
  }

  @Override
  public void accept(Map<String, String> variables) {
    try (Arena arena = Arena.ofConfined()) {
      for (Map.Entry<String, String> one : variables.entrySet()) {
        int ignored =
            (int) setenv.invokeExact(arena.allocateFrom(one.getKey()), arena.allocateFrom(one.getValue()), 1);
      }
    } catch (Throwable error) {
      throw new IllegalStateException(error);
    }
  }
}
