import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { screenSvg } from '../../docs/generate/demo_svg.ts';

const root = resolve(import.meta.dirname, '../..');

/** x, y, attributes and text of each piece. */
const piecesIn = (svg: string): string[][] =>
  [
    ...svg.matchAll(
      /<text x="(.+?)" y="(.+?)" textLength=".+?" lengthAdjust="spacingAndGlyphs"(.*?)>(.*?)<\/text>/g,
    ),
  ].map((match) => match.slice(1));

test('a captured screen becomes text with its columns and colors', () => {
  const svg = screenSvg(
    '\u001b[1mdemo\u001b[0m · 2 s\n\n  \u001b[1m\u001b[32mdone  \u001b[0m\u001b[39m\u001b[49m1 of 2\n',
    'Demo',
  );
  assert.deepEqual(piecesIn(svg), [
    ['18', '32', ' font-weight="600"', 'demo'],
    ['60', '32', '', '· 2 s'],
    ['34.8', '70', ' fill="#3fb950" font-weight="600"', 'done'],
    ['85.2', '70', '', '1 of 2'],
  ]);
  assert.match(svg, /^<svg [^>]*viewBox="0 0 154 93"[^>]*>\n<title>Demo<\/title>\n/);
});

test('a color goes on in the next line until another one is set', () => {
  const svg = screenSvg('a\u001b[2m b\nc\u001b[0m d', '');
  assert.deepEqual(
    piecesIn(svg).map(([, , look, text]) => [look, text]),
    [
      ['', 'a'],
      [' fill="#8b949e"', 'b'],
      [' fill="#8b949e"', 'c'],
      ['', 'd'],
    ],
  );
});

test('text of a guest cannot become markup', () => {
  const svg = screenSvg('<script>&amp;</script>', '</title><script>');
  assert.deepEqual(
    piecesIn(svg).map(([, , , text]) => text),
    ['&lt;script&gt;&amp;amp;&lt;/script&gt;'],
  );
  assert.match(svg, /<title>&lt;\/title&gt;&lt;script&gt;<\/title>/);
});

test('what it would draw wrongly is an error', () => {
  assert.throws(() => screenSvg('\u001b[35mviolet', ''), /no SGR code 35/);
  assert.throws(() => screenSvg('\u001b[2Jcleared', ''), /no such control/);
  assert.throws(() => screenSvg('a\u0007', ''), /no such control/);
});

test('the README shows the picture, with a text for people who cannot see it', () => {
  const readme = readFileSync(resolve(root, 'README.md'), 'utf8');
  const [, alt, path] = /!\[(.+?)\]\((docs\/images\/demo\.svg)\)/.exec(readme)!;
  assert.ok(alt!.length > 40);
  const picture = readFileSync(resolve(root, path!), 'utf8');
  assert.ok(picture.length < 60_000);
  // Else the demo has changed since, and the picture has to be made again.
  const screen = readFileSync(resolve(root, 'src/demo/screen.ts'), 'utf8');
  for (const words of ['afterlog demo', 'Ctrl-C stops it', 'compared byte for byte']) {
    assert.ok(screen.includes(words), `src/demo/screen.ts has no '${words}'`);
    assert.ok(picture.includes(words), `docs/images/demo.svg has no '${words}'`);
  }
});
