/** The command line: serve, doctor, bench, template, run, shell, ls, rm, demo. */
@org.jspecify.annotations.NullMarked
package dev.podflare.cli;
