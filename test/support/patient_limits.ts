/** Preloaded into processes of tests: a slow machine needs longer than an operator would wait. */
import { overrideLimits } from './limits.ts';
import { PATIENCE_MS } from './patience.ts';

overrideLimits({
  doctor: { check_ms: PATIENCE_MS },
  consume: { handover_ms: PATIENCE_MS, stop_ms: PATIENCE_MS },
});
