/**
 * Preloaded into a process that is measured (`node --require`): at its end, and at SIGUSR2, it writes what the
 * process has used so far to descriptor 3, as a JSON line.
 */
const { writeSync } = require('node:fs');

const report = () => writeSync(3, `${JSON.stringify(process.resourceUsage())}\n`);
process.on('exit', report);
process.on('SIGUSR2', report);
