import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { checkWholeFrame, compressFrame } from '../../src/wire/zstd_frame.ts';
import { randomBytes, randomOf } from '../support/content.ts';
import { seed } from '../support/property.ts';

const random = randomOf(seed);

const contents: [string, Buffer][] = [
  ['nothing', Buffer.alloc(0)],
  ['one byte', Buffer.from('x')],
  ['text', Buffer.from('sandbox console '.repeat(5_000))],
  ['zeros, as run-length blocks', Buffer.alloc(500_000)],
  ['noise, as raw blocks', randomBytes(random, 300_000)],
  [
    'noise and zeros in turn',
    Buffer.concat([randomBytes(random, 200_000), Buffer.alloc(200_000), randomBytes(random, 9)]),
  ],
];
const ways: [string, Record<number, number>][] = [
  ['level 1', { [constants.ZSTD_c_compressionLevel]: 1 }],
  ['with checksum', { [constants.ZSTD_c_checksumFlag]: 1 }],
  ['without content size', { [constants.ZSTD_c_contentSizeFlag]: 0 }],
];

for (const [what, content] of contents) {
  for (const [way, params] of ways) {
    test(`a frame of ${what}, ${way}: whole only in its full length`, () => {
      const frame = zstdCompressSync(content, { params });
      assert.equal(checkWholeFrame(frame), null);
      const step = Math.max(1, Math.floor(frame.length / 500));
      for (let end = 0; end < frame.length; end += step) {
        assert.match(checkWholeFrame(frame.subarray(0, end)) ?? 'whole', /cut short/, `cut to ${end} bytes`);
      }
      assert.match(checkWholeFrame(frame.subarray(0, -1)) ?? 'whole', /cut short/);
      assert.match(checkWholeFrame(Buffer.concat([frame, frame])) ?? 'whole', /bytes after its zstd frame/);
    });
  }
}

test('what is compressed is one frame, also where it fills the compressor’s chunks to the last byte', () => {
  const noise = randomBytes(random, 2 * 131_072);
  for (const chunk of [16_384, 32_768, 65_536, 131_072, 262_144]) {
    const lengths = new Set<number>();
    for (let length = chunk - 60; length <= chunk; length++) {
      const frame = compressFrame(noise.subarray(0, length));
      lengths.add(frame.length);
      assert.equal(checkWholeFrame(frame), null, `${length} bytes, compressed to ${frame.length}`);
      assert.ok(zstdDecompressSync(frame).equals(noise.subarray(0, length)));
    }
    assert.ok(lengths.has(chunk), `a frame of ${chunk} bytes is among them`);
  }
});

test('other bytes are not a frame', () => {
  assert.match(checkWholeFrame(Buffer.from('not compressed at all')) ?? '', /not a zstd frame/);
  assert.match(checkWholeFrame(Buffer.from('1f8b0800000000000003', 'hex')) ?? '', /not a zstd frame/);
});
