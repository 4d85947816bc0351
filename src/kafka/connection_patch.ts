import { createRequire } from 'node:module';
import { Socket } from 'node:net';
import kafkajs from 'kafkajs';
import { reasonOf } from '../base/errors.ts';
import { limits } from '../base/limits.ts';

const require = createRequire(import.meta.url);

/** A request that was sent and has no answer yet. */
interface SentRequest {
  sentAt: number;
  requestTimeout: number;
  timeoutRequest(): void;
}

interface RequestQueue {
  inflight: Map<number, SentRequest>;
  pending: unknown[];
  requestTimeoutIntervalId?: NodeJS.Timeout;
  isConnected(): boolean;
  rejectAll(error: Error): void;
  scheduleRequestTimeoutCheck(): void;
  waitForPendingRequests(): Promise<void>;
  destroy(): void;
  /** Ours: ends the connection of the queue. */
  lose?: ((error: Error) => void) | undefined;
}

interface Connection {
  readonly host: string;
  readonly port: number;
  readonly broker: string;
  readonly ssl: unknown;
  readonly connectionTimeout: number;
  readonly requestQueue: RequestQueue;
  socket: Socket;
  socketFactory(to: { host: string; port: number; ssl: unknown; onConnect: () => void }): Socket;
  /** A connection that is being closed counts as connected, for its last requests. */
  connectionStatus: 'connected' | 'disconnecting' | 'disconnected';
  authenticatedAt: unknown;
  authHandlers: { onError(): void } | null;
  /** Bytes of an answer that has not arrived as a whole. */
  chunks: Buffer[];
  bytesBuffered: number;
  bytesNeeded: number;
  isConnected(): boolean;
  processData(bytes: Buffer): void;
  connect(): Promise<true>;
  disconnect(): Promise<true>;
  logError(message: string): void;
  /** Ours: the attempt that is under way. */
  connecting?: Promise<true> | undefined;
}

const { KafkaJSConnectionClosedError: ConnectionClosed } = require('kafkajs/src/errors') as {
  KafkaJSConnectionClosedError: new (message: string, at: { host: string; port: number }) => Error;
};

const SIZE_BYTES = 4;

/**
 * Makes the loss of a connection final, and known to each of its requests. kafkajs keeps four things beyond a
 * loss, and each stopped an agent or a consumer:
 * - The first bytes of a cut answer: those of the next connection were read as its rest, which threw where
 *   nobody catches, or left the connection waiting for an answer of many megabytes.
 * - The old socket, which only stops to send: its last bytes got among those of the new one; its end ended
 *   the new one, or cleared the timer of the new one's requests, which then never settled.
 * - A connection that does not answer any more: every further request waited in vain for `requestTimeout`.
 * - An attempt to connect: each request that came meanwhile opened a connection of its own.
 */
export function patchConnections(): void {
  const { prototype } = require('kafkajs/src/network/connection') as { prototype: Connection };
  prototype.connect = function (): Promise<true> {
    if (this.isConnected()) return Promise.resolve(true);
    this.connecting ??= open(this).finally(() => {
      this.connecting = undefined;
    });
    return this.connecting;
  };
  prototype.disconnect = async function (): Promise<true> {
    const { requestQueue } = this;
    const { lose } = requestQueue;
    if (lose === undefined) return true;
    if (this.isConnected()) {
      this.connectionStatus = 'disconnecting';
      await requestQueue.waitForPendingRequests();
    }
    lose(closed(this));
    return true;
  };
  const queue = require('kafkajs/src/network/requestQueue') as { prototype: RequestQueue };
  queue.prototype.scheduleRequestTimeoutCheck = watchAnswers;
}

function open(connection: Connection): Promise<true> {
  const { host, port, ssl, requestQueue } = connection;
  return new Promise((resolve, reject) => {
    const lose = (error: Error): void => {
      if (requestQueue.lose !== lose) return;
      requestQueue.lose = undefined;
      clearTimeout(timer);
      socket.destroy();
      connection.connectionStatus = 'disconnected';
      connection.authenticatedAt = null;
      forgetAnswer(connection);
      requestQueue.destroy();
      connection.authHandlers?.onError();
      requestQueue.rejectAll(error);
      reject(error);
    };
    const fail = (what: string, code?: string): void => {
      connection.logError(what);
      lose(new kafkajs.KafkaJSConnectionError(what, { broker: connection.broker, ...(code && { code }) }));
    };
    requestQueue.lose = lose;
    const timer = setTimeout(() => fail('Connection timeout'), connection.connectionTimeout);
    const onConnect = (): void => {
      if (requestQueue.lose !== lose) return;
      clearTimeout(timer);
      connection.connectionStatus = 'connected';
      requestQueue.scheduleRequestTimeoutCheck();
      resolve(true);
    };
    let socket: Socket;
    try {
      socket = connection.socketFactory({ host, port, ssl, onConnect });
    } catch (error) {
      // The socket refuses the address itself.
      socket = new Socket();
      return fail(`Failed to connect: ${reasonOf(error)}`);
    }
    connection.socket = socket;
    socket.on('data', (bytes: Buffer) => {
      if (requestQueue.lose !== lose) return;
      try {
        connection.processData(bytes);
      } catch (error) {
        fail(`An answer cannot be read: ${reasonOf(error)}`);
      }
    });
    socket.on('error', (error: NodeJS.ErrnoException) =>
      fail(`Connection error: ${error.message}`, error.code),
    );
    for (const end of ['end', 'close']) socket.on(end, () => lose(closed(connection)));
  });
}

const closed = ({ host, port }: Connection): Error =>
  new ConnectionClosed('Closed connection', { host, port });

function forgetAnswer(connection: Connection): void {
  connection.chunks = [];
  connection.bytesBuffered = 0;
  connection.bytesNeeded = SIZE_BYTES;
}

/** A connection with a request that was not answered in time is lost: nothing shows that it still works. */
function watchAnswers(this: RequestQueue): void {
  this.destroy();
  const { lose } = this;
  this.requestTimeoutIntervalId = setInterval(() => {
    const late = [...this.inflight.values()].filter(
      ({ sentAt, requestTimeout }) => Date.now() - sentAt > requestTimeout,
    );
    for (const request of late) request.timeoutRequest();
    if (late.length > 0) lose?.(new kafkajs.KafkaJSConnectionError('A request was not answered'));
  }, limits.kafka.answers_look_ms);
}
