import { isIPv4 } from 'node:net';

/** True for an address that only processes of this machine can reach: 127.0.0.0/8 and ::1. */
export function isLoopback(address = ''): boolean {
  const plain = address.replace(/^::ffff:/i, '');
  return plain === '::1' || (isIPv4(plain) && plain.startsWith('127.'));
}

/** The same for the name in a setting or in a `Host` header, without port and brackets. */
export const isLoopbackName = (name: string): boolean =>
  name.toLowerCase() === 'localhost' || isLoopback(name);
