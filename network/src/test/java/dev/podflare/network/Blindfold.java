package dev.podflare.network;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * What the resolver or the gate sees of slots: the truth, until a test puts a lie before its eyes.
 * So one guard can be turned off while the policy stays what it is. Thread-safe.
 */
final class Blindfold {
  private final Map<String, Object> lies = new ConcurrentHashMap<>();

  /** From now on this question is answered so, whatever it is about. */
  void lie(String question, Object answer) {
    lies.put(question, answer);
  }

  SlotAccess over(SlotAccess slots) {
    return (SlotAccess)
        Proxy.newProxyInstance(
            SlotAccess.class.getClassLoader(),
            new Class<?>[] {SlotAccess.class},
            (proxy, question, about) -> {
              Object lie = lies.get(question.getName());
              try {
                return lie == null ? question.invoke(slots, about) : lie;
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }
}
