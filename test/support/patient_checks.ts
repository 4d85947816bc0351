/** Imported into `afterlog doctor`: on a slow, loaded machine its checks take longer than an operator would wait. */
import { limits } from '../../src/config/limits.ts';
import { PATIENCE_MS } from './patience.ts';

Object.assign(limits, { doctor_check_ms: PATIENCE_MS });
