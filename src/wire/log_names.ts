/** The logs of a sandbox, as rows name them. */
export const logNames = ['console', 'events', 'firecracker'] as const;
