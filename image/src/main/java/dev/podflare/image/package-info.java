/** Recipe to root disk, kernel, initrd and the checkpoints of each shape. */
@org.jspecify.annotations.NullMarked
package dev.podflare.image;
