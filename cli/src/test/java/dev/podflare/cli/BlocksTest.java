package dev.podflare.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BlocksTest {
  private final Blocks blocks = new Blocks();

  @Test
  void blocksOpenAndClose() {
    assertThat(blocks.add("x = 1")).contains("x = 1\n");
    assertThat(blocks.add("")).isEmpty();
    assertThat(blocks.isOpen()).isFalse();
    assertThat(blocks.add("for i in a:")).isEmpty();
    assertThat(blocks.add("  print(i)")).isEmpty();
    assertThat(blocks.isOpen()).isTrue();
    assertThat(blocks.add("")).contains("for i in a:\n  print(i)\n");
    assertThat(blocks.add("@cache")).isEmpty();
    assertThat(blocks.take()).contains("@cache\n");
    assertThat(blocks.take()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "[1,\n2]",
        "f(\n\n)",
        "{'a':\n1}",
        "x = 1 + \\\n2",
        "'''a\nb'''",
        "x = \"\"\"\n\n(\n'''\n\"\"\"",
        "[ # ]\n']', \"]\"\n]",
        "s = 'a\\\nb'",
        "x = '\\\\' + \\\n'y'",
      })
  void whatIsOpenGoesOnUntilItIsClosed(String code) {
    String[] lines = code.split("\n", -1);
    for (int i = 0; i < lines.length - 1; i++) {
      assertThat(blocks.add(lines[i])).as("line %d", i).isEmpty();
      assertThat(blocks.isOpen()).isTrue();
    }
    assertThat(blocks.add(lines[lines.length - 1])).contains(code + "\n");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "print(a[1:2], {1: 2})",
        "print('([{')",
        "print('it\\'s (')",
        "x = '' # (",
        "# if x:",
        "print('a:')",
        "]",
        "'not closed",
        "'''a''' 'b'",
        "if x: y",
        "a @ b",
        "import os\nfor i in a:\n  print(i)\nprint(2)",
        "def f():\n  return 1",
      })
  void whatIsWholeRunsAtOnce(String code) {
    assertThat(blocks.add(code)).contains(code + "\n");
  }

  @ParameterizedTest
  @ValueSource(strings = {"if x: # why", "class A:  ", "def f(\n  a,\n):", "if x:\n  y\nelse:"})
  void whatOpensABlockWaitsForAnEmptyLine(String code) {
    assertThat(blocks.add(code)).isEmpty();
    assertThat(blocks.add("  pass")).isEmpty();
    assertThat(blocks.add("  ")).contains(code + "\n  pass\n");
  }

  @Test
  void anEmptyLineInBracketsOfABlockDoesNotEndIt() {
    assertThat(blocks.add("def f():")).isEmpty();
    assertThat(blocks.add("  return [")).isEmpty();
    assertThat(blocks.add("")).isEmpty();
    assertThat(blocks.add("  ]")).isEmpty();
    assertThat(blocks.add("")).contains("def f():\n  return [\n\n  ]\n");
  }
}
