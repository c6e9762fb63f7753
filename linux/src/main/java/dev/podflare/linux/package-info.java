/** The few system calls that Java lacks, through the FFM API. */
@org.jspecify.annotations.NullMarked
package dev.podflare.linux;
