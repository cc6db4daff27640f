import { readFile } from 'node:fs/promises';
import { EnrollmentBundle } from '@verge/contracts';
import { AgentError, reasonOf } from '../errors.js';

export interface ReadBundle {
  bundle: EnrollmentBundle;
  /** root.json of the release repository. */
  releaseRoot: Buffer;
}

/**
 * @param releaseRootPath a root.json that people handed over; it counts before the one in the bundle
 * @throws AgentError `BUNDLE_INVALID` naming every bad field, `RELEASE_ROOT_MISSING`
 */
export async function readBundle(path: string, releaseRootPath?: string): Promise<ReadBundle> {
  let content: unknown;
  try {
    content = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    // A parser's message may quote the file, and the file holds a token.
    const why = error instanceof SyntaxError ? 'it is not JSON' : reasonOf(error);
    throw new AgentError('BUNDLE_INVALID', `${path} is no enrolment bundle: ${why}`);
  }
  const parsed = EnrollmentBundle.safeParse(content);
  if (!parsed.success) {
    const bad = parsed.error.issues.map((issue) => `${issue.path.join('.') || '(top)'}: ${issue.message}`);
    throw new AgentError('BUNDLE_INVALID', `${path} is no enrolment bundle: ${bad.join('; ')}`);
  }
  const bundle = parsed.data;
  if (releaseRootPath === undefined && bundle.releaseRoot === null) {
    throw new AgentError(
      'RELEASE_ROOT_MISSING',
      'the bundle carries no root of the release repository; give it with --release-root FILE. A device must not learn ' +
        'it from the control plane, so it comes from the people who sign releases.',
    );
  }
  const releaseRoot =
    releaseRootPath === undefined ? Buffer.from(bundle.releaseRoot ?? '', 'base64') : await readRoot(releaseRootPath);
  return { bundle, releaseRoot };
}

async function readRoot(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new AgentError('BUNDLE_INVALID', `--release-root ${path}: ${reasonOf(error)}`, { cause: error });
  }
}
