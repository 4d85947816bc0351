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

/** The ways to read settings again. */
export interface Reading {
  /** @throws AfterlogError SETTING_INVALID, SETTING_UNKNOWN */
  all(): Settings;
  /** Reads only these. @throws AfterlogError SETTING_INVALID */
  secrets(wanted: readonly Setting[]): Partial<Settings>;
}

/** The settings with which a role was started, and the ways to read them again. */
export interface Source extends Reading {
  settings: Settings;
}

/** A setting that a file holds, and the last look at this file. */
interface Watched {
  setting: Setting;
  path: string;
  /** The file as it was when its value was taken. */
  seen: string;
  /** The fault that was reported last, and the time from which on it is reported again. */
  told: string;
  tell_again_ms: number;
}

/**
 * Takes changed settings into a running role. A value that is wrong is reported, and the old ones stay.
 */
export class Reloader {
  private current: Settings;
  private readonly name: string;
  private readonly role: Reloading;
  private readonly source: Source;

  constructor(name: string, role: Reloading, source: Source) {
    this.name = name;
    this.role = role;
    this.source = source;
    this.current = source.settings;
  }

  /** Reads all settings again, as SIGHUP asks. */
  all(): void {
    try {
      const read = this.source.all();
      const changed = changedSettings(this.current, read);
      const taken = changed.filter((one) => this.takes(one));
      const fields = this.take(read, taken);
      const waiting = changed.filter((one) => !taken.includes(one)).map(({ name }) => name);
      const role = this.name;
      log.info(
        { role, changed: taken.map(({ name }) => name), ...fields, ...(waiting.length > 0 && { waiting }) },
        sentenceOf(taken.length, waiting),
      );
    } catch (error) {
      report(this.faultOf(error), { role: this.name });
    }
  }

  /** Looks from time to time whether a file of secrets was changed or replaced. */
  watch(): NodeJS.Timeout | null {
    const files = secretFiles(process.env)
      .filter(({ setting }) => this.takes(setting))
      .map((file): Watched => ({ ...file, seen: '', told: '', tell_again_ms: 0 }));
    if (files.length === 0) return null;
    let isBusy = false;
    const look = async (): Promise<void> => {
      if (isBusy) return;
      isBusy = true;
      // Each file for itself: a fault in one holds up no other.
      for (const file of files) {
        const now = await fingerprint(file.path);
        if (now !== file.seen) this.secret(file, now);
      }
      isBusy = false;
    };
    void look();
    return setInterval(() => void look(), limits.server.secret_files_ms);
  }

  /**
   * Only this setting: another one may be in the middle of a change, or wrong. A wrong file is read again at
   * each look. Never throws.
   */
  private secret(file: Watched, now: string): void {
    const { setting } = file;
    try {
      const read = { ...this.current, ...this.source.secrets([setting]) };
      const changed = changedSettings(this.current, read);
      const fields = this.take(read, changed);
      file.seen = now;
      file.told = '';
      if (changed.length === 0) return;
      log.info(
        { role: this.name, changed: [setting.name], ...fields },
        'A file of secrets has changed and is in use.',
      );
    } catch (error) {
      const fault = this.faultOf(error);
      if (fault.message === file.told && performance.now() < file.tell_again_ms) return;
      report(fault, { role: this.name });
      file.told = fault.message;
      file.tell_again_ms = performance.now() + limits.server.secret_fault_ms;
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
    // Nothing that a reload meets ends a daemon.
    return new AfterlogError(
      error instanceof AfterlogError ? error.code : 'INTERNAL',
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
