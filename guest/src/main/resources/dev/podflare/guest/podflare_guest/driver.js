// A JavaScript or TypeScript context: Node's own REPL evaluates call after call in one global scope, with top-level await.
// Reads the path of each call's code as a line on descriptor 200; writes lines of JSON to 201: values, and one end.
'use strict';
const EventEmitter = require('events');
const fs = require('fs');
const path = require('path');
const readline = require('readline');
const repl = require('repl');
const util = require('util');
const vm = require('vm');
const { PassThrough } = require('stream');
const { Worker } = require('worker_threads');

const typescript = process.argv[2] === 'typescript' ? require('./typescript.js') : null;
const INTERRUPTED = 'ERR_SCRIPT_EXECUTION_INTERRUPTED';
const TEXT = 1 << 20;
const FRAMES = 50;

// The REPL tells errors of plain code to its domain, and not to who called it. A real domain would have every callback
// counted, and one that was stopped in its midst would end the process.
const errors = Object.assign(new EventEmitter(), { bind: (work) => work, enter() {}, exit() {} });

const server = repl.start({
  prompt: '',
  input: new PassThrough(),
  output: new PassThrough().resume(),
  terminal: false,
  useGlobal: true,
  breakEvalOnSigint: true,
  domain: errors,
});
server.setupHistory = () => {};
// What a call runs at once is broken by the REPL, what waits ends here, and the interrupter sees to the rest.
const onInterrupt = () => {
  if (end !== null) end(interrupted());
};
process.on('SIGINT', onInterrupt);
server.removeAllListeners('SIGINT');
server.on('SIGINT', onInterrupt);
process.on('uncaughtException', failed);
process.on('unhandledRejection', (error) => fail(error));
errors.removeAllListeners('error');
errors.on('error', failed);

const state = new Int32Array(new SharedArrayBuffer(4));
let calls = 0;
let current = null;
let end = null;
let interrupter = null;
const sources = new Map();

/** Ends the call that runs; what a timer throws between calls is only told. */
function failed(error) {
  const code = fail(error);
  if (end !== null) end(code);
}

function tell(message) {
  const bytes = Buffer.from(JSON.stringify(message) + '\n');
  for (let done = 0; done < bytes.length; ) {
    try {
      done += fs.writeSync(201, bytes, done);
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
    }
  }
}

function interrupted() {
  fs.writeSync(2, 'Interrupted\n');
  tell({ exception: { name: 'Interrupted', value: '', frames: [] } });
  return 130;
}

function frame(file, line, column, name) {
  const at = typescript === null ? { line, column } : typescript.origin(file, line, column);
  const source = ((sources.get(file) || [])[at.line - 1] || '').trim().slice(0, 1000);
  return { file, line: at.line, column: at.column, function: name, source };
}

/** Innermost last, as in Python; without the REPL's own. */
function frames(stack, place) {
  const name = `<call ${calls}>`;
  if (place) return [{ file: name, ...place, function: '', source: ((sources.get(name) || [])[place.line - 1] || '').trim().slice(0, 1000) }];
  const found = [];
  for (const line of stack) {
    const match = /^\s+at (?:(.*?) \()?((?:<call \d+>|file:|\/|node:).*?):(\d+):(\d+)\)?$/.exec(line);
    if (match !== null) found.unshift(frame(match[2], +match[3], +match[4], match[1] || ''));
  }
  return found.slice(-FRAMES);
}

/** V8 tells the place of a syntax error before its name: file and line, the line, and a mark below. */
function placeOf(text) {
  const match = /^(<call \d+>):(\d+)\n(.*)\n( *)\^/.exec(text);
  return match === null ? undefined : { line: +match[2], column: match[4].length + 1 };
}

function isOwn(line) {
  return line.startsWith('    at ') && (line.includes(__filename) || /REPLServer|node:(repl|vm|events|readline|internal)/.test(line));
}

function mapped(line) {
  if (typescript === null) return line;
  return line.replace(/(<call \d+>):(\d+):(\d+)/, (_all, file, at, column) => {
    const from = typescript.origin(file, +at, +column);
    return `${file}:${from.line}:${from.column}`;
  });
}

function fail(error) {
  if (error && error.code === INTERRUPTED) return interrupted();
  let [text, name, value, place] = ['', 'Error', '', undefined];
  try {
    const isError = util.types.isNativeError(error) || error instanceof Error;
    text = isError && typeof error.stack === 'string' && error.stack ? error.stack : 'Uncaught ' + util.inspect(error);
    name = isError ? String(error.name) : typeof error;
    value = (isError ? String(error.message) : util.inspect(error)).slice(0, TEXT);
    place = isError ? error.place || (name === 'SyntaxError' ? placeOf(text) : undefined) : undefined;
    if (isError && error.place) text = `<call ${calls}>:${place.line}:${place.column}\n${name}: ${value}`;
  } catch {
    text = 'Uncaught exception that cannot be shown';
  }
  const lines = text.split('\n').filter((line) => !isOwn(line));
  fs.writeSync(2, lines.map(mapped).join('\n') + '\n');
  tell({ exception: { name, value, frames: frames(lines, place) } });
  return 1;
}

function forms(value) {
  const shown = { 'text/plain': util.inspect(value).slice(0, TEXT) };
  if (typeof value === 'object' && value !== null) {
    try {
      const text = JSON.stringify(value);
      if (text !== undefined && text.length < TEXT) shown['application/json'] = text;
    } catch {
      // A cycle, or a number that JSON has not.
    }
  }
  return shown;
}

/** From now on what runs in callbacks can be stopped too. Costs a thread, so only once a call waits. */
function watch() {
  if (interrupter !== null) return;
  try {
    interrupter = new Worker(path.join(__dirname, 'interrupter.js'), { workerData: state, stderr: true, resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 } });
    interrupter.on('error', () => {});
    interrupter.unref();
  } catch {
    // No room for a thread: such a call can still be killed.
  }
}

function begin(code) {
  const name = `<call ${calls}>`;
  sources.set(name, code.split('\n'));
  if (sources.size > 256) sources.delete(sources.keys().next().value);
  return typescript === null ? code : typescript.compile(code, name);
}

/** The REPL's watch for signals and listeners take each other's place, so while it watches there are none. */
function breakable(work) {
  const listeners = process.rawListeners('SIGINT');
  process.removeAllListeners('SIGINT');
  try {
    work();
  } finally {
    const added = process.rawListeners('SIGINT');
    process.removeAllListeners('SIGINT');
    for (const listener of [...listeners, ...added]) process.on('SIGINT', listener);
  }
}

function evaluate(code, name, done) {
  breakable(() => server.eval(code, server.context, name, done));
}

/** What was to be done as soon as the call waits is done here, where it can be broken too. */
const drain = new vm.Script('process._tickCallback()');
function goOn(mine) {
  try {
    breakable(() => drain.runInThisContext({ breakOnSigint: true }));
  } catch (error) {
    if (end === mine) end(fail(error));
  }
}

function run(file, done) {
  state[0] = ++calls;
  end = (result) => {
    end = null;
    state[0] = 0;
    done(result);
  };
  const mine = end;
  let code;
  try {
    code = begin(fs.readFileSync(file, 'utf8'));
  } catch (error) {
    return end(fail(error));
  }
  evaluate(code + '\n', `<call ${calls}>`, (error, value) => {
    if (end !== mine) return;
    if (error) {
      // What the REPL would wait to be completed is an error in a whole call.
      end(fail(error instanceof repl.Recoverable ? error.err : error));
      return;
    }
    try {
      if (value !== undefined) tell({ value: forms(value) });
      end(0);
    } catch (problem) {
      if (end === mine) end(fail(problem));
    }
  });
  if (end === mine) goOn(mine);
  if (end === mine) watch();
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

/** A process that was made before anybody asked for it becomes a context. */
function adapt({ cwd, env }) {
  for (const [name, value] of Object.entries(env)) process.env[name] = value;
  process.chdir(cwd);
}

if (process.argv[3] === 'warm') {
  // Once through everything, so that it is compiled and in memory, without leaving a name behind.
  if (typescript !== null) typescript.compile('const x: number = 1; enum E { A }; export class C<T> {}', '<warm>');
  forms({ a: [1, 'b'] });
  evaluate('void 0\n', '<warm>', () => {
    evaluate('await 0\n', '<warm>', () => tell({ ready: true }));
  });
}

readline.createInterface({ input: fs.createReadStream(null, { fd: 200 }) }).on('line', (line) => {
  if (line.startsWith('{')) return adapt(JSON.parse(line));
  waiting.push(line);
  next();
}).on('close', () => process.exit(0));
