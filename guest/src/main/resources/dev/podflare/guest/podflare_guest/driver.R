# An R context. Reads the path of each call's code as a line on descriptor 200; writes lines of JSON to 201: values,
# plots, exceptions and one end. What it needs lies out of the way of the user's names.
local({
  requests <- file("/dev/fd/200", "r", blocking = TRUE, raw = TRUE)
  answers <- file("/dev/fd/201", "w", raw = TRUE, encoding = "UTF-8")
  calls <- 0L
  plots <- file.path(tempdir(), "podflare-plot-%04d.png")

  quoted <- function(text) {
    text <- enc2utf8(paste(text, collapse = "\n"))
    if (!validUTF8(text)) text <- iconv(text, "latin1", "UTF-8")
    text <- substr(text, 1, 1048576)
    for (pair in list(c("\\", "\\\\"), c("\"", "\\\""), c("\n", "\\n"), c("\r", "\\r"), c("\t", "\\t"))) {
      text <- gsub(pair[1], pair[2], text, fixed = TRUE)
    }
    paste0("\"", gsub("[[:cntrl:]]", " ", text), "\"")
  }

  tell <- function(...) {
    cat(..., "\n", file = answers, sep = "")
    flush(answers)
  }

  base64 <- function(bytes) {
    letters64 <- strsplit("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", "")[[1]]
    missing <- (3 - length(bytes) %% 3) %% 3
    three <- matrix(as.integer(c(bytes, raw(missing))), nrow = 3)
    four <- rbind(
      three[1, ] %/% 4L, three[1, ] %% 4L * 16L + three[2, ] %/% 16L,
      three[2, ] %% 16L * 4L + three[3, ] %/% 64L, three[3, ] %% 64L)
    out <- letters64[four + 1L]
    if (missing > 0) out[(length(out) - missing + 1):length(out)] <- "="
    paste(out, collapse = "")
  }

  # Whatever draws without having opened a device draws a PNG.
  options(warn = 1)
  options(device = function(...) grDevices::png(plots, width = 800, height = 600, res = 110, type = "cairo"))

  show_plots <- function() {
    while (grDevices::dev.cur() > 1) grDevices::dev.off()
    for (path in sort(Sys.glob(sub("%04d", "*", plots, fixed = TRUE)))) {
      bytes <- readBin(path, "raw", file.size(path))
      unlink(path)
      if (length(bytes) > 0) tell("{\"display\":{\"text/plain\":\"<plot>\",\"image/png\":\"", base64(bytes), "\"}}")
    }
  }

  frame <- function(file, line, column, name, source) {
    paste0(
      "{\"file\":", quoted(file), ",\"line\":", line, ",\"column\":", column, ",\"function\":", quoted(name),
      ",\"source\":", quoted(trimws(substr(source, 1, 1000))), "}")
  }

  frames_of <- function(stack) {
    found <- character()
    for (call in stack) {
      place <- attr(call, "srcref")
      if (is.null(place)) next
      file <- attr(place, "srcfile")
      if (!startsWith(file$filename, "<call ")) next
      name <- tryCatch(deparse(call[[1]])[1], error = function(e) "")
      found <- c(found, frame(file$filename, place[1], place[5], name, as.character(place)[1]))
    }
    utils::tail(found, 50)
  }

  failed <- function(error, stack, top) {
    call <- conditionCall(error)
    where <- if (is.null(call) || identical(call[[1]], quote(eval))) "Error: " else paste0("Error in ", deparse(call)[1], ": ")
    cat(where, conditionMessage(error), "\n", file = stderr(), sep = "")
    all <- c(top, frames_of(stack))
    tell(
      "{\"exception\":{\"name\":", quoted(class(error)[1]), ",\"value\":", quoted(conditionMessage(error)),
      ",\"frames\":[", paste(all, collapse = ","), "]}}")
  }

  not_parsed <- function(error, name, lines) {
    text <- conditionMessage(error)
    place <- regmatches(text, regexec("^[^\n]*?:([0-9]+):([0-9]+): ([^\n]*)", text, perl = TRUE))[[1]]
    at <- if (length(place) == 4) as.integer(place[2:3]) else c(length(lines), 0L)
    message <- if (length(place) == 4) place[4] else text
    cat(name, ":", at[1], ":", at[2], ": ", message, "\n", file = stderr(), sep = "")
    source <- if (at[1] >= 1 && at[1] <= length(lines)) lines[at[1]] else ""
    tell(
      "{\"exception\":{\"name\":\"SyntaxError\",\"value\":", quoted(message), ",\"frames\":[",
      frame(name, at[1], at[2], "", source), "]}}")
  }

  form_of <- function(value) {
    text <- utils::capture.output(if (isS4(value)) methods::show(value) else print(value))
    if (length(text) == 0) return()
    tell("{\"value\":{\"text/plain\":", quoted(text), "}}")
  }

  evaluate <- function(name, lines) {
    parsed <- tryCatch(
      parse(text = lines, keep.source = TRUE, srcfile = srcfilecopy(name, lines)),
      error = function(error) {
        not_parsed(error, name, lines)
        NULL
      })
    if (is.null(parsed)) return(1L)
    places <- attr(parsed, "srcref")
    stack <- NULL
    top <- character()
    code <- 0L
    tryCatch(
      for (i in seq_along(parsed)) {
        place <- places[[i]]
        top <- frame(name, place[1], place[5], "", as.character(place)[1])
        withCallingHandlers(
          {
            result <- withVisible(eval(parsed[[i]], globalenv()))
            if (result$visible && i < length(parsed)) print(result$value)
            if (result$visible && i == length(parsed)) form_of(result$value)
          },
          error = function(error) stack <<- sys.calls())
      },
      error = function(error) {
        failed(error, stack, top)
        code <<- 1L
      },
      interrupt = function(signal) {
        cat("Interrupted\n", file = stderr())
        tell("{\"exception\":{\"name\":\"Interrupted\",\"value\":\"\",\"frames\":[]}}")
        code <<- 130L
      })
    code
  }

  run <- function(path) {
    calls <<- calls + 1L
    lines <- readLines(path, warn = FALSE, encoding = "UTF-8")
    code <- evaluate(paste0("<call ", calls, ">"), lines)
    tryCatch(show_plots(), error = function(error) NULL, interrupt = function(signal) NULL)
    while (sink.number() > 0) sink()
    tell("{\"end\":", code, "}")
  }

  if ("warm" %in% commandArgs(trailingOnly = TRUE)) {
    invisible(utils::capture.output(print(data.frame(a = 1:2, b = c("x", "y")))))
    invisible(base64(as.raw(1:10)))
    tell("{\"ready\":true}")
  }
  repeat {
    # An interrupt between two calls is for nobody.
    line <- tryCatch(readLines(requests, n = 1), interrupt = function(signal) NA_character_)
    if (length(line) == 0) break
    if (is.na(line)) next
    if (startsWith(line, "/")) run(line) else eval(parse(text = line), baseenv())
  }
})
