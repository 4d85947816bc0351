import * as lines from './lines.ts';
import type { Random } from './random.ts';
import * as words from './words.ts';

/** Programs that run in the demo's sandboxes. */
export const programs = ['web', 'vite', 'worker', 'api', 'train'] as const;
export type DemoProgram = (typeof programs)[number];

/** A piece of console output, and the pause before the next one in units of the program's beat. */
export interface Piece {
  text: string;
  beats: number;
}

const end = '\r\n';
const esc = '\u001b';
const green = (text: string): string => `${esc}[32m${text}${esc}[39m`;
const cyan = (text: string): string => `${esc}[36m${text}${esc}[39m`;
const dim = (text: string): string => `${esc}[2m${text}${esc}[22m`;
const spinner = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧'] as const;

/** The output of a program at its start: UTF-8 with the CRLF of a serial console. */
export function greeting(program: DemoProgram, random: Random, at_ms: number): string[] {
  const stamp = lines.stamp(at_ms);
  if (program === 'vite') {
    return [
      `${stamp} [autostart] starting: npm run dev${end}`,
      `${end}  ${green('VITE v5.4.2')}  ${dim(`ready in ${random.latency(400)} ms`)}${end}${end}`,
      `  ${green('➜')}  Local:   ${cyan('http://localhost:5173/')}${end}`,
    ];
  }
  if (program === 'train') return [`${stamp} [autostart] starting: python3 train.py --epochs 40${end}`];
  const command = program === 'worker' ? 'python3 -m app.worker' : 'node server.js';
  return [
    `[${stamp.slice(11, 19)}] [autostart] phase1: OS ready${end}`,
    `${stamp} [autostart] starting: ${command}${end}`,
  ];
}

/** The next output of a running program: a line, sometimes written in two halves, or several lines. */
export function nextPieces(program: DemoProgram, random: Random, at_ms: number): Piece[] {
  if (random.chance(0.04)) {
    return [
      {
        text: `${lines.stamp(at_ms)} [agent] health.probe ok latency_ms=${random.latency(9)} mem_mb=${random.int(90, 480)}${end}`,
        beats: 1,
      },
    ];
  }
  switch (program) {
    case 'web':
      return whole(random.chance(0.75) ? lines.access(random, at_ms) : lines.stamped(random, at_ms));
    case 'api':
      if (random.chance(0.01)) return burst(lines.nodeTraceback(random));
      return random.chance(0.7)
        ? whole(lines.json(random, at_ms))
        : halves(lines.stamped(random, at_ms), random);
    case 'worker':
      if (random.chance(0.015)) return burst(lines.pythonTraceback(random));
      return whole(random.chance(0.4) ? lines.timed(random, at_ms) : lines.stamped(random, at_ms));
    case 'vite':
      return devServer(random, at_ms);
    case 'train':
      return training(random);
  }
}

const whole = (line: string): Piece[] => [{ text: line + end, beats: 1 }];
const burst = (many: string[]): Piece[] => many.map((line) => ({ text: line + end, beats: 0 }));

function halves(line: string, random: Random): Piece[] {
  const at = random.int(1, line.length - 1);
  return [
    { text: line.slice(0, at), beats: 0.3 },
    { text: line.slice(at) + end, beats: 0.7 },
  ];
}

function devServer(random: Random, at_ms: number): Piece[] {
  const file = random.pick(words.sourceFiles);
  if (random.chance(0.3)) {
    // A spinner: a line that overwrites itself, with a separate write per picture.
    const pictures = spinner.slice(0, random.int(3, 8));
    const what = `${random.pick(['bundling', 'type-checking', 'optimizing'])} ${random.pick(words.packages)}`;
    return [
      ...pictures.map((picture) => ({ text: `\r${cyan(picture)} ${what}`, beats: 0.4 })),
      { text: `\r${esc}[2K${green('✓')} ${what} ${dim(`${random.latency(300)} ms`)}${end}`, beats: 1 },
    ];
  }
  const clock = dim(lines.stamp(at_ms).slice(11, 19));
  const what = random.chance(0.7) ? green('hmr update') : green('page reload');
  return whole(`${clock} ${cyan('[vite]')} ${what} ${dim(`/${file}`)} ${dim(`(x${random.int(1, 40)})`)}`);
}

function training(random: Random): Piece[] {
  const epoch = random.int(1, 40);
  const steps = 5;
  const pieces: Piece[] = [];
  for (let step = 1; step <= steps; step++) {
    const bar = `${'='.repeat(step * 4)}${'.'.repeat((steps - step) * 4)}`;
    pieces.push({ text: `\repoch ${epoch}/40 [${bar}] ${step * 20}%`, beats: 0.6 });
  }
  const loss = (random.next() + 0.1).toFixed(4);
  return [...pieces, { text: ` loss=${loss} acc=0.${random.int(5000, 9900)}${end}`, beats: 1 }];
}
