package dev.podflare.cli;

import dev.podflare.client.Language;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.TypeConversionException;

/** Code from an argument, a file or standard input. */
final class CodeSource {
  private static final int MAX_BYTES = 64 << 20;

  @Parameters(
      paramLabel = "CODE",
      arity = "0..1",
      description = "Code to run; '-' or nothing reads standard input")
  @Nullable String code;

  @Option(
      names = {"-f", "--file"},
      paramLabel = "FILE",
      description = "Run the code in this file")
  @Nullable Path file;

  @Option(
      names = {"-l", "--language"},
      paramLabel = "LANGUAGE",
      converter = Languages.class,
      description = "python or bash; else bash for FILE.sh and python for the rest")
  @Nullable Language language;

  Language language() {
    if (language != null) {
      return language;
    }
    return file != null && file.toString().endsWith(".sh") ? Language.BASH : Language.PYTHON;
  }

  /** Whether {@link #read} takes the code from standard input. */
  boolean fromStandardInput() {
    return file == null && (code == null || code.equals("-"));
  }

  String read(InputStream standardInput) {
    if (file != null && code != null) {
      throw refused("give the code or a file, not both");
    }
    try {
      if (file != null) {
        try (InputStream input = Files.newInputStream(file)) {
          return whole(input);
        }
      }
      if (code != null && !fromStandardInput()) {
        return code;
      }
      if (code == null && Interaction.onTerminal()) {
        throw refused("no code: give it as argument, with --file, or on standard input");
      }
      return whole(standardInput);
    } catch (NoSuchFileException missing) {
      throw refused("cannot read " + file + ": no such file");
    } catch (IOException failure) {
      String source = file == null ? "standard input" : file.toString();
      throw refused("cannot read " + source + ": " + failure.getMessage());
    }
  }

  /** All of an input, as UTF-8. */
  static String whole(InputStream input) throws IOException {
    byte[] bytes = input.readNBytes(MAX_BYTES + 1);
    if (bytes.length > MAX_BYTES) {
      throw refused("more than " + (MAX_BYTES >> 20) + " MiB to read");
    }
    return new String(bytes, StandardCharsets.UTF_8);
  }

  /** In the wire's words, which are those of the documentation. */
  static final class Languages implements ITypeConverter<Language> {
    @Override
    public Language convert(String text) {
      for (Language language : Language.values()) {
        if (language.wireName().equalsIgnoreCase(text)) {
          return language;
        }
      }
      throw new TypeConversionException("'" + text + "' is not known; write python or bash");
    }
  }

  static PodflareException refused(String message) {
    return new PodflareException(ErrorCode.BAD_REQUEST, message);
  }
}
