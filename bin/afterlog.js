#!/usr/bin/env node
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
