import type { Training } from '@verge/contracts';

/** What a training is called: its own name, else the model it trains. */
export const trainingName = (training: Pick<Training, 'name' | 'model' | 'id'>): string =>
  training.name || `${training.model} ${training.id.slice(-8)}`;
