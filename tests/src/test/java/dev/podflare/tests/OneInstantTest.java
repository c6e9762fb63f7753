package dev.podflare.tests;

import static dev.podflare.tests.GuestProbe.python;
import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.client.Sandbox;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;

/**
 * A guest counts without pause, each step in three places in turn: memory, a file that is not
 * flushed, and a second process. If a child had one place older or newer than another, a step would
 * be missing there, or be twice.
 */
@OnPlatform
@Order(37)
class OneInstantTest {
  private static final int ROUNDS = LongRun.choose(2, 10);
  private static final int CHILDREN = 3;

  private static final String COUNT =
      """
      import os, subprocess, sys, threading, time
      second = subprocess.Popen([sys.executable, '-c', '''
      import os
      seen = b''
      while (line := os.read(0, 64)) != b'end':
          seen += line
          os.write(1, b'.')
      with open('/dev/shm/second', 'wb') as file:
          file.write(seen)
      '''.replace('\\n      ', '\\n')], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
      memory, counting = [], True
      file = open('/root/steps', 'wb', buffering=0)
      def count():
          while counting:
              step = b'%d %d\\n' % (len(memory), time.monotonic_ns())
              memory.append(step)
              file.write(step)
              second.stdin.write(step)
              second.stdout.read(1)
      counter = threading.Thread(target=count)
      counter.start()
      """;

  private static final String STOP =
      """
      counting = False
      counter.join()
      second.stdin.write(b'end')
      second.wait()
      """;

  private final TestPlatform platform;

  OneInstantTest(TestPlatform platform) {
    this.platform = platform;
  }

  @Test
  void oneMomentExplainsAllThatEachOfThemHas() {
    for (int round = 0; round < ROUNDS; round++) {
      try (Sandbox parent = platform.createWarm()) {
        python(parent, COUNT);
        int before = Integer.parseInt(python(parent, "time.sleep(0.3); print(len(memory))"));
        List<Sandbox> all = new ArrayList<>(parent.fork(CHILDREN));
        try {
          int after = Integer.parseInt(python(parent, "print(len(memory))"));
          all.add(parent);
          List<List<String>> steps = all.stream().map(OneInstantTest::stop).toList();
          int born = common(steps);
          assertThat(born).isBetween(before, after);
        } finally {
          all.forEach(Sandbox::close);
        }
      }
    }
  }

  /** The steps of a sandbox, which are the same in all three places, and all there. */
  private static List<String> stop(Sandbox sandbox) {
    python(sandbox, STOP);
    String memory = python(sandbox, "print(b''.join(memory).decode(), end='')");
    assertThat(python(sandbox, "print(open('/root/steps').read(), end='')")).isEqualTo(memory);
    assertThat(python(sandbox, "print(open('/dev/shm/second').read(), end='')")).isEqualTo(memory);
    List<String> steps = memory.lines().toList();
    for (int i = 0; i < steps.size(); i++) {
      assertThat(steps.get(i)).startsWith(i + " ");
    }
    return steps;
  }

  /** How many steps all of them have in common: those from before the fork, to the nanosecond. */
  private static int common(List<List<String>> all) {
    int count = 0;
    while (true) {
      int at = count;
      if (all.stream().anyMatch(steps -> steps.size() <= at)
          || all.stream().map(steps -> steps.get(at)).distinct().count() > 1) {
        return count;
      }
      count++;
    }
  }
}
