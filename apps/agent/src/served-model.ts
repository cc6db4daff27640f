/** What the local API needs of a model that serves: of an installed artifact, or of a file that was named. */
import type { ArtifactManifest } from '@verge/contracts';
import type { ModelSource } from '@verge/runtime';

export type ModelDescription = Pick<
  ArtifactManifest,
  'model' | 'version' | 'task' | 'inputs' | 'outputs' | 'preprocess' | 'labels'
>;

export interface ServedModel {
  /** What every answer names, so that a caller knows which bytes gave it. */
  digest: string;
  /** What it is the digest of: an artifact's manifest, or the model itself where there is none. */
  digestOf: 'manifest' | 'model';
  manifest: ModelDescription;
  /** The model, verified again. @throws AgentError `DIGEST_MISMATCH` when it is not what it was */
  read: () => Promise<ModelSource>;
}
