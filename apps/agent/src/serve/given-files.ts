/** Preprocessing and labels, from the files that a person named. */
import { readFile } from 'node:fs/promises';
import { Preprocess } from '@verge/contracts';
import { checkPreprocess } from '@verge/data';
import { parse } from 'yaml';
import { AgentError, reasonOf } from '../errors.js';
import type { ModelGiven } from './describe.js';
import { nameOf, unreadable } from './model-file.js';

async function readText(what: string, path: string): Promise<string> {
  const bytes = await readFile(path).catch((cause: unknown) => unreadable(what, path, cause));
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new AgentError('GIVEN_INVALID', `${what} '${path}' is no text in UTF-8`, { cause });
  }
}

/** JSON or YAML. @throws AgentError `FILE_MISSING`, `GIVEN_INVALID` naming every bad field */
export async function readPreprocess(path: string): Promise<Preprocess> {
  const text = await readText('the preprocessing', path);
  let value: unknown;
  try {
    value = parse(text);
  } catch (cause) {
    throw new AgentError('GIVEN_INVALID', `'${path}' is neither YAML nor JSON: ${reasonOf(cause)}`, { cause });
  }
  const parsed = Preprocess.safeParse(value);
  if (!parsed.success) {
    const bad = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'the document'}: ${issue.message}`);
    throw new AgentError('GIVEN_INVALID', `'${path}' is no preprocessing: ${bad.join('; ')}`);
  }
  try {
    checkPreprocess(parsed.data);
  } catch (cause) {
    throw new AgentError('GIVEN_INVALID', `'${path}': ${reasonOf(cause)}`, { cause });
  }
  return parsed.data;
}

/** A label a line, for the classes from 0. @throws AgentError `FILE_MISSING`, `GIVEN_INVALID` */
export async function readLabels(path: string): Promise<string[]> {
  const text = await readText('the labels', path);
  if (text.trim() === '') throw new AgentError('GIVEN_INVALID', `the labels '${path}' are empty`);
  return text.replace(/\r?\n$/, '').split(/\r?\n/);
}

/** What options say of a model file. @throws AgentError `FILE_MISSING`, `GIVEN_INVALID` */
export async function givenFor(
  path: string,
  { name, preprocess, labels }: { name?: string; preprocess?: string; labels?: string },
): Promise<ModelGiven> {
  return {
    name: name ?? nameOf(path),
    preprocess: preprocess === undefined ? null : await readPreprocess(preprocess),
    labels: labels === undefined ? null : await readLabels(labels),
  };
}
