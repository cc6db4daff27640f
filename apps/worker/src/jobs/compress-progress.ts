/** What both ways to compress say on their way. */
import type { JobProgress } from '@verge/contracts';
import type { Part, Samples } from '@verge/data';
import type { JobContext } from '../job-context.js';

/** Of the whole job; the rest is the artifact. */
export const COMPRESSION_SHARE = 0.95;

/** Progress out of a callback that nobody waits for. */
export const reporting =
  (context: JobContext) =>
  (update: Partial<Omit<JobProgress, 'attempt'>>): void => {
    context
      .progress(update)
      .catch((error: unknown) => context.log.warn({ err: error }, 'the progress could not be reported'));
  };

export const tellArtifact = (context: JobContext): Promise<void> =>
  context.progress({ stage: 'artifact', fraction: COMPRESSION_SHARE, message: 'self-test, provenance, manifest' });

/** The self-test takes real inputs, labelled or not. */
export const shownTo = ({ validation, test }: Record<Part, Samples>): Samples =>
  validation.y.length > 0 ? validation : test;
