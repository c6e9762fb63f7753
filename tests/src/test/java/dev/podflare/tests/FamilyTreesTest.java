package dev.podflare.tests;

import static dev.podflare.tests.GuestProbe.python;
import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.client.Sandbox;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Random families against a model: every sandbox has exactly what its ancestors wrote before its
 * birth and what it wrote itself, in memory, on disk and in a file system in memory.
 */
@OnPlatform
@Order(39)
class FamilyTreesTest {
  private static final int STEPS = 14;
  private static final int MOST_ALIVE = 6;

  /** 256 pages of memory, and two logs; a write goes to all three places, and is not flushed. */
  private static final String PREPARE =
      """
      import hashlib, os
      pages = bytearray(256 * 4096)
      def write(token, page):
          pages[page * 4096:(page + 1) * 4096] = hashlib.sha256(token.encode()).digest() * 128
          for path in ('/root/log', '/dev/shm/log'):
              with open(path, 'a') as f:
                  f.write(f'{token} {page}\\n')
      def state():
          d = hashlib.sha256(pages)
          for path in ('/root/log', '/dev/shm/log'):
              with open(path) as f:
                  d.update(f.read().encode())
          return d.hexdigest()
      """;

  /** A sandbox and what was written in it, its ancestors' writes first. */
  private record Member(Sandbox sandbox, List<String> writes) {}

  private final TestPlatform platform;

  FamilyTreesTest(TestPlatform platform) {
    this.platform = platform;
  }

  static Stream<Integer> seeds() {
    return Stream.iterate(1, seed -> seed + 1).limit(LongRun.choose(4, 100));
  }

  @ParameterizedTest
  @MethodSource("seeds")
  void everyMemberKnowsItsAncestorsAndItself(int seed) {
    Random random = new Random(seed);
    List<Member> alive = new ArrayList<>();
    Sandbox root = platform.createWarm();
    try {
      python(root, PREPARE);
      alive.add(new Member(root, new ArrayList<>()));
      write(alive.getFirst(), random);
      for (int step = 0; step < STEPS; step++) {
        Member one = alive.get(random.nextInt(alive.size()));
        switch (random.nextInt(5)) {
          case 0, 1 -> fork(one, alive, 1 + random.nextInt(2));
          case 2 -> merge(one, alive, random);
          case 3 -> close(one, alive);
          default -> write(one, random);
        }
        write(alive.get(random.nextInt(alive.size())), random);
      }
      alive.forEach(member -> check(member, seed));
    } finally {
      alive.forEach(member -> member.sandbox().delete());
    }
  }

  private static void write(Member member, Random random) {
    String token = Long.toHexString(random.nextLong());
    int page = random.nextInt(256);
    python(member.sandbox(), "write('" + token + "', " + page + ")");
    member.writes().add("('" + token + "', " + page + ")");
  }

  private static void fork(Member parent, List<Member> alive, int count) {
    if (alive.size() + count <= MOST_ALIVE) {
      for (Sandbox child : parent.sandbox().fork(count)) {
        alive.add(new Member(child, new ArrayList<>(parent.writes())));
      }
    }
  }

  /** Some descendant that is alive goes on as this one. */
  private static void merge(Member member, List<Member> alive, Random random) {
    List<String> family = member.sandbox().tree().stream().map(it -> it.id()).toList();
    int own = family.indexOf(member.sandbox().id());
    List<Member> descendants =
        alive.stream().filter(it -> family.indexOf(it.sandbox().id()) > own).toList();
    if (!descendants.isEmpty()) {
      Member winner = descendants.get(random.nextInt(descendants.size()));
      member.sandbox().mergeInto(winner.sandbox());
      alive.remove(winner);
      alive.set(alive.indexOf(member), new Member(member.sandbox(), winner.writes()));
    }
  }

  private static void close(Member member, List<Member> alive) {
    if (alive.size() > 1) {
      member.sandbox().delete();
      alive.remove(member);
    }
  }

  /** The guest works out both: what it has, and what it should have had by the model. */
  private static void check(Member member, int seed) {
    String expected =
        """
        model = bytearray(256 * 4096)
        text = ''
        for token, page in (%s,):
            model[page * 4096:(page + 1) * 4096] = hashlib.sha256(token.encode()).digest() * 128
            text += f'{token} {page}\\n'
        d = hashlib.sha256(model)
        d.update(text.encode())
        d.update(text.encode())
        print(state() == d.hexdigest())
        """
            .formatted(String.join(", ", member.writes()));
    assertThat(python(member.sandbox(), expected))
        .as("seed %s, %s, writes %s", seed, member.sandbox().id(), member.writes())
        .isEqualTo("True");
  }
}
