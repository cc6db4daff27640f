/** `verge schema`: the documents that people write, as JSON Schema for editors and other programs. */
import { documentJsonSchema, Preprocess, Recipe, TrainingConfig } from '@verge/contracts';

const documents = {
  'training-config': { schema: TrainingConfig, title: 'Verge training configuration' },
  recipe: { schema: Recipe, title: 'Verge compression recipe' },
  preprocess: { schema: Preprocess, title: 'Verge preprocessing' },
} as const;
export type DocumentName = keyof typeof documents;
export const documentNames = Object.keys(documents) as DocumentName[];

/** JSON Schema 2020-12 of what may be written: fields with a default may be left out. */
export function documentSchema(name: DocumentName): Record<string, unknown> {
  const { schema, title } = documents[name];
  const { $schema, ...rest } = documentJsonSchema(schema);
  return { $schema, $id: `urn:verge:schema:${name}:1`, title, ...rest };
}
