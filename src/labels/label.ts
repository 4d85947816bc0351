import { limits } from '../base/limits.ts';

/** What the runtime knows of a sandbox, in each of its rows. */
export interface Label {
  workspace: string;
  template: string;
}

/**
 * The label in what the runtime says of a sandbox: `{ "id", "template", "workspace" }`, the workspace also in its
 * `metadata`. Null when it is no such object; a field that is no text, or too long for one, is empty.
 */
export function labelIn(said: unknown): Label | null {
  if (!isObject(said)) return null;
  const { template, workspace, metadata } = said;
  return {
    template: textOf(template),
    workspace: textOf(workspace) || textOf(isObject(metadata) ? metadata.workspace : undefined),
  };
}

/** Its id, null when it has none. */
export function idIn(said: unknown): string | null {
  const id = isObject(said) ? (said.id ?? said.sandbox_id) : undefined;
  return typeof id === 'string' && id !== '' ? id : null;
}

const isObject = (said: unknown): said is Record<string, unknown> =>
  typeof said === 'object' && said !== null && !Array.isArray(said);

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are meant
const controls = /[\u0000-\u001f\u007f]/;

function textOf(said: unknown): string {
  if (typeof said !== 'string' || controls.test(said)) return '';
  return Buffer.byteLength(said) <= limits.labels.text_bytes_max ? said : '';
}
