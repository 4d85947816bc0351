import type { Random } from '../src/demo/random.ts';

const upper = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const lower = upper.toLowerCase();
const digits = '0123456789';
const ALPHABETS: Record<string, string> = {
  d: digits,
  h: `${digits}abcdef`,
  l: lower + digits,
  u: upper + digits,
  2: `${upper}234567`,
  a: upper + lower + digits,
  w: `${upper}${lower}${digits}_-`,
  b: `${upper}${lower}${digits}+/`,
  z: upper + lower,
};

/** Fills the fields of a form: {a36}, {w20-40}. */
export const fill = (form: string, random: Random): string =>
  form.replace(/\{([a-z2])(\d+)(?:-(\d+))?\}/g, (_, letter: string, least: string, most?: string) => {
    const length = random.int(Number(least), Number(most ?? least));
    return drawn(ALPHABETS[letter]!, length, random);
  });

function drawn(alphabet: string, length: number, random: Random): string {
  let text = '';
  while (text.length < length) text += alphabet[random.int(0, alphabet.length - 1)];
  // A token that begins or ends with a dash is rare, and no text shows where it ends.
  return text.replace(/[-_]$/, 'x').replace(/^[-_]/, 'x');
}

/** All printable marks but quotes and the backslash. */
const MARKS = `${ALPHABETS.a}!#$%&()*+,-./:;<=>?@[]^_{|}~`;
const WORDS = ['correct', 'horse', 'battery', 'staple', 'tiger', 'winter', 'hunter', 'admin'];
/** Passwords by what is in them. */
export const passwords: Record<string, (random: Random) => string> = {
  'letters and digits': (random) => `${random.pick(WORDS)}${random.int(2, 9999)}`,
  'letters only': (random) => `${random.pick(WORDS)}${random.pick(WORDS)}`,
  drawn: (random) => drawn(ALPHABETS.a!, random.int(10, 30), random),
  'with @': (random) => `${random.pick(WORDS)}@${random.int(10, 99)}@${random.pick(WORDS)}`,
  'with /': (random) => `${random.pick(WORDS)}/${random.int(10, 99)}/${random.pick(WORDS)}`,
  'with @ and /': (random) => `p@${random.pick(WORDS)}/${random.int(10, 99)}@${random.pick(WORDS)}`,
  'with marks': (random) => `${random.pick(WORDS)}!#$%^*+=?${random.int(10, 99)}`,
  'any marks': (random) => drawn(MARKS, random.int(8, 24), random),
  'with quotes': (random) => `${random.pick(WORDS)}"${random.int(10, 99)}'${random.pick(WORDS)}`,
  'two words': (random) => `${random.pick(WORDS)} ${random.pick(WORDS)}`,
  'with , ; & and brackets': (random) => `a,b;c&d(e)${random.pick(WORDS)}[${random.int(10, 99)}]x`,
};
