import assert from 'node:assert/strict';
import { registerHooks } from 'node:module';
import { test } from 'node:test';
import kafkajs from 'kafkajs';
import { kafkaFault } from '../../src/kafka/client.ts';
import { addCodecs } from '../../src/kafka/codecs.ts';

test('without its package a message waits, with an error that names the package', async () => {
  registerHooks({
    resolve(name, context, next) {
      if (name === 'snappy') throw new Error(`Cannot find module '${name}'`);
      return next(name, context);
    },
  });
  addCodecs();
  const unpacking = kafkajs.CompressionCodecs[kafkajs.CompressionTypes.Snappy]().decompress(
    Buffer.from([1, 0, 97]),
  );
  const error = await unpacking.catch((thrown: unknown) => thrown);
  const { code, message } = kafkaFault('Topic logs cannot be consumed', error);
  assert.equal(code, 'CODEC_MISSING');
  assert.match(
    message,
    /^Topic logs cannot be consumed: The package snappy, .* Cannot find module 'snappy'$/,
  );
});
