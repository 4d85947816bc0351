import type { Server } from 'node:http';
import { AfterlogError } from '../base/errors.ts';
import { splitAddress } from '../config/settings.ts';

/** @throws AfterlogError PORT_IN_USE, SETTING_INVALID (for example an address of another machine) */
export function listen(server: Server, address: string): Promise<void> {
  const { host, port } = splitAddress(address);
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(listenFault(address, error));
    });
    server.listen(port, host, () => resolve());
  });
}

function listenFault(address: string, error: NodeJS.ErrnoException): AfterlogError {
  return error.code === 'EADDRINUSE'
    ? new AfterlogError('PORT_IN_USE', `Another process listens on ${address}.`, error)
    : new AfterlogError('SETTING_INVALID', `Cannot listen on ${address}: ${error.message}.`, error);
}
