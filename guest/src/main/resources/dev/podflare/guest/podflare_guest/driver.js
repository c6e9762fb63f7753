// A JavaScript context: Node's own REPL evaluates call after call in one global scope, with top-level await.
// Reads the path of each call's code as a line on descriptor 200; writes lines of JSON to 201: values, and one end.
'use strict';
const fs = require('fs');
const readline = require('readline');
const repl = require('repl');
const util = require('util');
const { PassThrough } = require('stream');

const server = repl.start({
  prompt: '',
  input: new PassThrough(),
  output: new PassThrough().resume(),
  terminal: false,
  useGlobal: true,
});
server.setupHistory = () => {};
// Ends a call that waits. One that never waits does not hear of it, and is ended with its context.
process.on('SIGINT', () => {
  if (end !== null) {
    fs.writeSync(2, 'Interrupted\n');
    end(130);
  }
});
process.on('uncaughtException', failed);
process.on('unhandledRejection', fail);
// The REPL tells errors of plain code to its domain, and not to who called it.
server._domain.removeAllListeners('error');
server._domain.on('error', failed);

let current = null;
let end = null;

/** Ends the call that runs; what a timer throws between calls is only told. */
function failed(error) {
  const code = fail(error);
  if (end !== null) end(code);
}

function tell(message) {
  fs.writeSync(201, JSON.stringify(message) + '\n');
}

function fail(error) {
  const text = error instanceof Error && error.stack ? error.stack : 'Uncaught ' + util.inspect(error);
  fs.writeSync(2, text.split('\n').filter((line) => !/REPLServer|node:(repl|vm|domain|events|readline)/.test(line)).join('\n') + '\n');
  return 1;
}

function forms(value) {
  const shown = { 'text/plain': util.inspect(value).slice(0, 1 << 20) };
  if (typeof value === 'object' && value !== null) {
    try {
      const text = JSON.stringify(value);
      if (text !== undefined && text.length < 1 << 20) shown['application/json'] = text;
    } catch {
      // A cycle, or a number that JSON has not.
    }
  }
  return shown;
}

function run(path, done) {
  let code;
  try {
    code = fs.readFileSync(path, 'utf8');
  } catch (error) {
    return done(fail(error));
  }
  end = (result) => {
    end = null;
    done(result);
  };
  const mine = end;
  server.eval(code + '\n', server.context, '<call>', (error, value) => {
    if (end !== mine) return;
    if (error) {
      // What the REPL would wait to be completed is an error in a whole call.
      end(fail(error instanceof repl.Recoverable ? error.err : error));
      return;
    }
    if (value !== undefined) tell({ value: forms(value) });
    end(0);
  });
}

const waiting = [];

function next() {
  if (current !== null || waiting.length === 0) return;
  current = waiting.shift();
  run(current, (code) => {
    current = null;
    // Behind what the call has written: writes to pipes are synchronous here.
    tell({ end: code });
    setImmediate(next);
  });
}

readline.createInterface({ input: fs.createReadStream(null, { fd: 200 }) }).on('line', (path) => {
  waiting.push(path);
  next();
}).on('close', () => process.exit(0));
