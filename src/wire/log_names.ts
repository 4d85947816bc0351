/** The logs of a sandbox, by their names in rows. */
export const logNames = ['console', 'events', 'firecracker'] as const;
