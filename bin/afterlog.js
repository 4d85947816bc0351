#!/usr/bin/env node
// By default SIGUSR1 opens the debugger of Node.js on a port of loopback, where every user of the machine may
// run code in this process.
process.on('SIGUSR1', () => {});
// Checked here, before anything newer is loaded, so that an old Node gets a sentence and not a stack trace.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  console.error(
    `afterlog needs Node.js 22.18 or newer; this is ${process.version} at ${process.execPath}.\n` +
      'In a clone, run it as `npx afterlog …`, which uses the Node that npm installed there.',
  );
  process.exit(1);
}
await import('../dist/cli/main.js');
