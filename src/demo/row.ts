export type SpanStyle = 'plain' | 'strong' | 'quiet' | 'good' | 'bad';
/** A piece of a line in one style. */
export interface Span {
  text: string;
  style?: SpanStyle | undefined;
}
/** A line of the screen. */
export type Row = Span[];

export const rowText = (row: Row): string => row.map(({ text }) => text).join('');

/** Cuts a line to at most `width` columns; a cut line ends with an ellipsis. */
export function fit(row: Row, width: number): Row {
  if (rowText(row).length <= width) return row;
  const fitting: Row = [];
  let left = Math.max(0, width - 1);
  for (const { text, style } of row) {
    if (text.length <= left) fitting.push({ text, style });
    else return [...fitting, { text: `${text.slice(0, left)}…`, style }];
    left -= text.length;
  }
  return fitting;
}
