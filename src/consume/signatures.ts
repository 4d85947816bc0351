import type { KafkaMessage } from 'kafkajs';
import { AfterlogError } from '../base/errors.ts';
import type { Settings } from '../config/settings.ts';
import { masterKeys, type SignatureMode, secretsOf, signatureMode } from '../config/signing.ts';
import { type BatchHeader, batchId } from '../wire/header.ts';
import { checkSignature } from '../wire/signature.ts';

/** Of the batches that were checked, by their signature; all 0 while signatures are ignored. */
export interface SignatureCounts {
  batches_signed: number;
  batches_unsigned: number;
  batches_wrongly_signed: number;
}

/** The consumer's check of signatures. */
export class Signatures {
  readonly counts: SignatureCounts = { batches_signed: 0, batches_unsigned: 0, batches_wrongly_signed: 0 };
  readonly mode: SignatureMode;
  private readonly topic: string;
  private readonly secretsOf: ReturnType<typeof secretsOf>;

  /** @throws AfterlogError SETTING_INVALID kafka.batch_key holds the key of a host */
  constructor(settings: Settings) {
    this.topic = settings.kafka.topic;
    this.secretsOf = secretsOf(masterKeys(settings));
    this.mode = signatureMode(settings);
  }

  /**
   * Returns if the batch may land: true if it has a right signature. No gap rows may take the place of a
   * batch that it rejects: they would have the batch's id, and its host may not have sent it.
   * @throws AfterlogError SIGNATURE_WRONG, SIGNATURE_MISSING
   */
  check(header: BatchHeader, partition: number, { headers, value }: KafkaMessage): boolean {
    if (this.mode === 'ignore') return false;
    const { topic } = this;
    const found = checkSignature({ topic, partition, headers, value }, header.host, this.secretsOf);
    const what = `Batch ${batchId(header)} may be of another host`;
    switch (found.state) {
      case 'right':
        this.counts.batches_signed++;
        return true;
      case 'missing':
        this.counts.batches_unsigned++;
        if (this.mode === 'verify') return false;
        throw new AfterlogError(
          'SIGNATURE_MISSING',
          `${what}: it is not signed, and kafka.batch_signatures is require.`,
        );
      case 'wrong':
        this.counts.batches_wrongly_signed++;
        throw new AfterlogError('SIGNATURE_WRONG', `${what}: its signature ${found.reason}.`);
    }
  }
}
