import {
  ALNUM,
  BASE64,
  DIGIT,
  DIGIT_UPPER,
  DOTTED,
  EQUALS,
  HEX,
  isBound,
  isDigit,
  LOOK_BACK_BYTES,
  run,
  runBack,
  WORD,
} from './bytes.ts';
import type { Kind } from './kinds.ts';
import { add, type Sign, type Span } from './signs.ts';

/**
 * The tokens that their own text shows, one a line: kind and shape. In a shape
 *
 * - 'ghp_' is that text. The longest text of a shape is its sign.
 * - a36 is 36 bytes of a class, a36+ at least 36, a20-36 from 20 to 36. Classes: d digits, h hex digits,
 *   u digits and upper case, a letters and digits, w also _ and -, q also =, s also . and ~, b base64, t all
 *   of these.
 * - | first: only where a word begins. Texts that are not distinct need it.
 * - # last: only with a digit in it.
 */
const TOKENS = `
aws     'AKIA' u16
aws     'ASIA' u16
aws     'ABIA' u16
aws     'ACCA' u16
aws     | 'A3T' u17 #
aws     'ABSK' b100+
aws     'bedrock-api-key-' b16+
gcp     'AIza' w35
gcp     'ya29.' s40+
gcp     | 'ya29.' s20+
gcp     'GOCSPX-' w20+
azure   s3 d1 'Q~' s31+
github  'ghp_' a36-255
github  'gho_' a36-255
github  'ghu_' a36-255
github  'ghs_' s36+
github  'ghr_' a36-255
github  'github_pat_' w22-255
slack   'xoxa-' w10+
slack   'xoxb-' w10+
slack   'xoxc-' w10+
slack   'xoxd-' t10+
slack   'xoxe-' w10+
slack   'xoxo-' w10+
slack   'xoxp-' w10+
slack   'xoxr-' w10+
slack   'xoxs-' w10+
slack   'xapp-' w10+
slack   'hooks.slack.com/services/' b20+
slack   'hooks.slack.com/workflows/' b20+
slack   'hooks.slack.com/triggers/' t20+
stripe  'sk_live_' b16-255
stripe  'sk_test_' b16-255
stripe  'sk_prod_' b16-255
stripe  'rk_live_' b16-255
stripe  'rk_test_' b16-255
stripe  'rk_prod_' b16-255
stripe  'whsec_' b16-255
openai  'sk-ant-' w20+
openai  'sk-proj-' w20+
openai  'sk-svcacct-' w20+
openai  'sk-admin-' w20+
openai  'sk-or-v1-' w20+
openai  'sk-' a20 'T3BlbkFJ' a20
openai  | 'sk-' w20-255 #
token   'glpat-' s20+
token   'gldt-' w20+
token   'glft-' w20+
token   'glffct-' w20+
token   'glimt-' w20+
token   'glagent-' w40+
token   'gloas-' w40+
token   'glptt-' h40+
token   'glrt-' s20+
token   'glcbt-' w20+
token   'glsoat-' w20+
token   'GR1348941' w20+
token   'npm_' a36
token   'hf_' a30-64
token   'api_org_' a30-64
token   'pypi-' w50+
token   'SG.' w22 '.' w43
token   | 'SG.' s60-80
token   'dop_v1_' h64
token   'doo_v1_' h64
token   'dor_v1_' h64
token   'hvs.' w20+
token   'hvb.' w20+
token   'hvr.' w20+
token   | 's.' a24 #
token   a14 '.atlasv1.' q50+
token   'A3-' u6 '-' u11 '-' u5 '-' u5 '-' u5
token   'A3-' u6 '-' u6 '-' u5 '-' u5 '-' u5 '-' u5
token   'ops_eyJ' b100+
token   'p8e-' a32
token   'AGE-SECRET-KEY-1' u58
token   'pat' a14 '.' h64
token   'LTAI' a16-24 #
token   'AKCp' a60+
token   'cmVmd' a59
token   'ATATT3' q100+
token   'ATCTT3' q100+
token   | 'ATBB' a32 #
token   'sc_' a5-30 '.' a4-6 '.acc' t40+
token   'ext_' a5-30 '.' a4-6 '.acc' t40+
token   'scauth_' a5-30 '.' a4-6 '.acc' t40+
token   'authress_' a5-30 '.' a4-6 '.acc' t40+
token   | '4b1d' a38
token   'CLOJARS_' a60
token   'v1.0-' h24 '-' h100+
token   'dapi' h32
token   'dnkey-' q60+
token   'dp.pt.' a40+
token   'dp.ct.' a40+
token   'dp.sa.' a40+
token   'duffel_test_' q40+
token   'duffel_live_' q40+
token   'dt0c01.' s60+
token   'dt0s01.' s60+
token   'EZAK' a54
token   'EZTK' a54
token   'EAAM' a100+
token   'EAAC' a100+
token   d15-16 '|' w27-40
token   'FLWSECK-' w12+
token   'FLWSECK_TEST-' w12+
token   'FLWPUBK-' w30+
token   'FLWPUBK_TEST-' w30+
token   'fo1_' w43
token   'fm1r_' b100+
token   'fm1a_' b100+
token   'fm2_' b100+
token   'fio-u-' q64
token   'glc_eyJ' b28+
token   'glc_' b32+ #
token   'glsa_' w41
token   'eyJrIjoi' b60+
token   'pat.' w22 '.' a24 '.' a20
token   'sat.' w22 '.' a24 '.' a20
token   'HRKU-AA' w58
token   | 'ico-' a32
token   's-s4t2ud-' h64
token   's-s4t2af-' h64
token   'lin_api_' a32+
token   'lin_oauth_' a32+
token   'lsv2_pt_' w32+
token   'lsv2_sk_' w32+
token   h32 '-us' d1-2
token   | 'key-' h32
token   'pubkey-' h32
token   | 'pk.eyJ' w40+ '.' w20+
token   | 'sk.eyJ' w40+ '.' w20+
token   | 'pk.' a60 '.' a22
token   a6 '_' a29 '_mmk'
token   '.webhook.office.com/webhookb2/' t30-80 '@' t60+
token   'discord.com/api/webhooks/' d10-20 '/' w40+
token   'discordapp.com/api/webhooks/' d10-20 '/' w40+
token   'NRJS-' h19
token   'NRII-' w32
token   'NRAK-' a27
token   'ntn_' a40+
token   'secret_' a43 #
token   'API-' u26 #
token   'sha256~' w43
token   'pplx-' a40+
token   'access-sandbox-' w36
token   'access-development-' w36
token   'access-production-' w36
token   'pscale_tkn_' t32+
token   'pscale_oauth_' t32+
token   'pscale_pw_' t32+
token   'PMAK-' h24 '-' h34
token   'pnu_' a36
token   'pul-' h40
token   'rdme_' a70
token   'rubygems_' h48
token   'tk-us-' w48
token   'xkeysib-' h64 '-' a16
token   'xsmtpsib-' h64 '-' a16
token   'sntrys_' t60+
token   'sntryu_' h64
token   'sm_aat_' a16
token   'sm_pat_' a16
token   'sm_sat_' a16
token   'shippo_live_' h40
token   'shippo_test_' h40
token   'shpat_' a32-64
token   'shpca_' a32-64
token   'shppa_' a32-64
token   'shpss_' a32-64
token   'sgp_' w40+
token   'squ_' q40
token   'sqp_' q40
token   'sqa_' q40
token   | 'EAAA' w22+ #
token   'sq0atp-' w22+
token   'sq0csp-' w22+
token   'tfp_' t40+
token   'SK' h32
token   d5-16 ':A' w34
token   | 't1.' q20+ '.' q80+
token   | 'AQVN' w35-38
token   | 'YC' w38 #
token   'pat-na1-' w36
token   'pat-eu1-' w36
token   'cfk_' a48
token   'cfut_' a48
token   'cfat_' a48
token   'dckr_pat_' w27+
token   'dckr_oat_' w27+
token   'figd_' w40+
token   'gsk_' a48+
token   'xai-' a60+
token   'nvapi-' w50+
token   'tskey-' w20+
token   'vcp_' a20-60
token   'vci_' a20-60
token   'vca_' a20-60
token   'vcr_' a20-60
token   'vck_' a20-60
token   | 'r8_' a37
token   'sbp_' h40
token   'sb_secret_' w30+
token   'e2b_' h40
jwt     'ZXlKaGJHY2lPaU' b40+
`;

const CLASSES: Record<string, number> = {
  d: DIGIT,
  h: HEX,
  u: DIGIT_UPPER,
  a: ALNUM,
  w: WORD,
  q: WORD | EQUALS,
  s: DOTTED,
  b: BASE64,
  t: DOTTED | BASE64,
};

interface Piece {
  text: Uint8Array | null;
  class: number;
  min: number;
  max: number;
}

interface Token {
  kind: Kind;
  isWord: boolean;
  needsDigit: boolean;
  sign: string;
  before: Piece[];
  after: Piece[];
}

function parse(line: string): Token {
  const [kind, ...parts] = line.split(/ +/) as [Kind, ...string[]];
  const isWord = parts[0] === '|';
  const needsDigit = parts.at(-1) === '#';
  const pieces = parts.slice(Number(isWord), needsDigit ? -1 : undefined);
  const length = (part: string): number => (part.startsWith("'") ? part.length : 0);
  const sign = pieces.reduce(
    (longest, part, at) => (length(part) > length(pieces[longest]!) ? at : longest),
    0,
  );
  return {
    ...{ kind, isWord, needsDigit },
    sign: pieces[sign]!.slice(1, -1),
    before: pieces.slice(0, sign).map(pieceOf).reverse(),
    after: pieces.slice(sign + 1).map(pieceOf),
  };
}

function pieceOf(part: string): Piece {
  if (part.startsWith("'")) return { text: Buffer.from(part.slice(1, -1)), class: 0, min: 0, max: 0 };
  const [, letter, min, open, max] = /^([a-z])(\d+)(?:(\+)|-(\d+))?$/.exec(part)!;
  const most = open === undefined ? Number(max ?? min) : Number.POSITIVE_INFINITY;
  return { text: null, class: CLASSES[letter!]!, min: Number(min), max: most };
}

export const tokenSigns = (wanted: ReadonlySet<Kind>): Sign[] =>
  TOKENS.trim()
    .split('\n')
    .map(parse)
    .filter(({ kind }) => wanted.has(kind))
    .map((token) => ({ text: token.sign, check: (...given) => checkToken(token, ...given) }));

function checkToken(
  token: Token,
  found: Span[],
  b: Uint8Array,
  at: number,
  start: number,
  end: number,
): number {
  if (token.before.length === 0 && token.isWord && !isBound(b, at, start)) return -1;
  const to = ahead(token.after, b, at + token.sign.length, end);
  if (to < 0) return -1;
  const from = token.before.length === 0 ? at : back(token.before, b, at, start);
  if (from < 0 || (token.isWord && !isBound(b, from, start))) return -1;
  if (token.needsDigit && !hasDigit(b, from, to)) return -1;
  return add(found, token.kind, from, to);
}

/** A piece of a bounded length must end there. */
function ahead(pieces: readonly Piece[], b: Uint8Array, at: number, end: number): number {
  for (const { text, class: bits, min, max } of pieces) {
    if (text !== null) {
      for (const byte of text) if (at >= end || b[at++] !== byte) return -1;
      continue;
    }
    const to = run(b, at, max === Number.POSITIVE_INFINITY ? end : Math.min(end, at + max + 1), bits);
    if (to - at < min || to - at > max) return -1;
    at = to;
  }
  return at;
}

function back(pieces: readonly Piece[], b: Uint8Array, at: number, start: number): number {
  for (const { text, class: bits, min, max } of pieces) {
    if (text !== null) {
      at -= text.length;
      if (at < start) return -1;
      for (let index = 0; index < text.length; index++) if (b[at + index] !== text[index]) return -1;
      continue;
    }
    const from = runBack(b, at, start, bits, Math.min(max, LOOK_BACK_BYTES));
    if (at - from < min) return -1;
    at = from;
  }
  return at;
}

function hasDigit(b: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (isDigit(b[at]!)) return true;
  return false;
}
