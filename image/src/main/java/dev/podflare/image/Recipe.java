package dev.podflare.image;

import dev.podflare.common.DataSize;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * What a template is made of, after defaults and {@code extends}. Checked: a value of this class
 * can be built.
 *
 * @param name of the template: lower-case letters, digits and hyphens, at most 63
 * @param suite the release's code name, for example {@code trixie}
 * @param mirror URL of the archive; empty: the distribution's own
 * @param kernel Debian package of the kernel; empty: the distribution's for virtual machines
 * @param packages Debian packages, on top of what every guest needs
 * @param pip requirements that pip installs where plain {@code python3} sees them
 * @param npm packages that npm installs globally
 * @param files put into the root disk last
 * @param warmUp Python code that is run in the interpreter before it is frozen; may be empty
 * @param warmContexts languages whose next context finds its interpreter made ahead, in every
 *     sandbox: each costs the memory of a process in the guest
 * @param shape default shape of sandboxes
 * @param disk size of the root disk: 512 MiB to 64 GiB, whole MiB
 */
public record Recipe(
    String name,
    Distribution distribution,
    String suite,
    Optional<String> mirror,
    Optional<String> kernel,
    List<String> packages,
    List<String> pip,
    List<String> npm,
    List<GuestFile> files,
    String warmUp,
    List<String> warmContexts,
    Shape shape,
    DataSize disk) {
  static final int MAX_ENTRIES = 1000;
  private static final Pattern NAME = Pattern.compile("[a-z0-9][a-z0-9-]{0,62}");
  private static final Pattern SUITE = Pattern.compile("[a-z][a-z0-9.-]{0,39}");
  private static final Pattern MIRROR =
      Pattern.compile("(https?|file)://[!-~&&[^\"\\[\\]]]{1,500}");
  private static final Pattern PACKAGE =
      Pattern.compile("[a-z0-9][a-z0-9+.-]*(:[a-z0-9]+)?(=[A-Za-z0-9.+:~-]+)?(/[a-z0-9.-]+)?");
  private static final Pattern WARM_CONTEXT = Pattern.compile("bash|javascript|typescript|java|r");
  private static final Pattern REQUIREMENT = Pattern.compile("[^\\p{Cntrl}-][^\\p{Cntrl}]{0,500}");
  private static final DataSize LEAST_DISK = DataSize.ofMebibytes(512);
  private static final DataSize MOST_DISK = DataSize.ofGibibytes(64);

  public Recipe {
    require(NAME, "name", name, "lower-case letters, digits and hyphens, at most 63");
    require(SUITE, "suite", suite, "a release's code name like trixie or noble");
    mirror.ifPresent(value -> require(MIRROR, "mirror", value, "an http, https or file URL"));
    kernel.ifPresent(value -> require(PACKAGE, "kernel", value, "a Debian package's name"));
    packages = checked(PACKAGE, "packages", packages, "a Debian package's name");
    pip = checked(REQUIREMENT, "pip", pip, "a requirement like numpy==2.3, not an option");
    npm = checked(REQUIREMENT, "npm", npm, "a package like typescript@5, not an option");
    warmContexts =
        checked(
            WARM_CONTEXT, "warm_contexts", warmContexts, "bash, javascript, typescript, java or r");
    files = List.copyOf(files);
    if (files.size() > MAX_ENTRIES) {
      throw invalid("files: " + files.size() + " entries, at most " + MAX_ENTRIES + ".");
    }
    if (disk.compareTo(LEAST_DISK) < 0 || disk.compareTo(MOST_DISK) > 0) {
      throw invalid(
          "shape.disk must be " + LEAST_DISK + " to " + MOST_DISK + ", not " + disk + ".");
    }
    if (disk.bytes() % (1 << 20) != 0) {
      throw invalid("shape.disk must be whole MiB, not " + disk.bytes() + " bytes.");
    }
  }

  private static List<String> checked(
      Pattern form, String key, List<String> values, String wanted) {
    if (values.size() > MAX_ENTRIES) {
      throw invalid(key + ": " + values.size() + " entries, at most " + MAX_ENTRIES + ".");
    }
    Set<String> distinct = new LinkedHashSet<>();
    for (String value : values) {
      require(form, key, value, wanted);
      distinct.add(value);
    }
    return List.copyOf(distinct);
  }

  private static void require(Pattern form, String key, String value, String wanted) {
    if (!form.matcher(value).matches()) {
      throw invalid(key + " must be " + wanted + ", not '" + value + "'.");
    }
  }

  static PodflareException invalid(String message) {
    return new PodflareException(ErrorCode.INVALID_RECIPE, message);
  }
}
