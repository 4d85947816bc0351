import { AfterlogError } from '../base/errors.ts';
import { isLoopbackName } from '../base/loopback.ts';
import { allSettings } from './schema.ts';
import { type Settings, splitAddress } from './settings.ts';

/** A setting with an address, and the setting with the tokens that it needs to be open to others. */
const tokensOf = {
  listen: 'tokens',
  agent_listen: 'agent_token',
  consumer_listen: 'agent_token',
} as const;

export type Address = keyof typeof tokensOf;

/** Why a role must not listen on its address: others reach it, and no token is set. Null if it may. */
export function exposure(settings: Settings, address: Address): string | null {
  const { host } = splitAddress(settings[address]);
  const token = tokensOf[address];
  const isSet = token === 'tokens' ? settings.tokens.length > 0 : settings.agent_token !== undefined;
  if (isSet || isLoopbackName(host)) return null;
  const where = (name: string): string => allSettings.find((one) => one.name === name)!.env;
  return (
    `Setting ${address} (${where(address)}) is ${settings[address]}, which other machines can reach, ` +
    `so it also needs ${token} (${where(token)}); without it, only loopback is allowed, such as 127.0.0.1.`
  );
}

/** @throws AfterlogError SETTING_INVALID if others could reach the address without a token */
export function refuseExposed(settings: Settings, address: Address): void {
  const reason = exposure(settings, address);
  if (reason !== null) throw new AfterlogError('SETTING_INVALID', reason);
}
