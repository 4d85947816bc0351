/** A line of a Markdown page, and which part of the page it belongs to. */
export interface PageLine {
  /** From 1. */
  number: number;
  text: string;
  is: 'prose' | 'table' | 'code';
}

const FENCE = /^\s*(`{3,}|~{3,})/;

/** All lines of a page. The lines of a code block, its fences included, are code. */
export function linesOf(page: string): PageLine[] {
  let fence = '';
  return page.split('\n').map((text, index) => {
    const number = index + 1;
    const [, mark = ''] = FENCE.exec(text) ?? [];
    if (fence !== '') {
      if (mark.startsWith(fence) && text.trim() === mark) fence = '';
      return { number, text, is: 'code' };
    }
    if (mark !== '') {
      fence = mark;
      return { number, text, is: 'code' };
    }
    return { number, text, is: text.trimStart().startsWith('|') ? 'table' : 'prose' };
  });
}

/** The `code` in a line of prose. */
export const codeIn = (text: string): string[] =>
  [...text.matchAll(/(`+)(?!`)(.+?)(?<!`)\1(?!`)/g)].map((match) => match[2]!);

const withoutCode = (text: string): string => text.replaceAll(/(`+)(?!`)(.+?)(?<!`)\1(?!`)/g, '``');

/** The targets of links and pictures in a line of prose, in Markdown and in HTML. */
export function linksIn(line: string): string[] {
  const text = withoutCode(line);
  const inline = text.matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+["'][^)]*)?\)/g);
  const reference = text.matchAll(/^\s*\[[^\]]+\]:\s*<?(\S+?)>?(?:\s|$)/g);
  const html = text.matchAll(/<(?:a|img|source)\b[^>]*?\b(?:href|src|srcset)=["']([^"']+)["']/g);
  return [...inline, ...reference, ...html].map((match) => match[1]!);
}

/** The names by which links find the headings of a page, made as GitHub makes them. */
export function anchorsOf(page: string): Set<string> {
  const anchors = new Set<string>();
  const counts = new Map<string, number>();
  for (const { text, is } of linesOf(page)) {
    if (is === 'code') continue;
    for (const [, id] of text.matchAll(/<a\s+(?:id|name)=["']([^"']+)["']/g)) anchors.add(id!);
    const [, heading] = /^#{1,6}\s+(.+?)\s*#*$/.exec(text) ?? [];
    if (heading === undefined) continue;
    const slug = slugOf(heading);
    const count = counts.get(slug) ?? 0;
    counts.set(slug, count + 1);
    anchors.add(count === 0 ? slug : `${slug}-${count}`);
  }
  return anchors;
}

function slugOf(heading: string): string {
  const text = heading.replaceAll(/!?\[([^\]]*)\]\([^)]*\)/g, '$1').replaceAll(/<[^>]+>/g, '');
  return text
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(/\s/g, '-');
}
