import { builtInKinds } from '../../../src/redact/kinds.ts';
import { Redactor } from '../../../src/redact/redactor.ts';
import { fc } from '../../support/property.ts';

/** What stands for long pieces, so that a failed history can be read. */
const long: Record<string, string> = {
  '<70 kB, no end>': 'y'.repeat(70_000),
  '<300 kB line>': `${'z'.repeat(300_000)}\n`,
  '<5000 lines>': 'many\n'.repeat(5_000),
  '<3 NULs>': '\0\0\0',
};
/** Without secrets only: the model of redaction knows lines, and long NULs are none. */
const nuls: Record<string, string> = {
  '<60 kB of NULs>': '\0'.repeat(60_000),
  '<70 kB of NULs>': '\0'.repeat(70_000),
  '<600 kB of NULs>': '\0'.repeat(600_000),
};
/** With these in what is written, agents redact: they come in one piece, in two, and over several lines. */
const secrets: Record<string, string> = {
  '<token>': `token gh${'p_'}a8Kd0Zq3XmP7cR2tYw9LbV5nH4sJ6gF1wxyz\n`,
  '<token, its first half>': `token gh${'p_'}a8Kd0Zq3XmP7cR`,
  '<token, its second half>': '2tYw9LbV5nH4sJ6gF1wxyz\n',
  '<account>': 'acct_123',
  '<digits>': '456\n',
  '<address>': 'mail to someone@example.com now\n',
  '<key begins>': `-----BEGIN ${'PRIVATE'} KEY-----\r\n`,
  '<key>': `${'MIIEvQIBADANBgkqhkiG9w0BAQEFAASC'.repeat(2)}\r\n`,
  '<key ends>': `-----END ${'PRIVATE'} KEY-----\r\n`,
  '<token at the end of a row>': `${'.'.repeat(65_520)}gh${'p_'}a8Kd0Zq3XmP7cR2tYw9LbV5nH4sJ6gF1wxyz`,
};

export const makeRedactor = (): Redactor => new Redactor(builtInKinds, ['acct_\\d+']);

/** Each console begins so. */
export const BOOT = Buffer.from('[    0.000000] Linux version 6.1.0, the same for all\n');

export const contentOf = (text: string[]): Buffer =>
  Buffer.from(text.map((piece) => long[piece] ?? nuls[piece] ?? secrets[piece] ?? piece).join(''));

/** One to four pieces for `contentOf`. */
export const textWith = (hasSecrets: boolean): fc.Arbitrary<string[]> =>
  fc.array(
    fc.oneof(
      { weight: 8, arbitrary: fc.stringMatching(/^[a-z ]{1,20}$/).map((line) => `${line}\n`) },
      { weight: 3, arbitrary: fc.constantFrom('\n', '\r\n', 'no end', '[    1.000000] kernel\n') },
      { weight: 1, arbitrary: fc.constantFrom(...Object.keys(long)) },
      hasSecrets
        ? { weight: 12, arbitrary: fc.constantFrom(...Object.keys(secrets)) }
        : { weight: 1, arbitrary: fc.constantFrom(...Object.keys(nuls)) },
    ),
    { minLength: 1, maxLength: 4 },
  );

const NULS = Buffer.alloc(65_537);

/** Whether there is a run of NULs that becomes a row of its own. */
export const hasLongNuls = (former: Buffer): boolean => former.includes(NULS);
