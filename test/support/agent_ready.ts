/** `agent_child.ts` prints this when its agent has started. */
export const AGENT_READY = 'The agent of this test has started.';
