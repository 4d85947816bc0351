import type { IncomingMessage } from 'node:http';
import { isLoopback, isLoopbackName } from '../../base/loopback.ts';

/** The part of a request that shows who sent it. */
export type Asking = Pick<IncomingMessage, 'headers' | 'httpVersion'> & {
  socket: Pick<IncomingMessage['socket'], 'remoteAddress'>;
};

/**
 * Headers that only a proxy, a CDN or a tunnel adds, and each of them for somebody else. No list can be
 * complete, so each family counts as a whole.
 */
const fromProxy = new RegExp(
  `^(?:${[
    'forwarded|via|max-forwards|proxy-.*|x-proxy.*|x-forwarded|x-forwarded-.*|forwarded-.*|x-forward-.*',
    '(?:.*-)?client-ip|x-real-.*|remote-.*|x-remote-.*|x-originating-.*|x-original-.*',
    'x-rewrite-.*|x-host|x-http-host-override|x-accel-.*|x-envoy-.*|x-arr-.*|x-azure-.*|x-appengine-.*',
    'x-amzn-.*|x-amz-cf-.*|x-cloud-trace-.*|cloudfront-.*|cf-.*|cdn-.*|fly-.*|fastly-.*|akamai-.*|x-akamai-.*',
    'x-vercel-.*|x-nf-.*|x-varnish|tailscale-.*|ngrok-.*|x-ssl-.*|ssl-client-.*|front-end-https',
  ].join('|')})$`,
);

/**
 * Whether a process of this machine asks for itself: the rule of every address without a token. A proxy on
 * this machine and a web page in its browser also connect from loopback, for somebody else:
 * - A proxy adds headers, or speaks HTTP/1.0 (nginx does, if it is not told otherwise).
 * - A page whose own name was resolved to 127.0.0.1 has that name in `Host`.
 * - A browser says from which site a request comes. Only our own pages may ask.
 */
export function isOwnMachine({ headers, httpVersion, socket }: Asking): boolean {
  const { host = '' } = headers;
  if (!isLoopback(socket.remoteAddress) || httpVersion === '1.0') return false;
  if (!isLoopbackName(host.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1'))) return false;
  if (Object.keys(headers).some((name) => fromProxy.test(name))) return false;
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return false;
  return headers.origin === undefined || headers.origin.replace(/^https?:\/\//, '') === host;
}
