/** Imported into processes of tests: on a slow, loaded machine things take longer than an operator would wait for them. */
import { overrideLimits } from './limits.ts';
import { PATIENCE_MS } from './patience.ts';

overrideLimits({
  doctor: { check_ms: PATIENCE_MS },
  consume: { handover_ms: PATIENCE_MS, stop_ms: PATIENCE_MS },
});
