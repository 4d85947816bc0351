import type { Settings } from '../config/settings.ts';
import { masterKeys, secretsOf, signatureMode } from '../config/signing.ts';
import { checkSignature } from '../wire/signature.ts';
import { type Letter, originalHeaders, placeOf } from './letter.ts';

/** @returns why a letter must not be replayed: its host may not have sent it; null if it may */
export type Trust = (letter: Letter) => string | null;

/**
 * A replay stores a letter only if a consumer with the same settings would. A letter that was set aside for
 * its signature needs a right one, unless kafka.batch_signatures is set: that is how an operator vouches for
 * it. Batches in refused/ never were in Kafka, and come from this host; their replay needs no master key.
 * @returns a function that throws AfterlogError SETTING_INVALID if it needs a master key and has a host's
 */
export function trustBy(settings: Settings): Trust {
  return (letter) => {
    if (letter.path !== null || letter.header === null) return null;
    const usual = letter.code?.startsWith('SIGNATURE_') ? 'require' : signatureMode(settings);
    const mode = settings.kafka.batch_signatures ?? usual;
    if (mode === 'ignore') return null;
    const place = placeOf(letter);
    // A consumer names the place of each letter. Anybody who may produce can write a letter without one.
    if (place === null) return `its partition is not known. ${vouch('ignore')}`;
    const message = { ...place, headers: originalHeaders(letter), value: letter.value };
    const found = checkSignature(message, letter.header.host, secretsOf(masterKeys(settings)));
    switch (found.state) {
      case 'right':
        return null;
      case 'missing':
        return mode === 'verify' ? null : `it is not signed. ${vouch('verify')}`;
      case 'wrong':
        return `its signature ${found.reason}. ${vouch('ignore')}`;
    }
  };
}

const vouch = (mode: string): string =>
  `If it is surely of its host, replay it with --kafka-batch-signatures ${mode}.`;
