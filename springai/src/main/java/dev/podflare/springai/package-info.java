/** Sandboxes as tools of Spring AI. */
@NullMarked
package dev.podflare.springai;

import org.jspecify.annotations.NullMarked;
