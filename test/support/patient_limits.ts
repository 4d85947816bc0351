/** Imported into processes of tests: on a slow, loaded machine things take longer than an operator would wait for them. */
import { limits } from '../../src/base/limits.ts';
import { PATIENCE_MS } from './patience.ts';

Object.assign(limits, { doctor_check_ms: PATIENCE_MS, handover_ms: PATIENCE_MS, stop_ms: PATIENCE_MS });
