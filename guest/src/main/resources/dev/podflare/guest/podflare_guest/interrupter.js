// A thread beside a JavaScript context, once one of its calls waits: what runs in a callback and never returns hears no
// signal, and is stopped from here. On descriptor 202 come the numbers of calls that are to be interrupted; `state[0]` is
// the number of the one that runs, or 0.
'use strict';
const inspector = require('inspector');
const net = require('net');
const { workerData } = require('worker_threads');

const PATIENCE_MS = 200;
const state = workerData;

function stop(call) {
  // Who waits has heard the signal itself.
  if (call === 0 || Atomics.load(state, 0) !== call) return;
  const session = new inspector.Session();
  session.connectToMainThread();
  session.post('Runtime.terminateExecution', () => {});
  // While a session is open the process does not end.
  setTimeout(() => session.disconnect(), PATIENCE_MS);
}

let rest = Buffer.alloc(0);
new net.Socket({ fd: 202, readable: true, writable: false }).on('data', (data) => {
  rest = Buffer.concat([rest, data]);
  for (; rest.length >= 4; rest = rest.subarray(4)) {
    const call = rest.readUInt32LE();
    setTimeout(() => stop(call), PATIENCE_MS);
  }
});
