import { relative } from 'node:path';
import { settlesWithin } from '../../base/child_process.ts';
import { explain } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import { printLog } from '../../base/log.ts';
import { refuseExposed } from '../../config/exposed.ts';
import type { Settings } from '../../config/settings.ts';
import { demoSettings } from '../../demo/fleet_folder.ts';
import { createTerminal, type Terminal } from '../../demo/terminal.ts';
import { whenReaderLeaves } from '../output.ts';
import { createParts, type Parts } from '../parts.ts';
import type { Reading } from '../reload.ts';
import { endOnFault, startAnew, startAnewOnFault } from '../start_anew.ts';
import { startEnds, startKafkaRoles, startStore, type Up } from '../up_roles.ts';

export interface UpOptions {
  /** Run a simulated fleet. */
  demo?: boolean;
  /** Start a local Kafka, unless brokers are set. */
  localKafka?: boolean;
}

/**
 * Runs all roles on one machine until Ctrl-C or SIGTERM; a second signal exits at once.
 * @param reading reads the settings again, if a file of tokens changes
 * @returns the exit code: 0 after a signal, 1 if a part failed to start, or parts end again and again
 * @throws AfterlogError SETTING_INVALID if others could reach an address without a token
 */
export async function up(
  given: Settings,
  options: UpOptions = {},
  reading: Reading = { all: () => given, secrets: () => ({}) },
): Promise<number> {
  // Before the parts that take long to start.
  for (const address of ['listen', 'agent_listen'] as const) refuseExposed(given, address);
  const terminal = createTerminal(process.stdout);
  const showLog = terminal.live && process.stderr.isTTY ? printLog(terminal.print) : () => {};
  const parts = createParts(terminal);
  const asked = askedToEnd(terminal, parts);
  let exit_code = 0;
  try {
    const running: Up = { settings: given, reading, terminal, parts, exits: [] };
    await startAll(given, options, running, asked.signal);
    startAnewOnFault('up', async () => {
      parts.killAll();
      await settlesWithin(Promise.all(running.exits), limits.server.part_stop_ms);
    });
    const name = asked.signal.aborted ? null : await Promise.race([...running.exits, aborted(asked.signal)]);
    if (name !== null) {
      terminal.clear();
      // Nothing comes after it: this process is another one then, or the caller before this one ends it.
      if (await startAnew(new Error(`${name} ended unexpectedly`))) await new Promise(() => {});
      exit_code = 1;
      terminal.print(`${name} ended unexpectedly; stopping the other parts.`);
    }
  } catch (error) {
    exit_code = 1;
    terminal.clear();
    terminal.print('The start failed; stopping the parts that started.');
    await parts.stopAll();
    console.error(explain(error));
  }
  endOnFault();
  await parts.stopAll();
  terminal.clear();
  asked.forget();
  showLog();
  return exit_code;
}

/** Starts every role in order; Ctrl-C takes effect after the current step. */
async function startAll(given: Settings, options: UpOptions, up: Up, signal: AbortSignal): Promise<void> {
  up.settings = options.demo ? demoSettings(given) : given;
  const where = relative('', up.settings.data_dir) || '.';
  up.terminal.print(`afterlog: ${options.demo ? 'a simulated fleet in' : 'sandboxes of'} ${where}`);
  const client = await startStore(up);
  const ending: { summary: () => unknown } = { summary: () => {} };
  up.parts.atEnd('', () => ending.summary());
  if (signal.aborted) return;
  const consumer = await startKafkaRoles(up, options.localKafka === true);
  if (signal.aborted) return;
  const demo = options.demo ? await import('../up_demo.ts') : null;
  const ends = await startEnds(up, demo?.takesAnyPort(up) === true);
  if (signal.aborted) return;
  if (demo === null || !up.terminal.live) {
    const command = demo === null ? 'afterlog' : 'npx afterlog';
    up.terminal.print(
      `Running. In another terminal: ${command} sandboxes; ${command} logs ID. Ctrl-C stops it.`,
    );
  }
  await demo?.startDemo(up, ends, consumer, client, ending);
}

/**
 * Aborts its signal at the first Ctrl-C or SIGTERM, or when the terminal is closed; the second Ctrl-C or
 * SIGTERM kills all parts and exits.
 */
function askedToEnd(terminal: Terminal, parts: Parts): { signal: AbortSignal; forget(): void } {
  const asked = new AbortController();
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const onSignal = (name: string): void => {
    if (asked.signal.aborted) {
      // The shell and the kernel may both send it when a terminal is closed.
      if (name === 'SIGHUP') return;
      parts.killAll();
      process.exit(130);
    }
    terminal.clear();
    terminal.print('Stopping; press Ctrl-C again to exit at once.');
    asked.abort();
  };
  for (const name of names) process.on(name, onSignal);
  whenReaderLeaves(() => asked.abort());
  // Clears the live screen first, so that the error message stays visible.
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.prependListener(event, () => terminal.clear());
  }
  return {
    signal: asked.signal,
    forget: () => {
      for (const name of names) process.off(name, onSignal);
    },
  };
}

const aborted = (signal: AbortSignal): Promise<null> =>
  new Promise((settle) => signal.addEventListener('abort', () => settle(null), { once: true }));
