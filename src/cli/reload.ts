import { stat } from 'node:fs/promises';
import { AfterlogError, reasonOf } from '../base/errors.ts';
import { report } from '../base/faults.ts';
import { limits } from '../base/limits.ts';
import { log } from '../base/log.ts';
import { secretFiles } from '../config/given.ts';
import { changedSettings, withChanges } from '../config/reload.ts';
import type { Setting } from '../config/schema.ts';
import type { Settings } from '../config/settings.ts';

/** A role that can take some settings while it runs. */
export interface Reloading {
  /** Names of these settings; `log_level` is one for every role. */
  reloads?: readonly string[];
  /**
   * @returns fields for the log
   * @throws AfterlogError SETTING_INVALID if a value cannot be taken; then nothing has changed
   */
  reload?(next: Settings): object;
}

/** The settings with which a role was started, and a way to read them again. */
export interface Source {
  settings: Settings;
  /** @throws AfterlogError SETTING_INVALID, SETTING_UNKNOWN */
  read(): Settings;
}

/**
 * Takes changed settings into a running role. A value that is wrong is reported, and the old ones stay.
 */
export class Reloader {
  private current: Settings;
  private readonly name: string;
  private readonly role: Reloading;
  private readonly source: Source;
  /** The fault that was reported last: a wrong file is read at each look, and reported once. */
  private told = '';
  /** The files of secrets, as they were when they were read last. */
  private seen = '';

  constructor(name: string, role: Reloading, source: Source) {
    this.name = name;
    this.role = role;
    this.source = source;
    this.current = source.settings;
  }

  /** Reads all settings again, as SIGHUP asks. */
  all(): void {
    try {
      const read = this.source.read();
      const changed = changedSettings(this.current, read);
      const taken = changed.filter((one) => this.takes(one));
      const fields = this.take(read, taken);
      const waiting = changed.filter((one) => !taken.includes(one)).map(({ name }) => name);
      const role = this.name;
      log.info(
        { role, changed: taken.map(({ name }) => name), ...fields, ...(waiting.length > 0 && { waiting }) },
        sentenceOf(taken.length, waiting),
      );
      this.told = '';
    } catch (error) {
      report(this.faultOf(error), { role: this.name });
    }
  }

  /** Looks from time to time whether a file of secrets was changed or replaced. */
  watch(): NodeJS.Timeout | null {
    const files = secretFiles(process.env).filter(({ setting }) => this.takes(setting));
    if (files.length === 0) return null;
    let isBusy = false;
    const look = async (): Promise<void> => {
      if (isBusy) return;
      isBusy = true;
      const now = (await Promise.all(files.map(({ path }) => fingerprint(path)))).join('\n');
      if (now !== this.seen)
        this.secrets(
          files.map(({ setting }) => setting),
          now,
        );
      isBusy = false;
    };
    void look();
    return setInterval(() => void look(), limits.server.secret_files_ms);
  }

  /**
   * Only these: another setting may be in the middle of a change. A wrong file is read again at each look.
   */
  private secrets(settings: Setting[], now: string): void {
    try {
      const read = this.source.read();
      const changed = changedSettings(this.current, read).filter((one) => settings.includes(one));
      const fields = this.take(read, changed);
      this.seen = now;
      this.told = '';
      if (changed.length === 0) return;
      const names = changed.map(({ name }) => name);
      log.info(
        { role: this.name, changed: names, ...fields },
        'A file of secrets has changed and is in use.',
      );
    } catch (error) {
      const fault = this.faultOf(error);
      if (fault.message !== this.told) report(fault, { role: this.name });
      this.told = fault.message;
    }
  }

  private takes({ name }: Setting): boolean {
    return name === 'log_level' || this.role.reloads?.includes(name) === true;
  }

  private take(read: Settings, changed: Setting[]): object {
    if (changed.length === 0) return {};
    const next = withChanges(this.current, read, changed);
    const fields = this.role.reload?.(next) ?? {};
    log.level = next.log_level;
    this.current = next;
    return fields;
  }

  private faultOf(error: unknown): AfterlogError {
    if (!(error instanceof AfterlogError)) throw error;
    return new AfterlogError(
      error.code,
      `The ${this.name} keeps its old settings. ${reasonOf(error)}`,
      error,
    );
  }
}

function sentenceOf(taken: number, waiting: string[]): string {
  const now = taken === 0 ? 'none that can change now has changed' : 'the changed ones are in use';
  const later = waiting.length === 0 ? '' : ` ${waiting.join(', ')} changed too, which needs a restart.`;
  return `The settings were read again; ${now}.${later}`;
}

/** Differs for each content of a file, also behind links, as Kubernetes replaces them. */
async function fingerprint(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
  } catch (error) {
    return reasonOf(error);
  }
}
