import { readdir, readFile, stat } from 'node:fs/promises';
import { join, matchesGlob } from 'node:path';
import { limits } from '../base/limits.ts';
import type { Settings } from '../config/settings.ts';
import { layoutOf, logFiles } from '../tail/layout.ts';
import { type Finding, reporter } from './finding.ts';
import type { Survey } from './survey.ts';

const say = reporter('pins', ['agent']);
const MAIN = '/etc/logrotate.conf';

/** The files that one block of logrotate's configuration rotates. */
interface Block {
  /** The configuration file. */
  file: string;
  patterns: string[];
  allowsHardLinks: boolean;
}

/**
 * Finds blocks of logrotate that rotate logs of sandboxes, and skip each that has a second hard link: our pin
 * is one. logrotate says so, ends with 0, and the logs grow.
 * @param main the configuration file that includes all others
 */
export async function logrotateFindings(settings: Settings, found: Survey, main = MAIN): Promise<Finding[]> {
  if (settings.pins === 'descriptor') return [];
  const { folderOf } = layoutOf(settings.data_dir, settings.layout);
  const example = logFiles.map(({ file }) => join(folderOf('sandbox'), file));
  const paths = [...example, ...found.logs.map(({ path }) => path)];
  const blocks = (await blocksOf(main)).filter(({ allowsHardLinks, patterns }) => {
    return !allowsHardLinks && patterns.some((pattern) => paths.some((path) => matchesGlob(path, pattern)));
  });
  return blocks.map(({ file, patterns }) =>
    say.error(
      'logrotate',
      `${file} rotates ${patterns.join(' ')}, and logrotate skips files with several hard links: the agent’s pin is ` +
        'one, so these logs are never rotated, and grow without bound.',
      { cure: `Write allowhardlink into that block of ${file}, or set AFTERLOG_PINS=descriptor.` },
    ),
  );
}

async function blocksOf(main: string): Promise<Block[]> {
  const config = new Configuration();
  await config.read(main);
  return config.blocks;
}

/** Reads logrotate's configuration as far as these findings need it. */
class Configuration {
  readonly blocks: Block[] = [];
  private allowsHardLinks = false;
  private files = 0;

  /** A file that cannot be read has no blocks: logrotate, which is root, may rotate more than we see. */
  async read(path: string): Promise<void> {
    if (++this.files > limits.doctor.logrotate_files_max) return;
    const text = await readFile(path, 'utf8').catch(() => '');
    let waiting: string[] = [];
    let block: Block | null = null;
    let isScript = false;
    for (const line of text.split('\n').map((one) => one.replace(/#.*$/, '').trim())) {
      const [word = '', argument = ''] = line.split(/[\s=]+/, 2);
      if (isScript) {
        isScript = word !== 'endscript';
      } else if (/^(?:prerotate|postrotate|firstaction|lastaction|preremove)$/.test(word)) {
        isScript = true;
      } else if (block !== null) {
        if (word === 'allowhardlink') block.allowsHardLinks = true;
        if (word === 'noallowhardlink') block.allowsHardLinks = false;
        if (line.endsWith('}')) block = null;
      } else if (/^["'/]/.test(line) || waiting.length > 0) {
        waiting.push(...patternsOf(line.replace(/\{\s*$/, '')));
        if (!line.endsWith('{')) continue;
        block = { file: path, patterns: waiting, allowsHardLinks: this.allowsHardLinks };
        this.blocks.push(block);
        waiting = [];
      } else if (word === 'include') {
        await this.include(argument.replace(/^["']|["']$/g, ''));
      } else if (word === 'allowhardlink' || word === 'noallowhardlink') {
        this.allowsHardLinks = word === 'allowhardlink';
      }
    }
  }

  private async include(path: string): Promise<void> {
    const isFolder = await stat(path).then(
      (stats) => stats.isDirectory(),
      () => false,
    );
    if (!isFolder) return this.read(path);
    const names = await readdir(path).catch(() => []);
    for (const name of names.sort()) await this.read(join(path, name));
  }
}

const patternsOf = (line: string): string[] =>
  [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, bare]) => double ?? single ?? bare ?? '',
  );
