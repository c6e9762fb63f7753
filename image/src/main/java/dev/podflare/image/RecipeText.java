package dev.podflare.image;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyOrder;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A recipe as it is written: every key may be missing, nothing is checked. */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
@JsonPropertyOrder({"name", "extends", "distribution", "suite", "mirror", "kernel", "shape"})
record RecipeText(
    @Nullable String name,
    @JsonProperty("extends") @Nullable String parent,
    @Nullable String distribution,
    @Nullable String suite,
    @Nullable String mirror,
    @Nullable String kernel,
    @Nullable ShapeText shape,
    @Nullable List<String> packages,
    @Nullable List<String> pip,
    @Nullable List<String> npm,
    @Nullable List<FileText> files,
    @JsonProperty("warm_up") @Nullable String warmUp,
    @JsonProperty("warm_contexts") @Nullable List<String> warmContexts) {

  @JsonInclude(JsonInclude.Include.NON_EMPTY)
  record ShapeText(@Nullable Integer vcpus, @Nullable String memory, @Nullable String disk) {
    ShapeText over(@Nullable ShapeText below) {
      return below == null
          ? this
          : new ShapeText(or(vcpus, below.vcpus), or(memory, below.memory), or(disk, below.disk));
    }
  }

  /** Exactly one of {@code content}, {@code contentBase64} and {@code source} is wanted. */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  record FileText(
      @Nullable String path,
      @Nullable String mode,
      @Nullable String content,
      @JsonProperty("content_base64") @Nullable String contentBase64,
      @Nullable String source) {}

  /** This recipe on top of another one: single values replace, lists and warm-ups are appended. */
  RecipeText over(RecipeText below) {
    return new RecipeText(
        name,
        null,
        or(distribution, below.distribution),
        or(suite, below.suite),
        or(mirror, below.mirror),
        or(kernel, below.kernel),
        shape == null ? below.shape : shape.over(below.shape),
        joined(below.packages, packages),
        joined(below.pip, pip),
        joined(below.npm, npm),
        joined(below.files, files),
        below.warmUp == null
            ? warmUp
            : warmUp == null ? below.warmUp : below.warmUp + "\n" + warmUp,
        joined(below.warmContexts, warmContexts));
  }

  private static <T> @Nullable T or(@Nullable T above, @Nullable T below) {
    return above == null ? below : above;
  }

  private static <T> List<T> joined(@Nullable List<T> first, @Nullable List<T> then) {
    List<T> all = new ArrayList<>();
    if (first != null) {
      all.addAll(first);
    }
    if (then != null) {
      all.addAll(then);
    }
    return all;
  }
}
